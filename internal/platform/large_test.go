package platform_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"

	"webhook-operator.io/itwin/internal/platform"
)

// lists is a server of large lists, each of which begins to wait at its middle, until release lets one go on.
type lists struct {
	*WithT
	t       *testing.T
	server  *httptest.Server
	begun   chan string
	release chan struct{}
	clients map[string]*platform.Client
}

func newLists(t *testing.T) *lists {
	l := &lists{
		WithT: NewWithT(t), t: t, begun: make(chan string, 100), release: make(chan struct{}),
		clients: map[string]*platform.Client{},
	}
	half := strings.Repeat(padded(1000)(1)+",", 5500)
	l.server = httptest.NewServer(withTokens(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		account := strings.Split(r.URL.Path, "/")[1]
		if account == "small" {
			_, _ = io.WriteString(w, `{"webhooks":[]}`)
			return
		}
		if account == "entries" {
			_, _ = io.WriteString(w, `{"webhooks":[`+strings.Repeat(small(1)+",", 20_000)+small(2)+`]}`)
			return
		}
		_, _ = io.WriteString(w, `{"webhooks":[`+half)
		_ = http.NewResponseController(w).Flush()
		l.begun <- account
		if strings.HasPrefix(account, "hangs") {
			select {
			case <-l.release:
			case <-r.Context().Done():
				return
			}
		}
		_, _ = io.WriteString(w, padded(1000)(2)+`]}`)
	})))
	t.Cleanup(l.server.Close)
	return l
}

// refusedList lists an account until it waits for a slot, and gives up then.
func (l *lists) refusedList(account string) error {
	ctx, cancel := context.WithCancel(l.t.Context())
	defer cancel()
	result := make(chan error, 1)
	client := l.client(account)
	go func() {
		_, err := client.List(ctx, nil)
		result <- err
	}()
	l.Eventually(platform.LargeListsWaiting).WithTimeout(time.Minute).Should(Equal(1))
	cancel()
	return <-result
}

// list lists an account.
func (l *lists) list(account string) error {
	_, err := l.client(account).List(l.t.Context(), nil)
	return err
}

func (l *lists) client(account string) *platform.Client {
	client := l.clients[account]
	if client == nil {
		s := newAnswerScene(l.t, nil)
		o := s.options()
		o.APIURL, o.RequestTimeout, o.TokenURL = l.server.URL+"/"+account, time.Hour, l.server.URL+"/connect/token"
		o.ListTimeout = time.Hour
		var err error
		client, err = platform.New(o)
		l.Expect(err).NotTo(HaveOccurred())
		l.t.Cleanup(client.CloseIdleConnections)
		l.clients[account] = client
	}
	return client
}

func overInFlightLimit(err error) bool {
	throttled, ok := errors.AsType[*platform.ThrottledError](err)
	return ok && throttled.InFlight
}

// One list of an account that has proven nothing holds a slot; a second one is told to come back, which is no outage. A
// small list, and a large one of an account whose last one was quick, do not notice.
func TestLargeListsOfUnprovenAccountsHoldOneSlot(t *testing.T) {
	l := newLists(t)
	l.Expect(l.list("good")).To(Succeed())
	held := make(chan error, 1)
	go func() { held <- l.list("hangs") }()
	l.Eventually(platform.LargeListsUnderWay).WithTimeout(time.Minute).Should(Equal(1))
	err := l.refusedList("hangs-too")
	l.Expect(overInFlightLimit(err)).To(BeTrue(), "%v", err)
	wait, _ := platform.IsRateLimited(err)
	l.Expect(wait).To(BeNumerically(">", time.Second))
	l.Expect(overInFlightLimit(l.refusedList("entries"))).To(BeTrue(), "many small entries are a large list, too")
	l.Expect(l.list("small")).To(Succeed())
	l.Expect(l.list("good")).To(Succeed())
	l.Expect(l.list("good")).To(Succeed(), "it is still good")
	close(l.release)
	t.Log("a list that may have come too slowly ended with", <-held)
	l.Expect(platform.LargeListsUnderWay()).To(BeZero())
}

// An account that was refused is listed before those that came later.
func TestLargeListsAreReadInTheOrderOfTheirRequests(t *testing.T) {
	l := newLists(t)
	held := make(chan error, 3)
	go func() { held <- l.list("hangs") }()
	l.Eventually(platform.LargeListsUnderWay).WithTimeout(time.Minute).Should(Equal(1))
	l.Expect(overInFlightLimit(l.refusedList("first"))).To(BeTrue())
	order := make(chan string, 2)
	for i, account := range []string{"second", "first"} {
		go func() {
			held <- l.list(account)
			order <- account
		}()
		l.Eventually(platform.LargeListsWaiting).WithTimeout(time.Minute).Should(Equal(i + 1))
	}
	l.release <- struct{}{}
	l.Expect(<-order).To(Equal("first"))
	l.Expect(<-order).To(Equal("second"))
	for range 3 {
		t.Log("a list that may have come too slowly ended with", <-held)
	}
}

// Of many large lists that begin together, those that get their place later have the room that the others left.
func TestMemoryIsTakenWhileALargeListWaitsItsBoundIsLower(t *testing.T) {
	l, c := newLists(t), clocktesting.NewFakePassiveClock(start)
	slots := platform.NewSlots(256)
	l.client("entries").Pace(platform.NewPace(c, slots).Join("late", platform.Limits{}))
	held, late := make(chan error, 1), make(chan error, 1)
	go func() { held <- l.list("hangs") }()
	l.Eventually(platform.LargeListsUnderWay).WithTimeout(time.Minute).Should(Equal(1))
	go func() { late <- l.list("entries") }()
	l.Eventually(platform.LargeListsWaiting).WithTimeout(time.Minute).Should(Equal(1))
	platform.NewPace(c, slots).Keep(120_000)
	close(l.release)
	t.Log("a list that may have come too slowly ended with", <-held)
	platform.EndLargePause()
	l.Expect(<-late).To(MatchError(ContainSubstring("the list has more than 1000 webhooks")))
}

// dripping is an endless list that comes at some bytes a second.
type dripping struct {
	perSecond int
	rest      string
	ctx       context.Context
}

func (d *dripping) Read(p []byte) (int, error) {
	if d.rest == "" {
		d.rest = padded(900)(1) + ","
	}
	n := copy(p, d.rest)
	d.rest = d.rest[n:]
	time.Sleep(time.Duration(n) * time.Second / time.Duration(d.perSecond))
	return n, d.ctx.Err()
}

func (d *dripping) Close() error { return nil }

// drippingClient is the client of an account whose list is endless, and comes at some bytes a second.
func drippingClient(t *testing.T, perSecond int, timeout time.Duration) *platform.Client {
	client, err := platform.New(platform.Options{
		APIURL: "https://api.example.com", TokenURL: "https://ims.example.com/connect/token",
		RequestTimeout: timeout, ListTimeout: time.Hour,
		Transport: roundTrips(func(r *http.Request) (*http.Response, error) {
			recorder := httptest.NewRecorder()
			withTokens(http.NotFoundHandler())(recorder, r)
			response := recorder.Result()
			if r.Method == http.MethodGet {
				response.StatusCode, response.Body = http.StatusOK, &dripping{perSecond, `{"webhooks":[`, r.Context()}
			}
			return response, nil
		}),
	})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return client
}

type roundTrips func(*http.Request) (*http.Response, error)

func (f roundTrips) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

package platform_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/platform"
)

// silent is a platform that stops answering at some point. It lives in the time of a synctest bubble.
type silent struct {
	token, answer func(*http.Request) (*http.Response, error)
	sent          int
}

func (s *silent) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/connect/token" {
		return s.token(r)
	}
	s.sent++
	return s.answer(r)
}

func (s *silent) client(g *WithT, timeout time.Duration) *platform.Client {
	client, err := platform.New(platform.Options{
		APIURL: "https://api.example.com", TokenURL: "https://ims.example.com/connect/token", UserAgent: userAgent,
		Credentials: platform.Credentials{ClientID: "tester", ClientSecret: clientSecret},
		Transport:   s, RequestTimeout: timeout,
	})
	g.Expect(err).NotTo(HaveOccurred())
	return client
}

func says(status int, body io.Reader) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: status, Body: io.NopCloser(body), Header: http.Header{"Content-Type": {"application/json"}},
		}, nil
	}
}

func givesToken(r *http.Request) (*http.Response, error) {
	return says(200, strings.NewReader(`{"access_token":"`+accessToken+`","expires_in":3600}`))(r)
}

func saysNothing(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// saysHalf answers and then falls silent.
func saysHalf(status int) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		return says(status, io.MultiReader(strings.NewReader(`{"id":"`), silence{r.Context()}))(r)
	}
}

type silence struct{ ctx context.Context }

func (s silence) Read([]byte) (int, error) {
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}

func TestThePlatformIsSilentTheCallEndsAtItsTimeout(t *testing.T) {
	for name, test := range map[string]struct {
		platform silent
		timeout  time.Duration
		deadline time.Duration // of the caller; 0 is endless
		want     time.Duration
		status   int
		outcome  platform.Outcome
	}{
		"silence":                     {silent{token: givesToken, answer: saysNothing}, 3 * time.Second, 0, 3 * time.Second, 0, platform.Unknown},
		"silence, by default":         {silent{token: givesToken, answer: saysNothing}, 0, 0, 10 * time.Second, 0, platform.Unknown},
		"silence, impatient caller":   {silent{token: givesToken, answer: saysNothing}, 0, time.Second, time.Second, 0, platform.Unknown},
		"silence, patient caller":     {silent{token: givesToken, answer: saysNothing}, 3 * time.Second, time.Hour, 3 * time.Second, 0, platform.Unknown},
		"half an answer":              {silent{token: givesToken, answer: saysHalf(201)}, 3 * time.Second, 0, 3 * time.Second, 201, platform.Unknown},
		"half a refusal":              {silent{token: givesToken, answer: saysHalf(422)}, 3 * time.Second, 0, 3 * time.Second, 422, platform.Unknown},
		"silence of the token server": {silent{token: saysNothing}, 3 * time.Second, 0, 3 * time.Second, 0, platform.Refused},
		"half a token":                {silent{token: saysHalf(200)}, 3 * time.Second, 0, 3 * time.Second, 0, platform.Refused},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := NewWithT(t)
				ctx := t.Context()
				if test.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, test.deadline)
					defer cancel()
				}
				begun := time.Now()
				_, err := test.platform.client(g, test.timeout).Create(ctx, platform.Priority{}, request())
				g.Expect(time.Since(begun)).To(Equal(test.want), "in the time of the bubble")
				e, ok := errors.AsType[*platform.Error](err)
				g.Expect(ok).To(BeTrue(), "%v", err)
				g.Expect(e.Status).To(Equal(test.status))
				g.Expect(e.Outcome).To(Equal(test.outcome))
				g.Expect(err.Error()).NotTo(ContainSubstring("MARKED"))
				if test.status != 422 {
					g.Expect(err).To(MatchError(ContainSubstring("timed out ")))
					g.Expect(err).To(MatchError(context.DeadlineExceeded))
				}
			})
		})
	}
}

func TestACallIsCancelledItsOutcomeIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewWithT(t)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		s := silent{token: givesToken, answer: saysNothing}
		_, err := s.client(g, 0).Create(ctx, platform.Priority{}, request())
		g.Expect(err).To(MatchError(context.Canceled))
		g.Expect(platform.MayHaveHappened(err)).To(BeTrue())
	})
}

// late is a context whose deadline has passed although its timer has not run: the process was stopped for a while.
type late struct{ context.Context }

func (late) Deadline() (time.Time, bool) { return time.Now().Add(-time.Millisecond), true }

func TestACallDecidedBeforeTheProcessWasStoppedIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewWithT(t)
		s := silent{token: givesToken, answer: saysNothing}
		client := s.client(g, 0)
		_, err := client.Create(late{t.Context()}, platform.Priority{}, request())
		g.Expect(err).To(MatchError(context.DeadlineExceeded))
		g.Expect(platform.MayHaveHappened(err)).To(BeFalse())
		g.Expect(s.sent).To(BeZero())
	})
}

// One slow platform must not hold every worker: the calls under way are bounded, and more are told to come back.
func TestCallsUnderWayAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewWithT(t)
		s := silent{token: givesToken, answer: saysNothing}
		client, err := platform.New(platform.Options{
			APIURL: "https://api.example.com", TokenURL: "https://ims.example.com/connect/token", Transport: &s,
			Limits: platform.Limits{InFlight: 3},
		})
		g.Expect(err).NotTo(HaveOccurred())
		call := func() error {
			_, err := client.Get(t.Context(), platform.Priority{}, webhookID)
			return err
		}
		// The first one fetches the token, which no other may have to wait for: that is a mutex, no slot in a bubble.
		slow := make(chan error, 10)
		for range 3 {
			go func() { slow <- call() }()
			synctest.Wait()
		}
		g.Expect(s.sent).To(Equal(3))

		begun := time.Now()
		told := map[time.Duration]bool{}
		for range 50 {
			wait, limited := platform.IsRateLimited(call())
			g.Expect(limited).To(BeTrue())
			g.Expect(wait).To(BeNumerically(">=", 10*time.Millisecond))
			told[wait] = true
		}
		g.Expect(told).To(HaveLen(50), "each is told another time")
		g.Expect(time.Since(begun)).To(BeZero(), "asking takes no time")
		g.Expect(s.sent).To(Equal(3))

		go func() {
			_, err := client.List(t.Context(), nil)
			slow <- err
		}()
		synctest.Wait()
		g.Expect(s.sent).To(Equal(4), "a list is not kept out")

		for range 4 {
			g.Expect(<-slow).To(MatchError(context.DeadlineExceeded))
		}
		go func() { slow <- call() }()
		synctest.Wait()
		g.Expect(s.sent).To(Equal(5), "there is room again")
		g.Expect(<-slow).To(HaveOccurred())
	})
}

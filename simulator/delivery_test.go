package simulator_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/simulator"
)

// received is a request that a callback got.
type received struct {
	path, signature, contentType, body string
}

// receiver is a callback with TLS that notes what it gets.
type receiver struct {
	*httptest.Server

	mu       sync.Mutex
	requests []received
}

// newReceiver starts a callback that answers as the handler does.
func newReceiver(t *testing.T, handler http.HandlerFunc) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)
		r.mu.Lock()
		r.requests = append(r.requests, received{
			path:        request.URL.Path,
			signature:   request.Header.Get("Signature"),
			contentType: request.Header.Get("Content-Type"),
			body:        string(body),
		})
		r.mu.Unlock()
		handler(w, request)
	}))
	r.Config.ErrorLog = log.New(io.Discard, "", 0)
	r.StartTLS()
	t.Cleanup(r.Close)
	return r
}

// newPlainReceiver starts a callback without TLS and returns its URL.
func newPlainReceiver(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func (r *receiver) received() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]received(nil), r.requests...)
}

func respond(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

// deletedEvent is one that the webhooks of createBody subscribe to.
func deletedEvent() simulator.Event {
	return simulator.Event{
		EventType: "iModels.iModelDeleted.v1",
		ITwinID:   iTwinID,
		Content:   json.RawMessage(`{ "imodelId": "24659f92", "note": "a<b & c" }`),
	}
}

// publish publishes an event and waits for what is due at once.
func publish(t *testing.T, platform *simulator.Simulator, e simulator.Event) simulator.Published {
	t.Helper()
	published, err := platform.Publish(e)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	advance(t, platform, 0)
	return published
}

func advance(t *testing.T, platform *simulator.Simulator, d time.Duration) {
	t.Helper()
	_, err := platform.Advance(d)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
}

func sign(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = io.WriteString(mac, body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func active(platform *simulator.Simulator) []bool {
	var all []bool
	for _, w := range platform.Webhooks() {
		all = append(all, w.Active)
	}
	return all
}

func TestDeliveredEvent(t *testing.T) {
	g := NewWithT(t)
	callback := newReceiver(t, respond(http.StatusOK))
	platform, c := newSimulator(t, simulator.Options{InsecureCallbacks: true})
	id := c.createActive(callback.URL + "/itwin")

	published := publish(t, platform, deletedEvent())

	g.Expect(published.Webhooks).To(Equal([]string{id}))
	body := fmt.Sprintf(`{"content":{"imodelId":"24659f92","note":"a<b & c"},"eventType":"iModels.iModelDeleted.v1",`+
		`"iTwinId":"%s","enqueuedDateTime":"3/1/2026 6:25:39 PM","messageId":"%s","webhookId":"%s"}`,
		iTwinID, published.MessageID, id)
	g.Expect(callback.received()).To(Equal([]received{{
		path: "/itwin", body: body, signature: sign(secret, body), contentType: "application/json; charset=utf-8",
	}}))
	attempts := platform.Deliveries()
	g.Expect(attempts).To(HaveLen(1))
	attempts[0].LatencyMS = 0
	g.Expect(attempts[0]).To(Equal(simulator.Attempt{
		MessageID: published.MessageID, WebhookID: id, EventType: "iModels.iModelDeleted.v1", Attempt: 1,
		Time: simulator.Timestamp{Time: start}, URL: callback.URL + "/itwin", Status: 200, Outcome: simulator.Delivered,
	}))
	advance(t, platform, 30*24*time.Hour)
	g.Expect(callback.received()).To(HaveLen(1), "what was delivered is not sent again")
}

func TestSubscriptions(t *testing.T) {
	const other = "00000000-1111-2222-3333-444444444444"
	tests := map[string]struct {
		properties []string // of the webhook, whose account is "tester"
		inactive   bool
		event      func(*simulator.Event)
		want       bool
	}{
		"an account gets what happens in it":   {want: true},
		"an account gets what happens to it":   {event: func(e *simulator.Event) { e.ClientID = "tester" }, want: true},
		"an account gets nothing of another's": {event: func(e *simulator.Event) { e.ClientID = "other" }},
		"an iTwin gets its own":                {properties: []string{`"scope":"iTwin"`, `"scopeId":"` + iTwinID + `"`}, want: true},
		"an iTwin gets nothing of another's":   {properties: []string{`"scope":"iTwin"`, `"scopeId":"` + other + `"`}},
		"a type that is not subscribed to":     {event: func(e *simulator.Event) { e.EventType = "iModels.iModelCreated.v1" }},
		"one of many types":                    {properties: []string{`"eventTypes":["iTwins.iTwinCreated.v1","iModels.iModelDeleted.v1"]`}, want: true},
		"a webhook that is turned off":         {inactive: true},
		"content is optional":                  {event: func(e *simulator.Event) { e.Content = nil }, want: true},
		"an iTwin is found in whatever case":   {properties: []string{`"scope":"iTwin"`, `"scopeId":"5C9D64CF-D22F-4149-AD08-C24FF395C3A0"`}, want: true},
		"an event in an iTwin in no scope":     {event: func(e *simulator.Event) { e.ITwinID = other }, want: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			callback := newReceiver(t, respond(http.StatusOK))
			platform, c := newSimulator(t, simulator.Options{InsecureCallbacks: true})
			id := c.create(callback.URL, tc.properties...)
			if !tc.inactive {
				c.do(http.MethodPatch, "/webhooks/"+id, `{"active":true}`)
			}
			event := deletedEvent()
			if tc.event != nil {
				tc.event(&event)
			}

			publish(t, platform, event)

			g.Expect(callback.received()).To(HaveLen(map[bool]int{true: 1}[tc.want]))
		})
	}
}

func TestFailedAttempts(t *testing.T) {
	tests := map[string]struct {
		handler    http.HandlerFunc
		timeout    time.Duration
		wantStatus int // 0: none
		wantError  string
	}{
		"another success": {handler: respond(201), wantStatus: 201, wantError: "the answer was 201 and not 200"},
		"no content":      {handler: respond(204), wantStatus: 204, wantError: "the answer was 204 and not 200"},
		"an error":        {handler: respond(502), wantStatus: 502, wantError: "the answer was 502 and not 200"},
		"a redirect to itself": {
			handler: func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
			},
			wantStatus: 307, wantError: "the answer was 307 and not 200",
		},
		"an answer that does not come": {
			handler: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
			timeout: time.Second, wantError: "no complete answer within 1s",
		},
		"a body that does not end": {
			handler: func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.WriteString(w, "OK")
				w.(http.Flusher).Flush()
				<-r.Context().Done()
			},
			timeout: 5 * time.Second, wantStatus: 200, wantError: "no complete answer within 5s",
		},
		"a body without end": {
			handler: func(w http.ResponseWriter, r *http.Request) {
				for r.Context().Err() == nil {
					if _, err := w.Write(make([]byte, 4096)); err != nil {
						return
					}
				}
			},
			wantStatus: 200, wantError: "the answer is longer than 65536 bytes",
		},
		"a connection that breaks": {
			handler:   func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			wantError: "EOF",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := NewWithT(t)
			callback := newReceiver(t, tc.handler)
			platform, c := newSimulator(t, simulator.Options{InsecureCallbacks: true, DeliveryTimeout: tc.timeout})
			c.createActive(callback.URL)

			publish(t, platform, deletedEvent())

			attempts := platform.Deliveries()
			g.Expect(attempts).To(HaveLen(1))
			g.Expect(attempts[0].Outcome).To(Equal(simulator.Failed))
			g.Expect(attempts[0].Status).To(Equal(tc.wantStatus))
			g.Expect(attempts[0].Error).To(ContainSubstring(tc.wantError))
			g.Expect(attempts[0].Next).To(Equal(&simulator.Timestamp{Time: start.Add(time.Minute)}))
			g.Expect(callback.received()).To(HaveLen(1), "a redirect is not followed")
			g.Expect(active(platform)).To(Equal([]bool{true}))
		})
	}
}

func TestCallbackWithAnUnknownCertificate(t *testing.T) {
	g := NewWithT(t)
	callback := newReceiver(t, respond(http.StatusOK))
	platform, c := newSimulator(t, simulator.Options{})
	c.createActive(callback.URL)

	publish(t, platform, deletedEvent())

	g.Expect(callback.received()).To(BeEmpty())
	g.Expect(platform.Deliveries()[0].Error).To(ContainSubstring("certificate"))
}

// Twelve retries on a schedule of three days, and then the webhook is turned off, as the platform documents it.
func TestRetriesAndDeactivation(t *testing.T) {
	g := NewWithT(t)
	callback := newReceiver(t, respond(http.StatusInternalServerError))
	platform, c := newSimulator(t, simulator.Options{InsecureCallbacks: true})
	id := c.createActive(callback.URL)

	publish(t, platform, deletedEvent())
	advance(t, platform, 72*time.Hour-time.Millisecond)
	g.Expect(platform.Deliveries()).To(HaveLen(12))
	g.Expect(active(platform)).To(Equal([]bool{true}), "one attempt is left")
	advance(t, platform, time.Millisecond)

	attempts := platform.Deliveries()
	g.Expect(attempts).To(HaveLen(13), "one attempt and 12 retries")
	var pauses []time.Duration
	for i, a := range attempts {
		g.Expect(a.Attempt).To(Equal(i + 1))
		if i > 0 {
			g.Expect(a.Time).To(Equal(*attempts[i-1].Next))
			pauses = append(pauses, a.Time.Sub(attempts[i-1].Time.Time))
		}
	}
	for i := range pauses[1:] {
		g.Expect(pauses[i+1]).To(BeNumerically(">", pauses[i]), "pauses grow")
	}
	last := attempts[12]
	g.Expect(last.Time.Time).To(Equal(start.Add(72 * time.Hour)))
	g.Expect(last.Outcome).To(Equal(simulator.GaveUp))
	g.Expect(last.Next).To(BeNil())
	requests := callback.received()
	for _, r := range requests {
		g.Expect(r).To(Equal(requests[0]), "every attempt sends the same")
	}
	c.login()
	webhook := c.do(http.MethodGet, "/webhooks/"+id, "").json(t)
	g.Expect(webhook).To(HaveKeyWithValue("active", false))
	g.Expect(webhook).To(HaveKeyWithValue("modified", "2026-03-04T18:25:39.000Z"))
}

func TestDeactivationDropsTheQueue(t *testing.T) {
	g := NewWithT(t)
	var fixed atomic.Bool
	callback := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
		if !fixed.Load() {
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	platform, c := newSimulator(t, simulator.Options{InsecureCallbacks: true})
	id := c.createActive(callback.URL)
	publish(t, platform, deletedEvent())
	advance(t, platform, time.Hour)
	publish(t, platform, deletedEvent())
	g.Expect(platform.Webhooks()[0].QueuedEvents).To(Equal(2))

	advance(t, platform, 71*time.Hour)

	g.Expect(active(platform)).To(Equal([]bool{false}))
	g.Expect(platform.Webhooks()[0].QueuedEvents).To(BeZero(), "the younger event is lost as well")
	before := len(callback.received())
	fixed.Store(true)
	c.login() // three days are more than the life of a token
	g.Expect(c.do(http.MethodPatch, "/webhooks/"+id, `{"active":true}`).status).To(Equal(http.StatusOK))
	advance(t, platform, 72*time.Hour)
	g.Expect(callback.received()).To(HaveLen(before), "it begins again with nothing")
	publish(t, platform, deletedEvent())
	g.Expect(callback.received()).To(HaveLen(before + 1))
}

// The owner fixes the webhook while events wait for it.
func TestRetryUsesTheWebhookAsItIsNow(t *testing.T) {
	g := NewWithT(t)
	broken := newReceiver(t, respond(http.StatusBadGateway))
	fixed := newReceiver(t, respond(http.StatusOK))
	platform, c := newSimulator(t, simulator.Options{InsecureCallbacks: true})
	id := c.createActive(broken.URL)
	publish(t, platform, deletedEvent())

	const newSecret = "a-secret-that-is-another-than-that-before"
	c.do(http.MethodPatch, "/webhooks/"+id, `{"callbackUrl":"`+fixed.URL+`","secret":"`+newSecret+`"}`)
	advance(t, platform, time.Minute)

	g.Expect(fixed.received()).To(HaveLen(1))
	g.Expect(fixed.received()[0].signature).To(Equal(sign(newSecret, broken.received()[0].body)))
}

func TestSlowCallbackDoesNotDelayOthers(t *testing.T) {
	g := NewWithT(t)
	release := make(chan struct{})
	callback := newReceiver(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-release
		}
	})
	defer close(release)
	platform, c := newSimulator(t, simulator.Options{InsecureCallbacks: true, DeliveryConcurrency: 8, DeliveryTimeout: time.Minute})
	c.createActive(callback.URL + "/slow")
	for range 10 {
		_, err := platform.Publish(deletedEvent())
		g.Expect(err).NotTo(HaveOccurred())
	}
	c.createActive(callback.URL+"/fast", `"eventTypes":["iTwins.iTwinCreated.v1"]`)
	created := deletedEvent()
	created.EventType = "iTwins.iTwinCreated.v1"
	_, err := platform.Publish(created)
	g.Expect(err).NotTo(HaveOccurred())

	g.Eventually(platform.Deliveries).Should(HaveLen(1))
	g.Expect(platform.Deliveries()[0].URL).To(Equal(callback.URL + "/fast"))
}

func TestConcurrencyIsBounded(t *testing.T) {
	g := NewWithT(t)
	release := make(chan struct{})
	var running, most atomic.Int32
	callback := newReceiver(t, func(http.ResponseWriter, *http.Request) {
		now := running.Add(1)
		for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
		}
		<-release
		running.Add(-1)
	})
	platform, c := newSimulator(t, simulator.Options{InsecureCallbacks: true, DeliveryConcurrency: 8, DeliveryTimeout: time.Minute})
	for range 10 {
		c.createActive(callback.URL)
	}

	_, err := platform.Publish(deletedEvent())

	g.Expect(err).NotTo(HaveOccurred())
	g.Eventually(running.Load).Should(BeEquivalentTo(4), "half of all for one host")
	close(release)
	advance(t, platform, 0)
	g.Expect(most.Load()).To(BeEquivalentTo(4))
	g.Expect(platform.Deliveries()).To(HaveLen(10))
}

// Without an advance, the clock itself brings the retries.
func TestRetriesInScaledTime(t *testing.T) {
	g := NewWithT(t)
	callback := newReceiver(t, respond(http.StatusInternalServerError))
	options := simulator.Options{InsecureCallbacks: true, StatePath: filepath.Join(t.TempDir(), "state.json")}
	stopped, c := newSimulator(t, options) // a token would not last for long in scaled time
	c.createActive(callback.URL)
	g.Expect(stopped.Close()).To(Succeed())
	options.TimeScale = 500_000
	platform, err := simulator.New(options)
	g.Expect(err).NotTo(HaveOccurred())
	defer func() { g.Expect(platform.Close()).To(Succeed()) }()

	_, err = platform.Publish(deletedEvent())

	g.Expect(err).NotTo(HaveOccurred())
	g.Eventually(func() []bool { return active(platform) }).WithTimeout(time.Minute).Should(Equal([]bool{false}))
	g.Expect(callback.received()).To(HaveLen(13))
}

func TestQueueIsBounded(t *testing.T) {
	g := NewWithT(t)
	platform, c := newSimulator(t, simulator.Options{})
	for range 64 {
		c.createActive(unanswered)
	}
	event := deletedEvent()
	event.Content = json.RawMessage(`{"padding":"` + strings.Repeat("x", 60<<10) + `"}`)

	var err error
	for range 20 {
		if _, err = platform.Publish(event); err != nil {
			break
		}
	}

	g.Expect(err).To(MatchError(simulator.ErrQueueFull))
}

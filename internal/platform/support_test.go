package platform_test

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"

	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/simulator"
)

// Secrets are marked, so that they are found wherever they show.
const (
	clientSecret  = "MARKED-client-secret-7d1f4eb25d308ef2"
	signingSecret = "MARKED-signing-secret-4eb25d308ef2a9722ffbd7a2"
	accessToken   = "MARKED-access-token-5ca4b0"

	iTwinID   = "5c9d64cf-d22f-4149-ad08-c24ff395c3a0"
	webhookID = "e6989b43-53ab-45e2-a610-560c6f7e879e"
	userAgent = "itwin-webhook-operator/test"
	mediaType = "application/vnd.bentley.itwin-platform.v2+json"
)

// start is when the clocks of most tests begin.
var start = time.Date(2026, time.March, 1, 18, 25, 39, 0, time.UTC)

// sent is a request as it arrived.
type sent struct {
	method, path, host string
	header             http.Header
	body               string
}

// form reads the body of a token request.
func (s sent) form() url.Values {
	values, _ := url.ParseQuery(s.body)
	return values
}

// wire writes down what arrives at a server before the server handles it.
type wire struct {
	handler http.Handler

	mu       sync.Mutex
	requests []sent
}

func (w *wire) ServeHTTP(response http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	w.mu.Lock()
	w.requests = append(w.requests, sent{r.Method, r.URL.RequestURI(), r.Host, r.Header.Clone(), string(body)})
	w.mu.Unlock()
	w.handler.ServeHTTP(response, r)
}

// take returns what has arrived since it was last asked, to the API and to the token server.
func (w *wire) take() (api, tokens []sent) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.requests {
		if r.path == "/connect/token" {
			tokens = append(tokens, r)
		} else {
			api = append(api, r)
		}
	}
	w.requests = nil
	return api, tokens
}

// scene is a client and the server that it talks to, which is both the API and the token server.
type scene struct {
	*WithT
	t      *testing.T
	clock  *clocktesting.FakeClock
	wire   *wire
	server *httptest.Server
	client *platform.Client
	// sim is nil where a test answers by itself.
	sim *simulator.Simulator

	mu        sync.Mutex
	observed  []platform.Call
	throttled []time.Duration
}

// newScene makes a client of the simulator. Both clocks stand still.
func newScene(t *testing.T, o simulator.Options, change ...func(*platform.Options)) *scene {
	t.Helper()
	o.Start, o.StoppedClock = start, true
	sim, err := simulator.New(o)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { NewWithT(t).Expect(sim.Close()).To(Succeed()) })
	s := newHandledScene(t, sim, change...)
	s.sim = sim
	return s
}

// newAnswerScene makes a client of a server that gives out tokens and answers everything else in one way.
func newAnswerScene(t *testing.T, answer http.HandlerFunc, change ...func(*platform.Options)) *scene {
	t.Helper()
	return newHandledScene(t, withTokens(answer), change...)
}

func withTokens(answer http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/connect/token" {
			answer.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":3600}`, accessToken)
	}
}

func newHandledScene(t *testing.T, handler http.Handler, change ...func(*platform.Options)) *scene {
	t.Helper()
	s := &scene{WithT: NewWithT(t), t: t, clock: clocktesting.NewFakeClock(start), wire: &wire{handler: handler}}
	s.server = httptest.NewServer(s.wire)
	t.Cleanup(s.server.Close)
	o := s.options()
	for _, c := range change {
		c(&o)
	}
	var err error
	s.client, err = platform.New(o)
	s.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(s.client.CloseIdleConnections)
	platform.EndLargePause()
	return s
}

// options are those of a client of the scene's server.
func (s *scene) options() platform.Options {
	return platform.Options{
		APIURL: s.server.URL, TokenURL: s.server.URL + "/connect/token", OAuthScope: "itwin-platform",
		Credentials: platform.Credentials{ClientID: "tester", ClientSecret: clientSecret},
		UserAgent:   userAgent, Clock: s.clock,
		Observe: func(c platform.Call) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.observed = append(s.observed, c)
		},
		Throttled: func(d time.Duration) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.throttled = append(s.throttled, d)
		},
	}
}

// pass lets time pass, for the client and the simulator.
func (s *scene) pass(d time.Duration) {
	s.t.Helper()
	s.clock.Step(d)
	_, err := s.sim.Advance(d)
	s.Expect(err).NotTo(HaveOccurred())
}

func (s *scene) fault(f simulator.Fault) {
	s.t.Helper()
	s.Expect(s.sim.AddFault(f)).To(Succeed())
}

func (s *scene) create() (platform.Webhook, error) {
	return s.client.Create(s.t.Context(), platform.Priority{}, request())
}

func request() platform.CreateRequest {
	return platform.CreateRequest{
		CallbackURL: "https://hooks.example.com/itwin", Scope: platform.ScopeITwin, ScopeID: iTwinID,
		EventTypes: []string{"iModels.iModelDeleted.v1"}, Secret: signingSecret,
	}
}

// created makes a webhook and forgets that it was made.
func (s *scene) created() platform.Webhook {
	s.t.Helper()
	w, err := s.create()
	s.Expect(err).NotTo(HaveOccurred())
	s.wire.take()
	return w
}

func on() *bool {
	yes := true
	return &yes
}

// operations are all that a client can do about a webhook.
var operations = map[string]func(*scene, string) error{
	"create": func(s *scene, _ string) error {
		_, err := s.create()
		return err
	},
	"get": func(s *scene, id string) error {
		_, err := s.client.Get(s.t.Context(), platform.Priority{}, id)
		return err
	},
	"list": func(s *scene, _ string) error {
		_, err := s.client.List(s.t.Context(), nil)
		return err
	},
	"update": func(s *scene, id string) error {
		_, err := s.client.Update(s.t.Context(), platform.Priority{}, id, platform.Patch{Active: on(), Secret: signingSecret})
		return err
	},
	"delete": func(s *scene, id string) error { return s.client.Delete(s.t.Context(), platform.Priority{}, id) },
}

// expectNoSecret looks for secrets in all that can be told of an error.
func (s *scene) expectNoSecret(err error) {
	s.t.Helper()
	for _, verb := range []string{"%v", "%+v", "%#v", "%q"} {
		s.Expect(fmt.Sprintf(verb, err)).NotTo(ContainSubstring("MARKED"))
	}
	if e, ok := err.(*platform.Error); ok { //nolint:errorlint // what is wrapped is in the text
		s.Expect(e.Said()).NotTo(ContainSubstring("MARKED"))
		s.Expect(fmt.Sprintf("%+v", *e)).NotTo(ContainSubstring("MARKED"))
	}
}

// expectOneLine checks that a text can be put into a condition, an event and a log.
func (s *scene) expectOneLine(text string) {
	s.t.Helper()
	s.Expect(len(text)).To(BeNumerically("<", 10_000))
	s.Expect(strings.ToValidUTF8(text, "?")).To(Equal(text))
	s.Expect(strings.ContainsFunc(text, func(r rune) bool {
		return r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x200b && r <= 0x200f || r >= 0x2028 && r <= 0x202e
	})).To(BeFalse(), "%q", text)
}

// quiet is for servers whose clients fail on purpose.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

package security

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"webhook-operator.io/itwin/simulator"
)

// platform is the platform's stand-in behind TLS, with a certificate that only its own CA bundle verifies. It
// remembers what it was told in confidence, and can be made to behave as no platform should.
type platform struct {
	*simulator.Simulator
	server *httptest.Server

	mu         sync.Mutex
	confidence []string
	// instead answers in the simulator's place when it is set.
	instead http.Handler
}

func newPlatform(t *testing.T) *platform {
	t.Helper()
	s, err := simulator.New(simulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := &platform{Simulator: s}
	p.server = httptest.NewTLSServer(p)
	p.server.Config.ErrorLog = nil
	t.Cleanup(func() {
		p.ClearFaults()
		p.server.CloseClientConnections()
		p.server.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// caBundle is what to trust to believe this platform.
func (p *platform) caBundle() string { return bundleOf(p.server) }

func bundleOf(server *httptest.Server) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
}

// ServeHTTP remembers the secrets in a request and answers it.
func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	p.mu.Lock()
	p.confidence = append(p.confidence, told(r, body)...)
	answer := p.instead
	p.mu.Unlock()
	if answer == nil {
		answer = p.Simulator
	}
	answer.ServeHTTP(w, r)
}

// told are the secrets in a request: the access token, the client's secret, a signing secret.
func told(r *http.Request, body []byte) (secrets []string) {
	if token, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); found {
		secrets = append(secrets, token)
	}
	if form, err := url.ParseQuery(string(body)); err == nil && form.Has("client_secret") {
		secrets = append(secrets, form.Get("client_secret"))
	}
	var message struct{ Secret string }
	if json.Unmarshal(body, &message) == nil && message.Secret != "" {
		secrets = append(secrets, message.Secret)
	}
	return secrets
}

// secrets are all that the platform was told in confidence.
func (p *platform) secrets() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.confidence)
}

// turn makes another answer in the platform's place; nil gives the place back.
func (p *platform) turn(instead http.Handler) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.instead = instead
}

// talkative refuses every change and repeats, in all its words, whatever it was told in confidence.
func (p *platform) talkative(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet || r.URL.Path == "/connect/token" {
		p.Simulator.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	all := "you said " + strings.Join(p.secrets(), " and ") + " and " + string(body)
	refuse(w, http.StatusUnprocessableEntity, map[string]any{"error": map[string]any{
		"code": "InvalidWebhooksRequest", "message": all, "target": all,
		"details": []map[string]string{{"code": all, "message": all, "target": all}},
	}})
}

// indiscreet refuses every login and repeats the client's secret.
func (p *platform) indiscreet(w http.ResponseWriter, _ *http.Request) {
	refuse(w, http.StatusBadRequest, map[string]any{
		"error": "invalid_client", "error_description": "not " + strings.Join(p.secrets(), " nor "),
	})
}

func refuse(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

package simulator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/simulator"
)

const (
	acceptV1 = "application/vnd.bentley.itwin-platform.v1+json"
	acceptV2 = "application/vnd.bentley.itwin-platform.v2+json"
	iTwinID  = "5c9d64cf-d22f-4149-ad08-c24ff395c3a0"
	secret   = "4eb25d308ef2a9722ffbd7a2b7e5026f9d1f2feaca5999611d4ef8692b1ad70d"
)

// start is where the clock of most tests begins: a time whose milliseconds are zero.
var start = time.Date(2026, time.March, 1, 18, 25, 39, 0, time.UTC)

// client is a program that uses the platform.
type client struct {
	t                      *testing.T
	apiURL, tokenURL       string
	clientID, clientSecret string
	accept                 string
	token                  string
}

// newSimulator starts a simulator and a client with a token of it. The clock stands still unless the options say else.
func newSimulator(t *testing.T, options simulator.Options) (*simulator.Simulator, *client) {
	t.Helper()
	if options.Start.IsZero() {
		options.Start = start
	}
	options.StoppedClock = options.TimeScale == 0
	platform, err := simulator.New(options)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	server := httptest.NewServer(platform)
	t.Cleanup(func() {
		server.Close()
		NewWithT(t).Expect(platform.Close()).To(Succeed())
	})
	c := &client{
		t: t, apiURL: server.URL, tokenURL: server.URL + "/connect/token", accept: acceptV2,
		clientID: "tester", clientSecret: "any-secret",
	}
	c.login()
	platform.ResetRequests()
	return platform, c
}

// answer is a response, read to its end.
type answer struct {
	status int
	header http.Header
	body   string
}

// json decodes the body of the answer.
func (a answer) json(t *testing.T) map[string]any {
	t.Helper()
	var value map[string]any
	NewWithT(t).Expect(json.Unmarshal([]byte(a.body), &value)).To(Succeed(), "body %q", a.body)
	return value
}

func (a answer) errorCode(t *testing.T) string {
	t.Helper()
	refusal, _ := a.json(t)["error"].(map[string]any)
	code, _ := refusal["code"].(string)
	return code
}

// targets lists the targets of the details of a refusal.
func (a answer) targets(t *testing.T) []string {
	t.Helper()
	refusal, _ := a.json(t)["error"].(map[string]any)
	details, _ := refusal["details"].([]any)
	var targets []string
	for _, d := range details {
		target, _ := d.(map[string]any)["target"].(string)
		targets = append(targets, target)
	}
	return targets
}

// login gets a new token.
func (c *client) login() {
	c.t.Helper()
	c.token = c.tokenFor("itwin-platform")
}

// tokenFor gets a token with the given scopes.
func (c *client) tokenFor(scope string) string {
	c.t.Helper()
	a := c.askToken(url.Values{
		"grant_type":    {"client_credentials"},
		"client_id":     {c.clientID},
		"client_secret": {c.clientSecret},
		"scope":         {scope},
	}, nil)
	NewWithT(c.t).Expect(a.status).To(Equal(http.StatusOK), a.body)
	token, _ := a.json(c.t)["access_token"].(string)
	return token
}

// askToken sends a form to the token endpoint, with HTTP Basic if there is a user.
func (c *client) askToken(form url.Values, user *url.Userinfo) answer {
	c.t.Helper()
	g := NewWithT(c.t)
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.tokenURL, strings.NewReader(form.Encode()))
	g.Expect(err).NotTo(HaveOccurred())
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if user != nil {
		password, _ := user.Password()
		r.SetBasicAuth(user.Username(), password)
	}
	a, err := c.send(r)
	g.Expect(err).NotTo(HaveOccurred())
	return a
}

// as returns a client of another account.
func (c *client) as(clientID string) *client {
	c.t.Helper()
	other := *c
	other.clientID = clientID
	other.login()
	return &other
}

// speaking returns a client that sends another Accept header.
func (c *client) speaking(accept string) *client {
	other := *c
	other.accept = accept
	return &other
}

// request prepares a request with the headers of a well-behaved client.
func (c *client) request(method, path, body string) *http.Request {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.apiURL+path, strings.NewReader(body))
	NewWithT(c.t).Expect(err).NotTo(HaveOccurred())
	r.Header.Set("Authorization", "Bearer "+c.token)
	if c.accept != "" {
		r.Header.Set("Accept", c.accept)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

// send sends a request on a connection of its own: net/http repeats a request that an old connection has lost.
func (c *client) send(r *http.Request) (answer, error) {
	r.Close = true
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	var body bytes.Buffer
	_, err = io.Copy(&body, response.Body)
	return answer{status: response.StatusCode, header: response.Header, body: body.String()}, err
}

// do sends a request that must be answered.
func (c *client) do(method, path, body string) answer {
	c.t.Helper()
	a, err := c.send(c.request(method, path, body))
	NewWithT(c.t).Expect(err).NotTo(HaveOccurred())
	return a
}

// create makes a webhook of version 2, for as long as the test runs, and returns its id.
func (c *client) create(callbackURL string, properties ...string) string {
	c.t.Helper()
	id, _ := c.createFrom(createBody(callbackURL, properties...)).json(c.t)["id"].(string)
	return id
}

// createFrom makes a webhook of version 2 that has the given body.
func (c *client) createFrom(body string) answer {
	c.t.Helper()
	a := c.do(http.MethodPost, "/webhooks", body)
	NewWithT(c.t).Expect(a.status).To(Equal(http.StatusCreated), a.body)
	id, _ := a.json(c.t)["id"].(string)
	undo := c.request(http.MethodDelete, "/webhooks/"+id, "")
	c.t.Cleanup(func() { _, _ = c.send(undo.WithContext(context.WithoutCancel(undo.Context()))) })
	return a
}

// createActive makes a webhook of version 2 and turns it on.
func (c *client) createActive(callbackURL string, properties ...string) string {
	c.t.Helper()
	id := c.create(callbackURL, properties...)
	a := c.do(http.MethodPatch, "/webhooks/"+id, `{"active":true}`)
	NewWithT(c.t).Expect(a.status).To(Equal(http.StatusOK), a.body)
	return id
}

// createBody is a valid body of create in which the given properties, such as `"scope":"iTwin"`, come last and so win.
func createBody(callbackURL string, properties ...string) string {
	all := append([]string{
		`"callbackUrl":"` + callbackURL + `"`,
		`"scope":"Account"`,
		`"eventTypes":["iModels.iModelDeleted.v1"]`,
		`"secret":"` + secret + `"`,
	}, properties...)
	return "{" + strings.Join(all, ",") + "}"
}

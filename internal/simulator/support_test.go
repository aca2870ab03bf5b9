package simulator_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/simulator"
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
	t                *testing.T
	apiURL, tokenURL string
	accept           string
	token            string
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
	c := &client{t: t, apiURL: server.URL, tokenURL: server.URL + "/connect/token", accept: acceptV2}
	c.login("tester")
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

// login gets a token for a client id.
func (c *client) login(clientID string) {
	c.t.Helper()
	c.loginWith(clientID, "any-secret", "itwin-platform")
}

func (c *client) loginWith(clientID, clientSecret, scope string) {
	c.t.Helper()
	g := NewWithT(c.t)
	response, err := http.PostForm(c.tokenURL, url.Values{
		"grant_type":    {"client_credentials"},
		"client_id":     {clientID},
		"client_secret": {clientSecret},
		"scope":         {scope},
	})
	g.Expect(err).NotTo(HaveOccurred())
	defer func() { _ = response.Body.Close() }()
	g.Expect(response).To(HaveHTTPStatus(http.StatusOK))
	var body struct {
		AccessToken string `json:"access_token"`
	}
	g.Expect(json.NewDecoder(response.Body).Decode(&body)).To(Succeed())
	c.token = body.AccessToken
}

// as returns a client of another account.
func (c *client) as(clientID string) *client {
	c.t.Helper()
	other := *c
	other.login(clientID)
	return &other
}

// request prepares a request with the headers of a well-behaved client.
func (c *client) request(method, path, body string) *http.Request {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.apiURL+path, strings.NewReader(body))
	NewWithT(c.t).Expect(err).NotTo(HaveOccurred())
	r.Header.Set("Authorization", "Bearer "+c.token)
	r.Header.Set("Accept", c.accept)
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

// create makes a webhook of version 2 and returns its id.
func (c *client) create(callbackURL string, properties ...string) string {
	c.t.Helper()
	a := c.do(http.MethodPost, "/webhooks", createBody(callbackURL, properties...))
	NewWithT(c.t).Expect(a.status).To(Equal(http.StatusCreated), a.body)
	return a.json(c.t)["id"].(string)
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

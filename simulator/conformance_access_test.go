package simulator_test

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/simulator"
)

const unknownID = "e6989b43-53ab-45e2-a610-560c6f7e879e"

var tokenRows = []row{
	{
		rule: "a token is a bearer token for an hour",
		check: func(g *WithT, c *client, _ *simulator.Simulator) {
			a := c.askToken(credentials(c), nil)
			g.Expect(a.status).To(Equal(http.StatusOK))
			body := a.json(c.t)
			g.Expect(body).To(HaveKeyWithValue("token_type", "Bearer"))
			g.Expect(body).To(HaveKeyWithValue("expires_in", float64(3600)))
			g.Expect(body["access_token"]).NotTo(BeEmpty())
		},
	},
	{
		rule: "a token may be asked for with HTTP Basic",
		only: notDocumented,
		check: func(g *WithT, c *client, _ *simulator.Simulator) {
			form := credentials(c, "client_id", "client_secret")
			a := c.askToken(form, url.UserPassword(url.QueryEscape("name with spaces"), "secret"))
			g.Expect(a.status).To(Equal(http.StatusOK))
			a = c.askToken(form, url.UserPassword(c.clientID, ""))
			g.Expect(a.status).To(Equal(http.StatusUnauthorized))
			g.Expect(a.header).To(HaveKey("Www-Authenticate"))
		},
	},
	{
		rule: "a token needs complete credentials",
		check: func(g *WithT, c *client, _ *simulator.Simulator) {
			for _, missing := range []string{"client_id", "client_secret"} {
				a := c.askToken(credentials(c, missing), nil)
				g.Expect(a.status).To(Equal(http.StatusBadRequest))
				g.Expect(a.json(c.t)).To(HaveKeyWithValue("error", "invalid_client"))
			}
		},
	},
	{
		rule: "a token needs the grant of client credentials",
		check: func(g *WithT, c *client, _ *simulator.Simulator) {
			form := credentials(c)
			form.Set("grant_type", "something-else")
			a := c.askToken(form, nil)
			g.Expect(a.status).To(Equal(http.StatusBadRequest))
			g.Expect(a.json(c.t)).To(HaveKeyWithValue("error", "unsupported_grant_type"))
		},
	},
	{
		rule: "a token needs a form that says what it grants",
		check: func(g *WithT, c *client, _ *simulator.Simulator) {
			a := c.askToken(credentials(c, "grant_type"), nil)
			g.Expect(a.status).To(Equal(http.StatusBadRequest))
			r, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.tokenURL, strings.NewReader(`{}`))
			g.Expect(err).NotTo(HaveOccurred())
			r.Header.Set("Content-Type", "application/json")
			a, err = c.send(r)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(a.status).To(Equal(http.StatusBadRequest))
			g.Expect(a.json(c.t)).To(HaveKeyWithValue("error", "invalid_request"))
		},
	},
	{
		rule: "a token needs a scope that exists",
		check: func(g *WithT, c *client, _ *simulator.Simulator) {
			form := credentials(c)
			form.Set("scope", "no-such-scope")
			a := c.askToken(form, nil)
			g.Expect(a.status).To(Equal(http.StatusBadRequest))
			g.Expect(a.json(c.t)).To(HaveKeyWithValue("error", "invalid_scope"))
		},
	},
}

// credentials is the form of a request for a token, without the fields named.
func credentials(c *client, without ...string) url.Values {
	form := url.Values{
		"grant_type":    {"client_credentials"},
		"client_id":     {c.clientID},
		"client_secret": {c.clientSecret},
		"scope":         {"itwin-platform"},
	}
	for _, name := range without {
		form.Del(name)
	}
	return form
}

var authorizationRows = []row{
	{
		rule: "a call without a token is refused",
		check: func(g *WithT, c *client, _ *simulator.Simulator) {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				r := c.request(method, "/webhooks", "")
				r.Header.Del("Authorization")
				a, err := c.send(r)
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(a.status).To(Equal(http.StatusUnauthorized))
				g.Expect(a.errorCode(c.t)).To(Equal("HeaderNotFound"))
			}
		},
	},
	{
		rule: "a call with a token of no application is refused",
		check: func(g *WithT, c *client, _ *simulator.Simulator) {
			for _, header := range []string{"Bearer nonsense", "Basic dGVzdGVyOng=", "nonsense"} {
				r := c.request(http.MethodGet, "/webhooks", "")
				r.Header.Set("Authorization", header)
				a, err := c.send(r)
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(a.status).To(Equal(http.StatusUnauthorized), header)
			}
		},
	},
	{
		rule: "a call with a token that has expired is refused",
		only: needsClock,
		check: func(g *WithT, c *client, s *simulator.Simulator) {
			advance(c.t, s, time.Hour-time.Millisecond)
			g.Expect(c.do(http.MethodGet, "/webhooks", "").status).To(Equal(http.StatusOK))
			advance(c.t, s, time.Millisecond)
			g.Expect(c.do(http.MethodGet, "/webhooks", "").status).To(Equal(http.StatusUnauthorized))
		},
	},
	{
		rule: "the older scopes allow to read, or to modify",
		only: notDocumented,
		check: func(g *WithT, c *client, _ *simulator.Simulator) {
			body := createBody("https://conformance.example.com")
			c.token = c.tokenFor("webhooks:read")
			g.Expect(c.do(http.MethodGet, "/webhooks", "").status).To(Equal(http.StatusOK))
			g.Expect(c.do(http.MethodPost, "/webhooks", body).status).To(Equal(http.StatusUnauthorized))
			c.token = c.tokenFor("webhooks:modify")
			g.Expect(c.do(http.MethodGet, "/webhooks", "").status).To(Equal(http.StatusUnauthorized))
			g.Expect(c.do(http.MethodPost, "/webhooks", body).status).To(Equal(http.StatusCreated))
			c.token = c.tokenFor("webhooks:read webhooks:modify")
			g.Expect(c.do(http.MethodGet, "/webhooks", "").status).To(Equal(http.StatusOK))
		},
	},
	{
		rule: "an application without the permission is refused",
		only: needsFault,
		check: func(g *WithT, c *client, s *simulator.Simulator) {
			g.Expect(s.AddFault(simulator.Fault{Action: "status:403"})).To(Succeed())
			a := c.do(http.MethodPatch, "/webhooks/"+unknownID, `{"active":true}`)
			g.Expect(a.status).To(Equal(http.StatusForbidden))
			g.Expect(a.errorCode(c.t)).To(Equal("InsufficientPermissions"))
		},
	},
	{
		rule: "the webhooks of another account do not exist",
		only: needsAccounts,
		check: func(g *WithT, c *client, s *simulator.Simulator) {
			id := c.create("https://conformance.example.com")
			other := c.as("another")
			g.Expect(other.do(http.MethodGet, "/webhooks", "").body).To(Equal(`{"webhooks":[]}`))
			for method, body := range map[string]string{
				http.MethodGet: "", http.MethodPatch: `{"active":true}`, http.MethodDelete: "",
			} {
				a := other.do(method, "/webhooks/"+id, body)
				g.Expect(a.status).To(Equal(http.StatusNotFound), method)
				g.Expect(a.errorCode(c.t)).To(Equal("WebhookNotFound"))
			}
			g.Expect(active(s)).To(Equal([]bool{false}), "nothing was changed")
		},
	},
	{
		rule: "each application has an account of its own, always the same",
		only: needsAccounts,
		check: func(g *WithT, c *client, _ *simulator.Simulator) {
			scopeID := func(c *client) any {
				return c.createFrom(createBody("https://conformance.example.com")).json(c.t)["scopeId"]
			}
			_, again := newSimulator(c.t, simulator.Options{})
			g.Expect(scopeID(c)).To(Equal(scopeID(again)))
			g.Expect(scopeID(c)).NotTo(Equal(scopeID(c.as("another"))))
		},
	},
}

var versionRows = []row{
	{
		rule: "the Accept header chooses the version",
		check: func(g *WithT, c *client, _ *simulator.Simulator) {
			id := c.create("https://conformance.example.com")
			g.Expect(c.do(http.MethodGet, "/webhooks/"+id, "").json(c.t)).To(HaveKeyWithValue("active", false))
			a := c.speaking(acceptV1).do(http.MethodGet, "/webhooks", "")
			g.Expect(a.status).To(Equal(http.StatusOK))
			g.Expect(a.body).NotTo(ContainSubstring("scopeId"))
		},
	},
	{
		rule: "the collection may be written with a slash at its end",
		check: func(g *WithT, c *client, _ *simulator.Simulator) {
			g.Expect(c.do(http.MethodGet, "/webhooks/", "").status).To(Equal(http.StatusOK))
		},
	},
	{
		rule: "a call that asks for no version gets version 2",
		only: notDocumented,
		check: func(g *WithT, c *client, _ *simulator.Simulator) {
			id := c.create("https://conformance.example.com")
			for _, accept := range []string{"", "*/*", "application/json", "application/json, text/plain, */*"} {
				a := c.speaking(accept).do(http.MethodGet, "/webhooks/"+id, "")
				g.Expect(a.json(c.t)).To(HaveKeyWithValue("scope", "Account"), accept)
			}
		},
	},
	{
		rule: "a call that asks for a version that does not exist is refused",
		only: notDocumented,
		check: func(g *WithT, c *client, _ *simulator.Simulator) {
			a := c.speaking("application/vnd.bentley.itwin-platform.v3+json").do(http.MethodGet, "/webhooks", "")
			g.Expect(a.status).To(Equal(http.StatusNotAcceptable))
		},
	},
	{
		rule: "a route that is only in the other version does not exist",
		only: notDocumented,
		check: func(g *WithT, c *client, _ *simulator.Simulator) {
			id := c.create("https://conformance.example.com")
			for _, path := range []string{"/webhooks/imodels", "/webhooks/" + id + "/activate", "/webhooks/" + id + "/deactivate", "/other"} {
				g.Expect(c.do(http.MethodPost, path, "{}").status).To(Equal(http.StatusNotFound), path)
			}
		},
	},
	{
		rule: "a method that is not there is refused, with those that are",
		only: notDocumented,
		check: func(g *WithT, c *client, _ *simulator.Simulator) {
			for path, allowed := range map[string]string{
				"/webhooks": "GET, POST", "/webhooks/" + unknownID: "GET, PATCH, DELETE", "/connect/token": "POST",
			} {
				a := c.do(http.MethodPut, path, "{}")
				g.Expect(a.status).To(Equal(http.StatusMethodNotAllowed), path)
				g.Expect(a.header.Get("Allow")).To(Equal(allowed))
			}
			a := c.speaking(acceptV1).do(http.MethodPatch, "/webhooks/"+unknownID, `{"active":true}`)
			g.Expect(a.status).To(Equal(http.StatusMethodNotAllowed))
		},
	},
	{
		rule: "answers carry the time of the platform",
		only: needsClock,
		check: func(g *WithT, c *client, s *simulator.Simulator) {
			advance(c.t, s, 2*time.Hour)
			g.Expect(c.do(http.MethodGet, "/webhooks", "").header.Get("Date")).To(Equal("Sun, 01 Mar 2026 20:25:39 GMT"))
		},
	},
}

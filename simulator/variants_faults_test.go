package simulator_test

import (
	"net/http"
	"net/url"
	"testing"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/simulator"
)

// statuses are those of three equal updates.
func statuses(_ *simulator.Simulator, c *client) any {
	id := c.create(callbackURL)
	var got []int
	for range 3 {
		got = append(got, c.do(http.MethodPatch, "/webhooks/"+id, `{"active":true}`).status)
	}
	return got
}

// seen are the statuses of three equal reads by one path.
func seen(path string) func(*simulator.Simulator, *client) any {
	return func(_ *simulator.Simulator, c *client) any {
		var got []int
		for range 3 {
			got = append(got, c.do(http.MethodGet, path, "").status)
		}
		return got
	}
}

var faultVariants = []variantTest{
	{
		spec: "answers=extra-fields",
		observe: func(_ *simulator.Simulator, c *client) any {
			a := c.createFrom(createBody(callbackURL)).json(c.t)
			return []any{a["extra"] != nil, len(c.listed("extra"))}
		},
		on: []any{true, 1}, off: []any{false, 1},
	},
	{
		spec: "writes=accepted:202", off: []any{201, true, 204}, on: []any{202, true, 202},
		observe: func(p *simulator.Simulator, c *client) any {
			create := c.do(http.MethodPost, "/webhooks", createBody(callbackURL)).status
			all := p.Webhooks()
			return []any{create, len(all) == 1, c.do(http.MethodDelete, "/webhooks/"+all[0].ID, "").status}
		},
	},
	{
		spec: "writes-at-first=status:409", off: []int{200, 200, 200}, on: []int{409, 200, 200},
		observe: func(p *simulator.Simulator, c *client) any {
			c.do(http.MethodPost, "/webhooks", createBody(callbackURL))
			if len(p.Webhooks()) > 0 {
				c.do(http.MethodDelete, "/webhooks/"+p.Webhooks()[0].ID, "")
			}
			return statuses(p, c)
		},
	},
	{spec: "lists-every-other=html:502", observe: seen("/webhooks"), on: []int{502, 200, 502}, off: []int{200, 200, 200}},
	{
		spec: "reads-every-other=empty:500", on: []int{500, 404, 500}, off: []int{404, 404, 404},
		observe: seen("/webhooks/5c9d64cf-d22f-4149-ad08-c24ff395c3a0"),
	},
	{
		spec: "lists-in-pages", on: []any{1, true}, off: []any{2, false},
		observe: func(_ *simulator.Simulator, c *client) any {
			c.create(callbackURL)
			c.create(callbackURL)
			links, paged := c.do(http.MethodGet, "/webhooks", "").json(c.t)["_links"].(map[string]any)
			return []any{len(c.listed("id")), paged && links["next"] != nil}
		},
	},
	{
		spec: "tokens=token-type:bearer", on: "bearer", off: "Bearer",
		observe: func(_ *simulator.Simulator, c *client) any { return property(c, c.requestToken(), "token_type") },
	},
	{
		spec: "tokens-every-other=token-error:200", on: []any{"invalid_client", nil}, off: []any{nil, nil},
		observe: func(_ *simulator.Simulator, c *client) any {
			return []any{property(c, c.requestToken(), "error"), property(c, c.requestToken(), "error")}
		},
	},
}

func TestFaultsOfTokensAndDates(t *testing.T) {
	g := NewWithT(t)
	p, c := newSimulator(t, simulator.Options{})
	for _, action := range []string{"token-type:", "token-error", "gzip:x", "extra-fields:x"} {
		g.Expect(p.AddFault(simulator.Fault{Action: action})).NotTo(Succeed(), action)
	}
	g.Expect(p.SetVariant("writes=nothing")).To(MatchError(ContainSubstring("variant writes=ACTION")))
	g.Expect(p.AddFault(simulator.Fault{Action: "status:503;retry-after=+90s"})).To(Succeed())
	g.Expect(c.do(http.MethodGet, "/webhooks", "").header.Get("Retry-After")).To(Equal("Sun, 01 Mar 2026 18:27:09 GMT"))
	g.Expect(p.AddFault(simulator.Fault{Action: "gzip"})).To(Succeed())
	request := c.request(http.MethodGet, "/webhooks", "")
	request.Header.Set("Accept-Encoding", "gzip")
	compressed, err := c.send(request)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(compressed.header.Get("Content-Encoding")).To(Equal("gzip"))
	g.Expect(compressed.body).To(HavePrefix("\x1f\x8b"))
}

// requestToken asks for a token and returns the answer.
func (c *client) requestToken() answer {
	return c.askToken(url.Values{
		"grant_type": {"client_credentials"}, "client_id": {c.clientID}, "client_secret": {c.clientSecret},
	}, nil)
}

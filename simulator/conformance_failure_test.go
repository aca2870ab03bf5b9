package simulator_test

import (
	"net/http"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/simulator"
)

var failureRows = []row{
	{
		rule: "a failure may come without the platform's body",
		only: needsFault,
		check: func(g *WithT, c *client, s *simulator.Simulator) {
			g.Expect(s.AddFault(simulator.Fault{Action: "status:503"})).To(Succeed())
			g.Expect(s.AddFault(simulator.Fault{Action: "empty:500"})).To(Succeed())
			a := c.do(http.MethodGet, "/webhooks", "")
			g.Expect(a.status).To(Equal(http.StatusServiceUnavailable))
			g.Expect(a.header.Get("Content-Type")).To(Equal("text/html"))
			a = c.do(http.MethodGet, "/webhooks", "")
			g.Expect(a.status).To(Equal(http.StatusInternalServerError))
			g.Expect(a.body).To(BeEmpty())
		},
	},
	{
		rule: "a call that was lost may have had its effect",
		only: needsFault,
		check: func(g *WithT, c *client, s *simulator.Simulator) {
			for _, action := range []string{"drop-request", "drop-response"} {
				g.Expect(s.AddFault(simulator.Fault{Action: action})).To(Succeed())
				_, err := c.send(c.request(http.MethodPost, "/webhooks", createBody(callbackURL)))
				g.Expect(err).To(HaveOccurred())
			}
			g.Expect(s.Webhooks()).To(HaveLen(1))
		},
	},
	{
		rule: "a webhook may be turned off without its owner",
		only: needsEvents,
		check: func(g *WithT, c *client, s *simulator.Simulator) {
			id := c.createActive(callbackURL)
			before := c.do(http.MethodGet, "/webhooks/"+id, "").json(c.t)
			_, err := s.Deactivate(id)
			g.Expect(err).NotTo(HaveOccurred())
			after := c.do(http.MethodGet, "/webhooks/"+id, "").json(c.t)
			g.Expect(after).To(HaveKeyWithValue("active", false))
			g.Expect(modified(after) > modified(before)).To(BeTrue())
			g.Expect(c.do(http.MethodPatch, "/webhooks/"+id, `{"active":true}`).json(c.t)).To(HaveKeyWithValue("active", true))
		},
	},
}

const (
	headerRemaining  = "iTwinPlatform-RateLimit-RemainingCalls"
	headerRetryAfter = "iTwinPlatform-RateLimit-Retry-After-Seconds"
)

var rateLimitRows = []row{
	{
		rule:    "calls over the limit of a minute are refused until it is over",
		only:    needsLimit,
		options: simulator.Options{RequestsPerMinute: 3},
		check: func(g *WithT, c *client, s *simulator.Simulator) {
			for _, remaining := range []string{"2", "1", "0"} {
				a := c.do(http.MethodGet, "/webhooks", "")
				g.Expect(a.status).To(Equal(http.StatusOK))
				g.Expect(a.header.Get(headerRemaining)).To(Equal(remaining))
				advance(c.t, s, 10*time.Second)
			}
			a := c.do(http.MethodPost, "/webhooks", createBody(callbackURL))
			g.Expect(a.status).To(Equal(http.StatusTooManyRequests))
			g.Expect(a.errorCode(c.t)).To(Equal("RateLimitExceeded"))
			g.Expect(a.header.Get("Retry-After")).To(Equal("30"), "the first of the three calls was half a minute ago")
			g.Expect(a.header.Get(headerRetryAfter)).To(Equal("30"))
			g.Expect(s.Webhooks()).To(BeEmpty())
			advance(c.t, s, 30*time.Second)
			g.Expect(c.do(http.MethodGet, "/webhooks", "").status).To(Equal(http.StatusOK))
			g.Expect(c.do(http.MethodGet, "/webhooks", "").status).To(Equal(http.StatusTooManyRequests), "the window slides")
		},
	},
	{
		rule:    "calls over the limit of an hour are refused until it is over",
		only:    needsLimit,
		options: simulator.Options{RequestsPerMinute: 2, RequestsPerHour: 3},
		check: func(g *WithT, c *client, s *simulator.Simulator) {
			for range 3 {
				g.Expect(c.do(http.MethodGet, "/webhooks", "").status).To(Equal(http.StatusOK))
				advance(c.t, s, time.Minute)
			}
			a := c.do(http.MethodGet, "/webhooks", "")
			g.Expect(a.status).To(Equal(http.StatusTooManyRequests))
			g.Expect(a.header.Get("Retry-After")).To(Equal("3420"))
		},
	},
	{
		rule:    "version 1 has a code of its own for calls over the limit",
		only:    needsLimit,
		options: simulator.Options{RequestsPerMinute: 1},
		check: func(g *WithT, c *client, _ *simulator.Simulator) {
			c = c.speaking(acceptV1)
			c.do(http.MethodGet, "/webhooks", "")
			a := c.do(http.MethodGet, "/webhooks", "")
			g.Expect(a.status).To(Equal(http.StatusTooManyRequests))
			g.Expect(a.errorCode(c.t)).To(Equal("TooManyRequests"))
		},
	},
	{
		rule:    "the limit is an account's own, and tokens do not count",
		only:    needsAccounts,
		options: simulator.Options{RequestsPerMinute: 1},
		check: func(g *WithT, c *client, _ *simulator.Simulator) {
			g.Expect(c.do(http.MethodGet, "/webhooks", "").status).To(Equal(http.StatusOK))
			g.Expect(c.as("another").do(http.MethodGet, "/webhooks", "").status).To(Equal(http.StatusOK))
			g.Expect(c.as(c.clientID).do(http.MethodGet, "/webhooks", "").status).To(Equal(http.StatusTooManyRequests))
		},
	},
}

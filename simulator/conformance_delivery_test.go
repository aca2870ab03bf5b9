package simulator_test

import (
	"net/http"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/simulator"
)

// delivered is a row about how a callback's answer counts.
func delivered(rule string, handler http.HandlerFunc, outcome simulator.Outcome) row {
	return row{
		rule:    "an event is " + string(outcome) + " with " + rule,
		only:    needsEvents,
		options: simulator.Options{InsecureCallbacks: true},
		check: func(g *WithT, c *client, s *simulator.Simulator) {
			callback := newReceiver(c.t, handler)
			c.createActive(callback.URL)
			publish(c.t, s, deletedEvent())
			g.Expect(s.Deliveries()).To(HaveLen(1))
			g.Expect(s.Deliveries()[0].Outcome).To(Equal(outcome))
		},
	}
}

var deliveryRows = []row{
	delivered("a 200", respond(http.StatusOK), simulator.Delivered),
	delivered("a 201", respond(http.StatusCreated), simulator.Failed),
	delivered("a 204", respond(http.StatusNoContent), simulator.Failed),
	delivered("a redirect", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}, simulator.Failed),
	delivered("a 500", respond(http.StatusInternalServerError), simulator.Failed),
	{
		rule:    "an event is failed with an answer that comes too late",
		only:    needsEvents,
		options: simulator.Options{InsecureCallbacks: true, DeliveryTimeout: 200 * time.Millisecond},
		check: func(g *WithT, c *client, s *simulator.Simulator) {
			callback := newReceiver(c.t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
			c.createActive(callback.URL)
			publish(c.t, s, deletedEvent())
			g.Expect(s.Deliveries()).To(HaveLen(1))
			g.Expect(s.Deliveries()[0].Outcome).To(Equal(simulator.Failed))
		},
	},
	{
		rule: "a callback has 5 seconds, unless a test says else",
		only: "the platform's own clock would be needed",
		check: func(g *WithT, _ *client, _ *simulator.Simulator) {
			g.Expect(simulator.DefaultDeliveryTimeout).To(Equal(5 * time.Second))
		},
	},
	{
		rule:    "an event is a signed POST with the documented body",
		only:    needsEvents,
		options: simulator.Options{InsecureCallbacks: true},
		check: func(g *WithT, c *client, s *simulator.Simulator) {
			callback := newReceiver(c.t, respond(http.StatusOK))
			id := c.createActive(callback.URL)
			published := publish(c.t, s, deletedEvent())
			g.Expect(callback.received()).To(HaveLen(1))
			got := callback.received()[0]
			g.Expect(got.signature).To(Equal(sign(secret, got.body)))
			g.Expect(got.body).To(Equal(`{"content":{"imodelId":"24659f92","note":"a<b & c"},` +
				`"eventType":"iModels.iModelDeleted.v1","iTwinId":"` + iTwinID + `",` +
				`"enqueuedDateTime":"3/1/2026 6:25:39 PM","messageId":"` + published.MessageID + `","webhookId":"` + id + `"}`))
		},
	},
	{
		rule:    "an inactive webhook gets no events",
		only:    needsEvents,
		options: simulator.Options{InsecureCallbacks: true},
		check: func(g *WithT, c *client, s *simulator.Simulator) {
			callback := newReceiver(c.t, respond(http.StatusOK))
			id := c.create(callback.URL)
			publish(c.t, s, deletedEvent())
			c.do(http.MethodPatch, "/webhooks/"+id, `{"active":true}`)
			c.do(http.MethodPatch, "/webhooks/"+id, `{"active":false}`)
			publish(c.t, s, deletedEvent())
			g.Expect(callback.received()).To(BeEmpty())
		},
	},
	{
		rule:    "a webhook is turned off after 12 retries in 3 days, and stays off until its owner turns it on",
		only:    needsEvents,
		options: simulator.Options{InsecureCallbacks: true},
		check: func(g *WithT, c *client, s *simulator.Simulator) {
			callback := newReceiver(c.t, respond(http.StatusServiceUnavailable))
			id := c.createActive(callback.URL)
			publish(c.t, s, deletedEvent())
			advance(c.t, s, 72*time.Hour)
			g.Expect(callback.received()).To(HaveLen(13))
			c.login() // the first token has expired
			g.Expect(c.do(http.MethodGet, "/webhooks/"+id, "").json(c.t)).To(HaveKeyWithValue("active", false))
			advance(c.t, s, 30*24*time.Hour)
			g.Expect(active(s)).To(Equal([]bool{false}))
			c.login()
			a := c.do(http.MethodPatch, "/webhooks/"+id, `{"active":true}`)
			g.Expect(a.json(c.t)).To(HaveKeyWithValue("active", true))
			g.Expect(callback.received()).To(HaveLen(13), "the queue was dropped")
		},
	},
}

package simulator_test

import (
	"net/http"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/simulator"
)

// updated is a row about one property that update can change.
func updated(rule, body, property string, want any) row {
	return row{rule: "update changes " + rule, check: func(g *WithT, c *client, _ *simulator.Simulator) {
		before := c.createFrom(createBody(callbackURL)).json(c.t)
		path := "/webhooks/" + before["id"].(string)
		a := c.do(http.MethodPatch, path, body)
		g.Expect(a.status).To(Equal(http.StatusOK))
		after := a.json(c.t)
		g.Expect(properties(after)).To(Equal(webhookProperties), "never the secret")
		g.Expect(after).To(HaveKeyWithValue(property, want))
		g.Expect(modified(after) > modified(before)).To(BeTrue(), "modified must move on")
		g.Expect(c.do(http.MethodGet, path, "").json(c.t)).To(Equal(after))
		for _, name := range []string{"id", "scope", "scopeId", "created"} {
			g.Expect(after[name]).To(Equal(before[name]))
		}
	}}
}

// modified is the time of the last change, which sorts as text.
func modified(webhook map[string]any) string {
	text, _ := webhook["modified"].(string)
	return text
}

var updateRows = []row{
	updated("active to on", `{"active":true}`, "active", true),
	updated("the callback", `{"callbackUrl":"https://conformance.example.com/new"}`, "callbackUrl", "https://conformance.example.com/new"),
	updated("the event types", `{"eventTypes":["iTwins.iTwinCreated.v1"]}`, "eventTypes", []any{"iTwins.iTwinCreated.v1"}),
	updated("many properties at once", `{"active":true,"callbackUrl":"https://conformance.example.com/new"}`, "active", true),
	updated("active, and nothing that is null", `{"active":true,"callbackUrl":null,"secret":null,"eventTypes":null}`, "callbackUrl", callbackURL),
	updated("the secret", `{"secret":"another-secret-of-at-least-32-characters"}`, "active", false),
	{
		rule: "update keeps the new secret",
		only: "the platform does not show it",
		check: func(g *WithT, c *client, s *simulator.Simulator) {
			id := c.create(callbackURL)
			c.do(http.MethodPatch, "/webhooks/"+id, `{"secret":"another-secret-of-at-least-32-characters"}`)
			g.Expect(s.Webhooks()[0].Secret).To(Equal("another-secret-of-at-least-32-characters"))
		},
	},
	{
		rule: "update turns a webhook off",
		check: func(g *WithT, c *client, _ *simulator.Simulator) {
			id := c.createActive(callbackURL)
			a := c.do(http.MethodPatch, "/webhooks/"+id, `{"active":false}`)
			g.Expect(a.status).To(Equal(http.StatusOK))
			g.Expect(a.json(c.t)).To(HaveKeyWithValue("active", false))
		},
	},
	{
		rule: "update with what is there already changes nothing",
		only: notDocumented,
		check: func(g *WithT, c *client, _ *simulator.Simulator) {
			id := c.create(callbackURL)
			before := c.do(http.MethodGet, "/webhooks/"+id, "")
			a := c.do(http.MethodPatch, "/webhooks/"+id, `{"active":false,"callbackUrl":"`+callbackURL+`"}`)
			g.Expect(a.status).To(Equal(http.StatusOK))
			g.Expect(a.body).To(Equal(before.body))
		},
	},
	{
		rule: "update of a webhook that does not exist is refused",
		check: func(g *WithT, c *client, _ *simulator.Simulator) {
			a := c.do(http.MethodPatch, "/webhooks/"+unknownID, `{"active":true}`)
			g.Expect(a.status).To(Equal(http.StatusNotFound))
			g.Expect(a.errorCode(c.t)).To(Equal("WebhookNotFound"))
		},
	},
}

// updateRefused is a row about an update that is refused for one property, whatever else it asks for.
func updateRefused(rule, target, body string) row {
	return row{rule: "update refuses " + rule, check: func(g *WithT, c *client, _ *simulator.Simulator) {
		id := c.create(callbackURL)
		before := c.do(http.MethodGet, "/webhooks/"+id, "")
		a := c.do(http.MethodPatch, "/webhooks/"+id, body)
		g.Expect(a.status).To(Equal(http.StatusUnprocessableEntity))
		refusal, _ := a.json(c.t)["error"].(map[string]any)
		g.Expect(refusal).To(HaveKeyWithValue("code", "InvalidUpdateWebhookRequest"))
		g.Expect(refusal["message"]).NotTo(BeEmpty())
		g.Expect(refusal).To(HaveKeyWithValue("details", ConsistOf(And(
			HaveKeyWithValue("code", "InvalidRequestBody"),
			HaveKeyWithValue("message", ContainSubstring("Invalid request body")),
			HaveKeyWithValue("target", target),
		))))
		g.Expect(c.do(http.MethodGet, "/webhooks/"+id, "").body).To(Equal(before.body), "all of it or nothing")
	}}
}

func updateRefusedAssumed(rule, target, body string) row {
	r := updateRefused(rule, target, body)
	r.only = notDocumented
	return r
}

var refusedUpdateRows = []row{
	updateRefused("another scope", "scope", `{"active":true,"scope":"iTwin"}`),
	updateRefused("another scopeId", "scopeId", `{"active":true,"scopeId":"`+iTwinID+`"}`),
	updateRefused("another id", "id", `{"active":true,"id":"`+unknownID+`"}`),
	updateRefused("another time of creation", "created", `{"active":true,"created":"2023-10-02T14:55:00.463Z"}`),
	updateRefused("another time of modification", "modified", `{"active":true,"modified":"2023-10-02T14:55:00.463Z"}`),
	updateRefused("a callback without TLS", "callbackUrl", `{"active":true,"callbackUrl":"http://conformance.example.com"}`),
	updateRefused("a secret that is too short", "secret", `{"active":true,"secret":"short"}`),
	updateRefusedAssumed("empty event types", "eventTypes", `{"active":true,"eventTypes":[]}`),
	updateRefusedAssumed("an active that is no boolean", "active", `{"active":"true","callbackUrl":"https://conformance.example.com/new"}`),
	updateRefusedAssumed("a property that does not exist", "name", `{"active":true,"name":"mine"}`),
	updateRefusedAssumed("nothing to change", "body", `{}`),
	updateRefusedAssumed("a body that is no object", "body", `[true]`),
	updateRefusedAssumed("a body that is not there", "Content-Type", ""),
}

var deleteRows = []row{
	{
		rule: "delete answers with nothing, and the webhook is gone",
		check: func(g *WithT, c *client, _ *simulator.Simulator) {
			id := c.create(callbackURL)
			a := c.do(http.MethodDelete, "/webhooks/"+id, "")
			g.Expect(a.status).To(Equal(http.StatusNoContent))
			g.Expect(a.body).To(BeEmpty())
			g.Expect(c.do(http.MethodGet, "/webhooks/"+id, "").status).To(Equal(http.StatusNotFound))
			g.Expect(c.do(http.MethodGet, "/webhooks", "").body).NotTo(ContainSubstring(id))
		},
	},
	{
		rule: "delete of a webhook that does not exist is refused",
		check: func(g *WithT, c *client, _ *simulator.Simulator) {
			a := c.do(http.MethodDelete, "/webhooks/"+unknownID, "")
			g.Expect(a.status).To(Equal(http.StatusNotFound))
			g.Expect(a.errorCode(c.t)).To(Equal("WebhookNotFound"))
		},
	},
}

package simulator_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/simulator"
)

const (
	iModelID = "24659f92-e858-4c92-b964-dcca921ccd28"
	// unanswered is a callback on this machine that no process answers: one of version 1 is called soon after it is created.
	unanswered = "https://127.0.0.1:1/itwin"
)

func createBodyV1(callbackURL string, properties ...string) string {
	all := append([]string{
		`"imodelId":"` + iModelID + `"`,
		`"callbackUrl":"` + callbackURL + `"`,
		`"eventTypes":["iModelDeletedEvent"]`,
	}, properties...)
	return "{" + strings.Join(all, ",") + "}"
}

// createV1 makes a webhook of version 1 and returns its id.
func (c *client) createV1(callbackURL string, properties ...string) string {
	c.t.Helper()
	a := c.do(http.MethodPost, "/webhooks/imodels", createBodyV1(callbackURL, properties...))
	NewWithT(c.t).Expect(a.status).To(Equal(http.StatusCreated), a.body)
	webhook, _ := a.json(c.t)["webhook"].(map[string]any)
	id, _ := webhook["id"].(string)
	return id
}

// activateV1 turns a webhook of version 1 on, and waits until it is.
func (c *client) activateV1(s *simulator.Simulator, id string) {
	c.t.Helper()
	NewWithT(c.t).Expect(c.do(http.MethodPost, "/webhooks/"+id+"/activate", "").status).To(Equal(http.StatusAccepted))
	advance(c.t, s, time.Second)
}

// getV1 reads a webhook of version 1.
func (c *client) getV1(id string) map[string]any {
	c.t.Helper()
	webhook, _ := c.do(http.MethodGet, "/webhooks/"+id, "").json(c.t)["webhook"].(map[string]any)
	return webhook
}

// validating is a callback that says, before anything else, that it wants events, as the platform's sample does.
func validating(handler http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodOptions {
			w.Header().Set("WebHook-Allowed-Origin", r.Header.Get("WebHook-Request-Origin"))
			w.Header().Set("Allow", http.MethodPost)
			return
		}
		handler(w, r)
	}
}

// inV1 is a row about version 1, which needs an iModel on the platform.
func inV1(rule string, check func(*WithT, *client, *simulator.Simulator)) row {
	return row{
		rule: "version 1: " + rule, only: needsIModel, options: simulator.Options{InsecureCallbacks: true},
		check: func(g *WithT, c *client, s *simulator.Simulator) { check(g, c.speaking(acceptV1), s) },
	}
}

var v1Rows = []row{
	inV1("create answers with the id and the secret", func(g *WithT, c *client, _ *simulator.Simulator) {
		a := c.do(http.MethodPost, "/webhooks/imodels", createBodyV1(unanswered))
		g.Expect(a.status).To(Equal(http.StatusCreated))
		webhook, _ := a.json(c.t)["webhook"].(map[string]any)
		g.Expect(properties(webhook)).To(Equal([]string{"id", "secret"}))
		g.Expect(webhook["secret"]).To(HaveLen(64))
		g.Expect(a.header.Get("Location")).To(HaveSuffix("/webhooks/" + webhook["id"].(string)))
	}),
	inV1("its own routes need no Accept header", func(g *WithT, c *client, s *simulator.Simulator) {
		silent := c.speaking("application/json, text/plain, */*")
		c.activateV1(s, silent.createV1(unanswered))
		g.Expect(active(s)).To(Equal([]bool{true}))
	}),
	inV1("create refuses what is wrong", func(g *WithT, c *client, _ *simulator.Simulator) {
		for body, target := range map[string]string{
			createBodyV1(unanswered, `"imodelId":"mine"`):                              "imodelId",
			createBodyV1("http://conformance.example.com"):                             "callbackUrl",
			createBodyV1(unanswered, `"eventTypes":["iModels.iModelDeleted.v1"]`):      "eventTypes",
			createBodyV1(unanswered, `"expirationDateTime":"2021-06-07T08:27:42Z"`):    "expirationDateTime",
			createBodyV1(unanswered, `"expirationDateTime":"tomorrow"`):                "expirationDateTime",
			createBodyV1(unanswered, `"secret":"short"`):                               "secret",
			createBodyV1(unanswered, `"scope":"Account"`):                              "scope",
			`{"callbackUrl":"` + unanswered + `","eventTypes":["iModelDeletedEvent"]}`: "imodelId",
		} {
			a := c.do(http.MethodPost, "/webhooks/imodels", body)
			g.Expect(a.status).To(Equal(http.StatusUnprocessableEntity), body)
			g.Expect(a.targets(c.t)).To(Equal([]string{target}), body)
		}
	}),
	inV1("get answers with the details", func(g *WithT, c *client, _ *simulator.Simulator) {
		webhook := c.getV1(c.createV1(unanswered))
		g.Expect(properties(webhook)).To(Equal([]string{
			"_links", "callbackUrl", "expirationDateTime", "id", "isActive", "isValidated", "validationState",
		}))
		g.Expect(webhook).To(HaveKeyWithValue("isActive", false))
		g.Expect(webhook).To(HaveKeyWithValue("_links", HaveKeyWithValue("imodel", HaveKeyWithValue("href", HaveSuffix("/imodels/"+iModelID)))))
	}),
	inV1("list answers with a summary of each", func(g *WithT, c *client, _ *simulator.Simulator) {
		id := c.createV1(unanswered)
		listed, _ := c.do(http.MethodGet, "/webhooks", "").json(c.t)["webhooks"].([]any)
		g.Expect(listed).To(ConsistOf(And(HaveKeyWithValue("id", id), HaveKeyWithValue("eventSource", "iModels"))))
		g.Expect(properties(listed[0].(map[string]any))).To(Equal([]string{
			"callbackUrl", "eventSource", "expirationDateTime", "id", "isActive", "isValidated",
		}))
	}),
	inV1("the versions do not see each other's webhooks", func(g *WithT, c *client, _ *simulator.Simulator) {
		id := c.createV1(unanswered)
		g.Expect(c.speaking(acceptV2).do(http.MethodGet, "/webhooks/"+id, "").status).To(Equal(http.StatusNotFound))
		g.Expect(c.speaking(acceptV2).do(http.MethodGet, "/webhooks", "").body).To(Equal(`{"webhooks":[]}`))
		other := c.speaking(acceptV2).create(unanswered)
		g.Expect(c.do(http.MethodGet, "/webhooks/"+other, "").status).To(Equal(http.StatusNotFound))
	}),
	inV1("activate and deactivate are accepted, and done later", func(g *WithT, c *client, s *simulator.Simulator) {
		id := c.createV1(unanswered)
		for _, tc := range []struct {
			operation string
			want      bool
		}{{"activate", true}, {"deactivate", false}} {
			a := c.do(http.MethodPost, "/webhooks/"+id+"/"+tc.operation, "")
			g.Expect(a.status).To(Equal(http.StatusAccepted))
			g.Expect(c.getV1(id)).To(HaveKeyWithValue("isActive", !tc.want))
			advance(c.t, s, time.Second)
			g.Expect(c.getV1(id)).To(HaveKeyWithValue("isActive", tc.want))
		}
	}),
	inV1("what is done already is refused", func(g *WithT, c *client, s *simulator.Simulator) {
		id := c.createV1(unanswered)
		a := c.do(http.MethodPost, "/webhooks/"+id+"/deactivate", "")
		g.Expect(a.status).To(Equal(http.StatusUnprocessableEntity))
		g.Expect(a.body).To(Equal(`{"error":{"code":"InvalidDeactivateWebhookRequest","message":"Cannot deactivate webhook.",` +
			`"details":[{"code":"InvalidChange","message":"Webhook subscription '` + id +
			`' cannot be deactivated because it is already deactive.","target":"IsActive"}]}}`))
		c.activateV1(s, id)
		a = c.do(http.MethodPost, "/webhooks/"+id+"/activate", "")
		g.Expect(a.status).To(Equal(http.StatusUnprocessableEntity))
		g.Expect(a.errorCode(c.t)).To(Equal("InvalidActivateWebhookRequest"))
	}),
	inV1("a webhook that does not exist is refused", func(g *WithT, c *client, _ *simulator.Simulator) {
		for path, method := range map[string]string{
			"/webhooks/" + unknownID:                         http.MethodGet,
			"/webhooks/" + unknownID + "/":                   http.MethodDelete,
			"/webhooks/" + unknownID + "/activate":           http.MethodPost,
			"/webhooks/" + unknownID + "/deactivate":         http.MethodPost,
			"/webhooks/confirm?id=" + unknownID + "&key=any": http.MethodGet,
		} {
			a := c.do(method, path, "")
			g.Expect(a.status).To(Equal(http.StatusNotFound), path)
			g.Expect(a.errorCode(c.t)).To(Equal("WebhookNotFound"))
		}
	}),
	inV1("delete answers with nothing, and the webhook is gone", func(g *WithT, c *client, s *simulator.Simulator) {
		id := c.createV1(unanswered)
		g.Expect(c.do(http.MethodDelete, "/webhooks/"+id, "").status).To(Equal(http.StatusNoContent))
		g.Expect(s.Webhooks()).To(BeEmpty())
		advance(c.t, s, 31*24*time.Hour) // nothing is planned for it any more
	}),
	inV1("a callback that wants events is validated, and gets them", func(g *WithT, c *client, s *simulator.Simulator) {
		callback := newReceiver(c.t, validating(respond(http.StatusNoContent)))
		id := c.createV1(callback.URL, `"secret":"`+secret+`"`)
		advance(c.t, s, time.Second)
		g.Expect(c.getV1(id)).To(And(HaveKeyWithValue("isActive", true), HaveKeyWithValue("isValidated", true),
			HaveKeyWithValue("validationState", "Webhook endpoint was validated successfully.")))
		event := deletedEvent()
		event.Content = json.RawMessage(`{"imodelId":"` + iModelID + `"}`)
		published := publish(c.t, s, event)
		other := deletedEvent()
		other.Content = json.RawMessage(`{"imodelId":"` + iTwinID + `"}`)
		publish(c.t, s, other)
		g.Expect(callback.received()).To(HaveLen(2), "the question, and the event of its own iModel")
		got := callback.received()[1]
		g.Expect(got.signature).To(Equal(sign(secret, got.body)))
		g.Expect(got.body).To(Equal(`{"content":{"imodelId":"` + iModelID + `"},"contentType":"iModelDeletedEvent",` +
			`"enqueuedDateTime":"3/1/2026 6:25:40 PM","messageId":"` + published.MessageID + `","subscriptionId":"` + id + `"}`))
		g.Expect(s.Deliveries()[0].Outcome).To(Equal(simulator.Delivered), "a 204 will do")
	}),
	inV1("a callback that does not answer can be confirmed by hand", func(g *WithT, c *client, s *simulator.Simulator) {
		callback := newReceiver(c.t, respond(http.StatusNotFound))
		id := c.createV1(callback.URL)
		advance(c.t, s, time.Second)
		g.Expect(c.getV1(id)).To(And(HaveKeyWithValue("isActive", false), HaveKeyWithValue("isValidated", false)))
		confirm := strings.TrimPrefix(s.Webhooks()[0].V1.ConfirmURL, c.apiURL)
		g.Expect(c.do(http.MethodGet, confirm+"x", "").status).To(Equal(http.StatusUnprocessableEntity))
		g.Expect(c.do(http.MethodGet, confirm, "").status).To(Equal(http.StatusOK))
		g.Expect(c.getV1(id)).To(And(HaveKeyWithValue("isActive", true), HaveKeyWithValue("isValidated", true)))
	}),
	inV1("a webhook expires after 30 days", func(g *WithT, c *client, s *simulator.Simulator) {
		id := c.createV1(unanswered)
		c.activateV1(s, id)
		g.Expect(c.getV1(id)).To(HaveKeyWithValue("expirationDateTime", "2026-03-31T18:25:39.000Z"))
		advance(c.t, s, 30*24*time.Hour-2*time.Second)
		g.Expect(active(s)).To(Equal([]bool{true}))
		advance(c.t, s, time.Second)
		g.Expect(active(s)).To(Equal([]bool{false}))
	}),
	inV1("a webhook expires when its owner says", func(g *WithT, c *client, s *simulator.Simulator) {
		callback := newReceiver(c.t, validating(respond(http.StatusOK)))
		id := c.createV1(callback.URL, `"expirationDateTime":"2026-03-01T19:00:00Z"`)
		advance(c.t, s, time.Second)
		g.Expect(active(s)).To(Equal([]bool{true}))
		advance(c.t, s, time.Hour-2*time.Second)
		g.Expect(active(s)).To(Equal([]bool{false}))
		a := c.do(http.MethodPost, "/webhooks/"+id+"/activate", `{"expirationDateTime":"2026-03-02T00:00:00Z"}`)
		g.Expect(a.status).To(Equal(http.StatusAccepted))
		advance(c.t, s, time.Hour)
		g.Expect(active(s)).To(Equal([]bool{true}))
		advance(c.t, s, 24*time.Hour)
		g.Expect(active(s)).To(Equal([]bool{false}))
	}),
}

package simulator_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/simulator"
)

const callbackURL = "https://conformance.example.com/itwin"

var webhookProperties = []string{"active", "callbackUrl", "created", "eventTypes", "id", "modified", "scope", "scopeId"}

// properties lists the names of the properties of an object, sorted.
func properties(object map[string]any) []string {
	return slices.Sorted(maps.Keys(object))
}

var createRows = []row{
	{
		rule: "create answers with the webhook and its secret",
		check: func(g *WithT, c *client, _ *simulator.Simulator) {
			webhook := c.createFrom(createBody(callbackURL)).json(c.t)
			g.Expect(properties(webhook)).To(Equal(slices.Sorted(slices.Values(append([]string{"secret"}, webhookProperties...)))))
			g.Expect(webhook).To(HaveKeyWithValue("callbackUrl", callbackURL))
			g.Expect(webhook).To(HaveKeyWithValue("scope", "Account"))
			g.Expect(webhook).To(HaveKeyWithValue("eventTypes", ConsistOf("iModels.iModelDeleted.v1")))
			g.Expect(webhook).To(HaveKeyWithValue("secret", secret))
		},
	},
	{
		rule: "a new webhook is inactive",
		check: func(g *WithT, c *client, _ *simulator.Simulator) {
			g.Expect(c.createFrom(createBody(callbackURL)).json(c.t)).To(HaveKeyWithValue("active", false))
		},
	},
	{
		rule: "a secret is generated when none is given",
		check: func(g *WithT, c *client, _ *simulator.Simulator) {
			generated := func() string {
				body := fmt.Sprintf(`{"callbackUrl":%q,"scope":"Account","eventTypes":["iModels.iModelDeleted.v1"]}`, callbackURL)
				text, _ := c.createFrom(body).json(c.t)["secret"].(string)
				return text
			}
			first := generated()
			g.Expect(first).To(MatchRegexp(`^[0-9a-f]{64}$`))
			g.Expect(generated()).NotTo(Equal(first))
		},
	},
	{
		rule: "a property that is null is absent",
		only: notDocumented,
		check: func(g *WithT, c *client, _ *simulator.Simulator) {
			webhook := c.createFrom(createBody(callbackURL, `"secret":null`, `"scopeId":null`)).json(c.t)
			g.Expect(webhook["secret"]).To(MatchRegexp(`^[0-9a-f]{64}$`))
		},
	},
	{
		rule: "a webhook of the account has its id",
		check: func(g *WithT, c *client, _ *simulator.Simulator) {
			one, other := c.createFrom(createBody(callbackURL)).json(c.t), c.createFrom(createBody(callbackURL)).json(c.t)
			g.Expect(one["scopeId"]).To(MatchRegexp(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`))
			g.Expect(other["scopeId"]).To(Equal(one["scopeId"]))
		},
	},
	{
		rule: "a webhook of an iTwin has the id given",
		only: "needs an iTwin",
		check: func(g *WithT, c *client, _ *simulator.Simulator) {
			webhook := c.createFrom(createBody(callbackURL, `"scope":"iTwin"`, `"scopeId":"`+iTwinID+`"`)).json(c.t)
			g.Expect(webhook).To(HaveKeyWithValue("scope", "iTwin"))
			g.Expect(webhook).To(HaveKeyWithValue("scopeId", iTwinID))
		},
	},
	{
		rule: "the same create twice makes two webhooks",
		check: func(g *WithT, c *client, _ *simulator.Simulator) {
			g.Expect(c.create(callbackURL)).NotTo(Equal(c.create(callbackURL)))
		},
	},
	{
		rule: "times have milliseconds and are in UTC",
		check: func(g *WithT, c *client, _ *simulator.Simulator) {
			webhook := c.createFrom(createBody(callbackURL)).json(c.t)
			for _, name := range []string{"created", "modified"} {
				g.Expect(webhook[name]).To(MatchRegexp(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`), name)
			}
		},
	},
	{
		rule: "times are those of the virtual clock",
		only: needsClock,
		check: func(g *WithT, c *client, s *simulator.Simulator) {
			advance(c.t, s, 1500*time.Millisecond)
			g.Expect(c.createFrom(createBody(callbackURL)).json(c.t)).To(HaveKeyWithValue("created", "2026-03-01T18:25:40.500Z"))
		},
	},
	{
		rule: "every event type of today can be subscribed to",
		check: func(g *WithT, c *client, _ *simulator.Simulator) {
			types := slices.DeleteFunc(simulator.DocumentedEventTypes(), func(name string) bool {
				return !strings.Contains(name, ".") // of version 1
			})
			g.Expect(types).To(HaveLen(16))
			c.create(callbackURL, `"eventTypes":["`+strings.Join(types, `","`)+`"]`)
		},
	},
	{
		rule: "event types of tomorrow can be subscribed to",
		only: notDocumented,
		check: func(_ *WithT, c *client, _ *simulator.Simulator) {
			c.create(callbackURL, `"eventTypes":["somethingNew.thingHappened.v12"]`)
		},
	},
}

// refused is a row about a create that is refused for one property.
func refused(rule, target string, bodies ...string) row {
	return row{rule: "create refuses " + rule, check: func(g *WithT, c *client, s *simulator.Simulator) {
		for _, body := range bodies {
			a := c.do(http.MethodPost, "/webhooks", body)
			g.Expect(a.status).To(Equal(http.StatusUnprocessableEntity), body)
			if s == nil {
				continue // neither the code nor the details of this refusal are documented
			}
			g.Expect(a.errorCode(c.t)).To(Equal("InvalidCreateWebhookRequest"))
			g.Expect(a.targets(c.t)).To(Equal([]string{target}), "%s\n%s", body, a.body)
			g.Expect(s.Webhooks()).To(BeEmpty())
		}
	}}
}

// refusedAssumed is a row about a refusal that the platform does not document.
func refusedAssumed(rule, target string, bodies ...string) row {
	r := refused(rule, target, bodies...)
	r.only = notDocumented
	return r
}

var refusedCreateRows = []row{
	refused("a missing callback", "callbackUrl", `{"scope":"Account","eventTypes":["iModels.iModelDeleted.v1"]}`),
	refused("a callback without TLS", "callbackUrl", createBody("http://conformance.example.com")),
	refused("a callback that is no URL", "callbackUrl",
		createBody("conformance"), createBody("https://"), createBody(""), createBody("https://:443/"),
		createBody("https://conformance.example.com/%zz"), createBody(callbackURL, `"callbackUrl":7`)),
	refused("a missing scope", "scope", `{"callbackUrl":"https://conformance.example.com","eventTypes":["iModels.iModelDeleted.v1"]}`),
	refused("an unknown scope", "scope",
		createBody(callbackURL, `"scope":"Project"`), createBody(callbackURL, `"scope":"account"`), createBody(callbackURL, `"scope":["Account"]`)),
	refused("an iTwin without its id", "scopeId", createBody(callbackURL, `"scope":"iTwin"`)),
	refused("an iTwin with an id that is none", "scopeId",
		createBody(callbackURL, `"scope":"iTwin"`, `"scopeId":"mine"`), createBody(callbackURL, `"scope":"iTwin"`, `"scopeId":""`),
		createBody(callbackURL, `"scope":"iTwin"`, `"scopeId":5`)),
	refusedAssumed("an account with an id", "scopeId", createBody(callbackURL, `"scopeId":"`+iTwinID+`"`)),
	refusedAssumed("missing event types", "eventTypes", `{"callbackUrl":"https://conformance.example.com","scope":"Account"}`),
	refusedAssumed("empty event types", "eventTypes", createBody(callbackURL, `"eventTypes":[]`)),
	refusedAssumed("event types of a wrong form", "eventTypes",
		createBody(callbackURL, `"eventTypes":["iModelDeletedEvent"]`), createBody(callbackURL, `"eventTypes":["iModels.iModelDeleted"]`),
		createBody(callbackURL, `"eventTypes":["iModels.iModelDeleted.1"]`), createBody(callbackURL, `"eventTypes":["*"]`),
		createBody(callbackURL, `"eventTypes":"iModels.iModelDeleted.v1"`), createBody(callbackURL, `"eventTypes":[1]`)),
	refusedAssumed("an event type that is there twice", "eventTypes",
		createBody(callbackURL, `"eventTypes":["iModels.iModelDeleted.v1","iModels.iModelDeleted.v1"]`)),
	refused("a secret that is too short", "secret", createBody(callbackURL, `"secret":"`+strings.Repeat("x", 31)+`"`)),
	refusedAssumed("a secret that is no string", "secret", createBody(callbackURL, `"secret":12345678901234567890123456789012345`)),
	refused("the read-only property active", "active", createBody(callbackURL, `"active":true`)),
	refused("the read-only property id", "id", createBody(callbackURL, `"id":"`+unknownID+`"`)),
	refused("the read-only property created", "created", createBody(callbackURL, `"created":"2023-10-02T14:55:00.463Z"`)),
	refusedAssumed("a property that does not exist", "name", createBody(callbackURL, `"name":"mine"`)),
	refusedAssumed("a body that is no object", "body", `[]`, `null`, `"x"`, `{`, `nonsense`, createBody(callbackURL)+"{}"),
	refusedAssumed("a body that is not there", "Content-Type", ""),
	{
		rule: "create refuses a body that is not declared as JSON",
		only: notDocumented,
		check: func(g *WithT, c *client, s *simulator.Simulator) {
			r := c.request(http.MethodPost, "/webhooks", createBody(callbackURL))
			r.Header.Set("Content-Type", "text/plain")
			a, err := c.send(r)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(a.status).To(Equal(http.StatusUnprocessableEntity))
			g.Expect(a.targets(c.t)).To(Equal([]string{"Content-Type"}))
			g.Expect(s.Webhooks()).To(BeEmpty())
		},
	},
	{
		rule: "create names every mistake",
		only: notDocumented,
		check: func(g *WithT, c *client, _ *simulator.Simulator) {
			a := c.do(http.MethodPost, "/webhooks", `{"callbackUrl":"http://x","scope":"iTwin","secret":"short","name":1}`)
			g.Expect(a.targets(c.t)).To(ConsistOf("callbackUrl", "scopeId", "eventTypes", "secret", "name"))
		},
	},
	{
		rule: "create refuses a body that is too large",
		only: notDocumented,
		check: func(g *WithT, c *client, _ *simulator.Simulator) {
			a := c.do(http.MethodPost, "/webhooks", createBody(callbackURL, `"name":"`+strings.Repeat("x", 1<<20)+`"`))
			g.Expect(a.status).To(Equal(http.StatusRequestEntityTooLarge))
		},
	},
}

var readRows = []row{
	{
		rule: "get answers with the webhook, without its secret",
		check: func(g *WithT, c *client, _ *simulator.Simulator) {
			created := c.createFrom(createBody(callbackURL)).json(c.t)
			a := c.do(http.MethodGet, "/webhooks/"+created["id"].(string), "")
			g.Expect(a.status).To(Equal(http.StatusOK))
			delete(created, "secret")
			g.Expect(a.json(c.t)).To(Equal(created))
		},
	},
	{
		rule: "get of a webhook that does not exist is refused",
		check: func(g *WithT, c *client, _ *simulator.Simulator) {
			a := c.do(http.MethodGet, "/webhooks/"+unknownID, "")
			g.Expect(a.status).To(Equal(http.StatusNotFound))
			g.Expect(a.errorCode(c.t)).To(Equal("WebhookNotFound"))
		},
	},
	{
		rule: "list answers with all webhooks, without their secrets",
		check: func(g *WithT, c *client, _ *simulator.Simulator) {
			ids := []string{c.create(callbackURL), c.create(callbackURL)}
			a := c.do(http.MethodGet, "/webhooks", "")
			g.Expect(a.status).To(Equal(http.StatusOK))
			listed, _ := a.json(c.t)["webhooks"].([]any)
			found := map[string]bool{}
			for _, entry := range listed {
				webhook, _ := entry.(map[string]any)
				g.Expect(properties(webhook)).To(Equal(webhookProperties))
				id, _ := webhook["id"].(string)
				found[id] = true
			}
			g.Expect(found).To(And(HaveKey(ids[0]), HaveKey(ids[1])))
		},
	},
	{
		rule: "list answers with the oldest webhook first, and with all of them at once",
		only: notDocumented,
		check: func(g *WithT, c *client, _ *simulator.Simulator) {
			var want []string
			for range 12 {
				want = append(want, c.create(callbackURL))
			}
			a := c.do(http.MethodGet, "/webhooks", "")
			g.Expect(listedIDs(c, a)).To(Equal(want))
			g.Expect(properties(a.json(c.t))).To(Equal([]string{"webhooks"}))
		},
	},
	{
		rule:    "list may answer in pages",
		only:    notDocumented,
		options: simulator.Options{PageSize: 5},
		check: func(g *WithT, c *client, _ *simulator.Simulator) {
			var want, got []string
			for range 12 {
				want = append(want, c.create(callbackURL))
			}
			pages := 0
			for path := "/webhooks"; path != ""; pages++ {
				a := c.do(http.MethodGet, path, "")
				got = append(got, listedIDs(c, a)...)
				path = strings.TrimPrefix(nextLink(c, a), c.apiURL)
			}
			g.Expect(pages).To(Equal(3))
			g.Expect(got).To(Equal(want))
		},
	},
}

func listedIDs(c *client, a answer) []string {
	var ids []string
	listed, _ := a.json(c.t)["webhooks"].([]any)
	for _, entry := range listed {
		id, _ := entry.(map[string]any)["id"].(string)
		ids = append(ids, id)
	}
	return ids
}

func nextLink(c *client, a answer) string {
	links, _ := a.json(c.t)["_links"].(map[string]any)
	next, _ := links["next"].(map[string]any)
	href, _ := next["href"].(string)
	return href
}

package simulator_test

import (
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/simulator"
)

func TestAdminRefusesBadInput(t *testing.T) {
	tests := map[string]struct {
		method, path, body string
		wantStatus         int
		wantMessage        string
	}{
		"a body that is no JSON":       {"POST", "/simulator/clock/advance", "72h", 400, "the request body is not as expected"},
		"no body":                      {"POST", "/simulator/clock/advance", "", 400, "the request body is not as expected"},
		"two bodies":                   {"POST", "/simulator/clock/advance", `{"duration":"1h"}{}`, 400, "one JSON object"},
		"an unknown field":             {"POST", "/simulator/clock/advance", `{"duration":"1h","by":"me"}`, 400, `unknown field "by"`},
		"no duration":                  {"POST", "/simulator/clock/advance", `{}`, 400, "duration is required"},
		"a duration without a unit":    {"POST", "/simulator/clock/advance", `{"duration":"72"}`, 400, "missing unit"},
		"a duration of another type":   {"POST", "/simulator/clock/advance", `{"duration":72}`, 400, "the request body is not as expected"},
		"a duration into the past":     {"POST", "/simulator/clock/advance", `{"duration":"-1h"}`, 400, "must lie between 0s and"},
		"a duration without end":       {"POST", "/simulator/clock/advance", `{"duration":"2000000h"}`, 400, "must lie between 0s and"},
		"a fault without an action":    {"POST", "/simulator/faults", `{}`, 400, "the action must be one of"},
		"an unknown action":            {"POST", "/simulator/faults", `{"action":"explode"}`, 400, "the action must be one of"},
		"an action with an argument":   {"POST", "/simulator/faults", `{"action":"drop-request:1"}`, 400, "the action must be one of"},
		"a status that is no number":   {"POST", "/simulator/faults", `{"action":"status:teapot"}`, 400, "a status is a number from 200 to 599"},
		"a status out of range":        {"POST", "/simulator/faults", `{"action":"status:99"}`, 400, "a status is a number from 200 to 599"},
		"an unknown option":            {"POST", "/simulator/faults", `{"action":"status:429;after=7"}`, 400, "retry-after=SECONDS"},
		"a delay that is none":         {"POST", "/simulator/faults", `{"action":"delay:soon"}`, 400, "invalid duration"},
		"a delay out of range":         {"POST", "/simulator/faults", `{"action":"delay:2h"}`, 400, "a delay lies between"},
		"an unknown field in a match":  {"POST", "/simulator/faults", `{"match":{"verb":"GET"},"action":"garbage"}`, 400, `unknown field "verb"`},
		"a bad pattern":                {"POST", "/simulator/faults", `{"match":{"path":"/webhooks/["},"action":"garbage"}`, 400, "match.path"},
		"a path that is none":          {"POST", "/simulator/faults", `{"match":{"path":"webhooks"},"action":"garbage"}`, 400, "match.path"},
		"an event without a type":      {"POST", "/simulator/events", `{"iTwinId":"` + iTwinID + `"}`, 400, "eventType"},
		"an event of a wrong type":     {"POST", "/simulator/events", `{"eventType":"deleted","iTwinId":"` + iTwinID + `"}`, 400, "eventType"},
		"an event in no iTwin":         {"POST", "/simulator/events", `{"eventType":"a.b.v1","iTwinId":"mine"}`, 400, "iTwinId"},
		"a content that is no object":  {"POST", "/simulator/events", `{"eventType":"a.b.v1","iTwinId":"` + iTwinID + `","content":[]}`, 400, "content must be a JSON object"},
		"an unknown field of an event": {"POST", "/simulator/events", `{"eventType":"a.b.v1","iTwinId":"` + iTwinID + `","to":"x"}`, 400, `unknown field "to"`},
		"a content that is too large": {
			"POST", "/simulator/events",
			`{"eventType":"a.b.v1","iTwinId":"` + iTwinID + `","content":{"x":"` + strings.Repeat("x", 64<<10) + `"}}`, 400, "at most 65536 bytes",
		},
		"a body that is too large": {"POST", "/simulator/events", strings.Repeat(" ", 1<<20+1), 413, "too large"},
		"an unknown webhook":       {"POST", "/simulator/webhooks/" + unknownID + "/deactivate", "", 404, "there is no such webhook"},
		"an unknown path":          {"GET", "/simulator/nothing", "", 404, "no such resource"},
		"a method that is not it":  {"PUT", "/simulator/faults", "{}", 405, "does not support"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			platform, c := newSimulator(t, simulator.Options{})

			a := c.do(tc.method, tc.path, tc.body)

			g.Expect(a.status).To(Equal(tc.wantStatus), a.body)
			refusal, _ := a.json(t)["error"].(map[string]any)
			g.Expect(refusal["code"]).NotTo(BeEmpty())
			g.Expect(refusal["message"]).To(ContainSubstring(tc.wantMessage))
			g.Expect(platform.Now()).To(Equal(start))
			g.Expect(platform.Faults()).To(BeEmpty())
		})
	}
}

func TestAdminEndpoints(t *testing.T) {
	g := NewWithT(t)
	callback := newReceiver(t, respond(http.StatusOK))
	platform, c := newSimulator(t, simulator.Options{InsecureCallbacks: true})
	id := c.createActive(callback.URL)

	a := c.do(http.MethodGet, "/simulator/requests", "")
	g.Expect(a.json(t)).To(Equal(map[string]any{"total": 2.0, "mostInAMinute": 2.0, "counts": map[string]any{
		"POST /connect/token": 0.0, "GET /webhooks": 0.0, "POST /webhooks": 1.0, "GET /webhooks/{id}": 0.0,
		"PATCH /webhooks/{id}": 1.0, "DELETE /webhooks/{id}": 0.0, "POST /webhooks/imodels": 0.0,
		"GET /webhooks/confirm": 0.0, "POST /webhooks/{id}/activate": 0.0, "POST /webhooks/{id}/deactivate": 0.0,
	}}), "what is asked of the simulator itself does not count")
	c.do(http.MethodPut, "/elsewhere", "{}")
	g.Expect(platform.Requests().Counts).To(HaveKeyWithValue("other", 1))
	g.Expect(c.do(http.MethodPost, "/simulator/requests/reset", "").status).To(Equal(http.StatusNoContent))
	g.Expect(platform.Requests().Total).To(BeZero())

	a = c.do(http.MethodPost, "/simulator/events", `{"eventType":"iModels.iModelDeleted.v1","iTwinId":"`+iTwinID+`","content":{}}`)
	g.Expect(a.status).To(Equal(http.StatusAccepted))
	g.Expect(a.json(t)).To(HaveKeyWithValue("webhooks", ConsistOf(id)))
	a = c.do(http.MethodPost, "/simulator/clock/advance", `{"duration":"1h30m"}`)
	g.Expect(a.body).To(Equal(`{"now":"2026-03-01T19:55:39.000Z"}`))
	g.Expect(c.do(http.MethodGet, "/simulator/clock", "").body).To(Equal(`{"now":"2026-03-01T19:55:39.000Z","timeScale":0}`))
	a = c.do(http.MethodGet, "/simulator/deliveries", "")
	g.Expect(a.json(t)["deliveries"]).To(ConsistOf(And(
		HaveKeyWithValue("webhookId", id), HaveKeyWithValue("status", 200.0), HaveKeyWithValue("outcome", "delivered"),
		HaveKeyWithValue("attempt", 1.0), HaveKeyWithValue("url", callback.URL), HaveKey("latencyMs"),
		HaveKeyWithValue("time", "2026-03-01T18:25:39.000Z"), HaveKeyWithValue("eventType", "iModels.iModelDeleted.v1"),
	)))

	a = c.do(http.MethodPost, "/simulator/webhooks/"+id+"/deactivate", "")
	g.Expect(a.json(t)).To(HaveKeyWithValue("active", false))
	a = c.do(http.MethodGet, "/simulator/webhooks", "")
	g.Expect(a.json(t)["webhooks"]).To(ConsistOf(And(
		HaveKeyWithValue("id", id), HaveKeyWithValue("clientId", "tester"), HaveKeyWithValue("secret", secret),
		HaveKeyWithValue("active", false), HaveKeyWithValue("modified", "2026-03-01T19:55:39.000Z"),
	)))

	a = c.do(http.MethodPost, "/simulator/faults", `{"match":{"method":"GET","path":"/webhooks"},"times":2,"action":"status:503"}`)
	g.Expect(a.status).To(Equal(http.StatusCreated))
	c.do(http.MethodGet, "/webhooks", "")
	g.Expect(c.do(http.MethodGet, "/simulator/faults", "").body).
		To(Equal(`{"faults":[{"match":{"method":"GET","path":"/webhooks"},"times":1,"action":"status:503"}]}`))
	g.Expect(c.do(http.MethodDelete, "/simulator/faults", "").status).To(Equal(http.StatusNoContent))
	g.Expect(platform.Faults()).To(BeEmpty())

	g.Expect(c.do(http.MethodPost, "/simulator/reset", "").status).To(Equal(http.StatusNoContent))
	g.Expect(platform.Webhooks()).To(BeEmpty())
	g.Expect(platform.Now()).To(Equal(start.Add(90 * time.Minute)))
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	for _, options := range []simulator.Options{
		{Latency: -1}, {RequestsPerMinute: -1}, {RequestsPerHour: -1}, {PageSize: -1}, {DeliveryTimeout: -1},
		{DeliveryConcurrency: -1}, {TimeScale: -1}, {TimeScale: 1e9}, {TimeScale: math.NaN()},
	} {
		_, err := simulator.New(options)
		NewWithT(t).Expect(err).To(HaveOccurred(), "%+v", options)
	}
}

package simulator_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/simulator"
)

const (
	markedURL   = "https://hooks.example.com/itwin?b=%2f&itwin-webhook=x&a=1"
	unmarkedURL = "https://hooks.example.com/itwin?b=%2f&a=1"
	encodedURL  = "https://hooks.example.com/%7Eitwin?%61=%2f%c3%9f"
	oddURL      = "HTTPS://Hooks.Example.COM:443?x=%c3%9f"
	scopedBody  = `"scope":"iTwin","scopeId":"` + iTwinID + `"`
	twoTypes    = `"eventTypes":["iTwins.iTwinCreated.v1","iModels.iModelDeleted.v1"]`
)

// variantTest calls the simulator and returns what it saw; the variant is on or off.
type variantTest struct {
	spec    string
	options simulator.Options
	observe func(p *simulator.Simulator, c *client) any
	on, off any
}

// rateVariants are those of the headers of the rate limit.
var rateVariants = []variantTest{
	{
		spec: "remaining-calls-absent", options: simulator.Options{RequestsPerMinute: 5, Subscription: "Standard"},
		observe: remaining, on: []string{"", ""}, off: []string{"4", "Standard"},
	},
	{
		spec: "remaining-calls-of-hour", options: simulator.Options{RequestsPerMinute: 5, RequestsPerHour: 9},
		observe: remaining, on: []string{"8", ""}, off: []string{"4", ""},
	},
}

// property reads one property of an answer.
func property(c *client, a answer, name string) any { return a.json(c.t)[name] }

func (c *client) read(id string) answer { return c.do(http.MethodGet, "/webhooks/"+id, "") }

// listed returns one property of every listed webhook.
func (c *client) listed(name string) []any {
	c.t.Helper()
	var values []any
	all, _ := c.do(http.MethodGet, "/webhooks", "").json(c.t)["webhooks"].([]any)
	for _, w := range all {
		values = append(values, w.(map[string]any)[name])
	}
	return values
}

// isUpper reports whether a GUID is written in upper case.
func isUpper(id any) bool {
	return id == strings.ToUpper(id.(string)) && id != strings.ToLower(id.(string))
}

// idCases reports whether ids are upper case in answers to create, read and list, and the status of a read by the
// lower-case and by the upper-case id.
func idCases(_ *simulator.Simulator, c *client) any {
	a := c.createFrom(createBody(callbackURL, scopedBody))
	id := property(c, a, "id").(string)
	lower, upper := c.read(strings.ToLower(id)), c.read(strings.ToUpper(id))
	read := lower
	if lower.status != http.StatusOK {
		read = upper
	}
	return []any{
		isUpper(id), isUpper(property(c, read, "id")), isUpper(property(c, read, "scopeId")), isUpper(c.listed("id")[0]),
		isUpper(c.listed("scopeId")[0]), lower.status, upper.status,
	}
}

// created returns the property "created" of a webhook.
func created(_ *simulator.Simulator, c *client) any {
	return property(c, c.read(c.create(callbackURL)), "created")
}

// lag returns whether a webhook made now is seen at once, after 4 and after 5 seconds, and then whether its deletion is.
func lag(seen func(c *client, id string) bool) func(*simulator.Simulator, *client) any {
	return func(p *simulator.Simulator, c *client) any {
		id := c.create(callbackURL)
		got := []bool{seen(c, id)}
		for _, d := range []time.Duration{4 * time.Second, time.Second} {
			advance(c.t, p, d)
			got = append(got, seen(c, id))
		}
		c.do(http.MethodDelete, "/webhooks/"+id, "")
		got = append(got, seen(c, id))
		advance(c.t, p, 5*time.Second)
		return append(got, seen(c, id))
	}
}

// sent stands for a callback that is returned as it was sent.
const sent = "as sent"

// spelled returns how a callback is written in the answer to a create and in a list.
func spelled(callback string) func(*simulator.Simulator, *client) any {
	return func(_ *simulator.Simulator, c *client) any {
		var written []any
		for _, w := range []any{property(c, c.createFrom(createBody(callback)), "callbackUrl"), c.listed("callbackUrl")[0]} {
			if w == callback {
				w = sent
			}
			written = append(written, w)
		}
		return written
	}
}

// remaining returns what an answer says of the rate limit: the remaining calls, and the subscription.
func remaining(_ *simulator.Simulator, c *client) any {
	h := c.do(http.MethodGet, "/webhooks", "").header
	return []string{h.Get(headerRemaining), h.Get("iTwinPlatform-Tier")}
}

var spellingVariants = []variantTest{
	{
		spec: "ids-upper", observe: idCases,
		on: []any{true, true, true, true, true, 200, 200}, off: []any{false, false, false, false, false, 200, 404},
	},
	{
		spec: "ids-upper-in-lists", observe: idCases,
		on: []any{false, false, false, true, true, 200, 200}, off: []any{false, false, false, false, false, 200, 404},
	},
	{
		spec: "ids-upper-strict", observe: idCases,
		on: []any{true, true, true, true, true, 404, 200}, off: []any{false, false, false, false, false, 200, 404},
	},
	{
		spec: "urls-normalised",
		observe: func(_ *simulator.Simulator, c *client) any {
			a := c.createFrom(createBody(oddURL))
			return []any{property(c, a, "callbackUrl"), c.listed("callbackUrl")[0]}
		},
		on:  []any{"https://hooks.example.com/?x=%C3%9F", "https://hooks.example.com/?x=%C3%9F"},
		off: []any{oddURL, oddURL},
	},
	{
		spec: "urls-decoded",
		observe: func(_ *simulator.Simulator, c *client) any {
			a := c.createFrom(createBody(encodedURL))
			return []any{property(c, a, "callbackUrl"), c.listed("callbackUrl")[0]}
		},
		on:  []any{"https://hooks.example.com/~itwin?a=%2f%c3%9f", "https://hooks.example.com/~itwin?a=%2f%c3%9f"},
		off: []any{encodedURL, encodedURL},
	},
	{
		spec: "urls-unicode", observe: spelled("https://xn--bcher-kva.example/x"),
		on: []any{"https://b\u00fccher.example/x", "https://b\u00fccher.example/x"}, off: []any{sent, sent},
	},
	{
		spec: "urls-slash", observe: spelled("https://h.example/x?a#b"),
		on: []any{"https://h.example/x/?a#b", "https://h.example/x/?a#b"}, off: []any{sent, sent},
	},
	{
		spec: "urls-slash-in-lists", observe: spelled("https://h.example/x"),
		on: []any{sent, "https://h.example/x/"}, off: []any{sent, sent},
	},
	{
		spec: "urls-query", observe: spelled("https://h.example/x?a"),
		on: []any{"https://h.example/x?a&source=itwin", "https://h.example/x?a&source=itwin"}, off: []any{sent, sent},
	},
	{
		spec: "event-types-sorted",
		observe: func(_ *simulator.Simulator, c *client) any {
			id := c.create(callbackURL, twoTypes)
			repeated := c.do(http.MethodPatch, "/webhooks/"+id, `{"eventTypes":["b.b.v1","a.a.v1","b.b.v1"]}`).status
			return []any{repeated, c.listed("eventTypes")[0]}
		},
		on:  []any{200, []any{"a.a.v1", "b.b.v1"}},
		off: []any{422, []any{"iTwins.iTwinCreated.v1", "iModels.iModelDeleted.v1"}},
	},
	{spec: "times-without-zone", observe: created, on: "2026-03-01T18:25:39.000", off: "2026-03-01T18:25:39.000Z"},
	{spec: "times-without-fraction", observe: created, on: "2026-03-01T18:25:39Z", off: "2026-03-01T18:25:39.000Z"},
	{spec: "times-null", observe: created, on: nil, off: "2026-03-01T18:25:39.000Z"},
	{spec: "times-unix", observe: created, on: float64(1772389539), off: "2026-03-01T18:25:39.000Z"},
}

var timeVariants = []variantTest{
	{
		spec:    "lists-lag=5s",
		observe: lag(func(c *client, id string) bool { return slices.Contains(c.listed("id"), any(id)) }),
		on:      []bool{false, false, true, true, false}, off: []bool{true, true, true, false, false},
	},
	{
		spec:    "reads-lag=5s",
		observe: lag(func(c *client, id string) bool { return c.read(id).status == http.StatusOK }),
		on:      []bool{false, false, true, true, false}, off: []bool{true, true, true, false, false},
	},
	{
		spec: "date-skew=-90s",
		observe: func(_ *simulator.Simulator, c *client) any {
			return c.do(http.MethodGet, "/webhooks", "").header.Get("Date")
		},
		on: "Sun, 01 Mar 2026 18:24:09 GMT", off: "Sun, 01 Mar 2026 18:25:39 GMT",
	},
	{
		spec: "modified-moves",
		observe: func(p *simulator.Simulator, c *client) any {
			c.create(callbackURL)
			first := c.listed("modified")[0]
			advance(c.t, p, time.Second)
			return first != c.listed("modified")[0]
		},
		on: true, off: false,
	},
}

var writeVariants = []variantTest{
	{
		spec: "update-makes-secret",
		observe: func(p *simulator.Simulator, c *client) any {
			id := c.createActive(callbackURL)
			changed := p.Webhooks()[0].Secret != secret
			c.do(http.MethodPatch, "/webhooks/"+id, `{"secret":"`+secret+`"}`)
			return []bool{changed, p.Webhooks()[0].Secret != secret}
		},
		on: []bool{true, false}, off: []bool{false, false},
	},
	{
		spec: "creates-merge",
		observe: func(_ *simulator.Simulator, c *client) any {
			a := c.createFrom(createBody(callbackURL, scopedBody, twoTypes))
			b := c.createFrom(createBody(callbackURL, scopedBody, twoTypes, `"secret":"`+strings.Repeat("s", 32)+`"`))
			c.createFrom(createBody(callbackURL))
			c.as("another").createFrom(createBody(callbackURL, scopedBody, twoTypes))
			return []any{len(c.listed("id")), a.body == b.body}
		},
		on: []any{2, true}, off: []any{3, false},
	},
	{
		spec: "creates-drop-query",
		observe: func(_ *simulator.Simulator, c *client) any {
			a := c.createFrom(createBody(markedURL))
			c.create(callbackURL + "?itwin-webhook=x#f")
			return append([]any{property(c, a, "callbackUrl")}, c.listed("callbackUrl")...)
		},
		on:  []any{unmarkedURL, unmarkedURL, callbackURL + "#f"},
		off: []any{markedURL, markedURL, callbackURL + "?itwin-webhook=x#f"},
	},
	{
		spec: "creates-refuse-query",
		observe: func(_ *simulator.Simulator, c *client) any {
			id := c.create(unmarkedURL)
			create := c.do(http.MethodPost, "/webhooks", createBody(markedURL))
			update := c.do(http.MethodPatch, "/webhooks/"+id, `{"callbackUrl":"`+markedURL+`"}`)
			if create.status == http.StatusCreated {
				return []any{create.status, update.status}
			}
			return []any{create.errorCode(c.t), create.targets(c.t), update.errorCode(c.t), update.targets(c.t)}
		},
		on: []any{
			"InvalidCreateWebhookRequest", []string{"callbackUrl"}, "InvalidUpdateWebhookRequest", []string{"callbackUrl"},
		},
		off: []any{201, 200},
	},
	{
		spec: "creates-active",
		observe: func(p *simulator.Simulator, c *client) any {
			return []any{property(c, c.createFrom(createBody(callbackURL)), "active"), active(p)}
		},
		on: []any{true, []bool{true}}, off: []any{false, []bool{false}},
	},
}

func TestVariants(t *testing.T) {
	for _, tc := range slices.Concat(spellingVariants, timeVariants, writeVariants, rateVariants, faultVariants) {
		for state, want := range map[string]any{"on": tc.on, "off": tc.off} {
			t.Run(tc.spec+" "+state, func(t *testing.T) {
				g := NewWithT(t)
				platform, c := newSimulator(t, tc.options)
				g.Expect(platform.SetVariant(tc.spec)).To(Succeed())
				if state == "off" {
					name, _, _ := strings.Cut(tc.spec, "=")
					g.Expect(platform.ClearVariant(name)).To(Succeed())
				}

				got := tc.observe(platform, c)

				if want == nil {
					g.Expect(got).To(BeNil())
					return
				}
				g.Expect(got).To(Equal(want))
			})
		}
	}
}

// An id may be given to the simulator as its answers spell it.
func TestDeactivateTakesAnIDAsItIsSpelled(t *testing.T) {
	g := NewWithT(t)
	platform, c := newSimulator(t, simulator.Options{Variants: []string{"ids-upper"}})
	id := c.createActive("https://hooks.example.com/")
	g.Expect(id).To(Equal(strings.ToUpper(id)))
	turnedOff, err := platform.Deactivate(id)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(turnedOff.Active).To(BeFalse())
}

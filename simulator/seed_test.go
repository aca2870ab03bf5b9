package simulator_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/simulator"
)

func TestSeededWebhooksAreAsIfCallsHadMadeThem(t *testing.T) {
	g := NewWithT(t)
	callback := newReceiver(t, respond(http.StatusOK))
	platform, c := newSimulator(t, simulator.Options{InsecureCallbacks: true})
	made := c.createActive(callback.URL)

	a := c.do(http.MethodPost, "/simulator/webhooks", `{"webhooks":[
		{"clientId":"tester","scope":"iTwin","scopeId":"`+iTwinID+`","callbackUrl":"`+callback.URL+`",
		 "eventTypes":["iModels.iModelDeleted.v1"],"secret":"`+secret+`","active":true},
		{"clientId":"other","scope":"Account","callbackUrl":"https://b.example.com","eventTypes":["a.b.v1"]}]}`)

	g.Expect(a.status).To(Equal(http.StatusCreated), a.body)
	g.Expect(platform.Requests().Counts).To(HaveKeyWithValue("POST /webhooks", 1), "seeds are no calls")
	all := platform.Webhooks()
	g.Expect(all).To(HaveLen(3))
	g.Expect(all[1].Active).To(BeTrue())
	g.Expect(all[1].Secret).To(Equal(secret))
	g.Expect(all[2].Active).To(BeFalse())
	g.Expect(all[2].Secret).To(HaveLen(64))
	g.Expect(all[2].ScopeID).To(MatchRegexp("^[0-9a-f-]{36}$"))
	listed := c.do(http.MethodGet, "/webhooks", "").json(t)["webhooks"]
	g.Expect(listed).To(ConsistOf(HaveKeyWithValue("id", made), HaveKeyWithValue("id", all[1].ID)))
	g.Expect(c.as("other").do(http.MethodGet, "/webhooks/"+all[2].ID, "").status).To(Equal(http.StatusOK))

	_, err := platform.Publish(simulator.Event{
		ClientID: "tester", EventType: "iModels.iModelDeleted.v1", ITwinID: iTwinID, Content: []byte("{}"),
	})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = platform.Advance(0)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(platform.Deliveries()).To(HaveLen(2), "to the one that was made and to the one that was seeded")
}

func TestSeedsOfWhichOneIsWrongMakeNone(t *testing.T) {
	const right = `{"clientId":"me","scope":"Account","callbackUrl":"https://a.example.com","eventTypes":["a.b.v1"]}`
	for name, tc := range map[string]struct{ seed, message string }{
		"no account":       {`{"scope":"Account"}`, "webhook 2 of 2: clientId is required"},
		"no https":         {strings.Replace(right, "https", "http", 1), "callbackUrl must be an https URL"},
		"an id":            {strings.Replace(right, `{`, `{"id":"`+unknownID+`",`, 1), `unknown field "id"`},
		"a short secret":   {strings.Replace(right, `{`, `{"secret":"short",`, 1), "secret must have at least"},
		"an unknown scope": {strings.Replace(right, "Account", "iModel", 1), "scope must be Account or iTwin"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			platform, c := newSimulator(t, simulator.Options{})
			a := c.do(http.MethodPost, "/simulator/webhooks", `{"webhooks":[`+right+`,`+tc.seed+`]}`)
			g.Expect(a.status).To(Equal(http.StatusBadRequest))
			refusal, _ := a.json(t)["error"].(map[string]any)
			g.Expect(refusal["message"]).To(ContainSubstring(tc.message))
			g.Expect(platform.Webhooks()).To(BeEmpty())
		})
	}
}

// The busiest minute is that of one account, wherever it begins, with the calls that were refused.
func TestMostInAMinuteIsTheBusiestWindowOfOneAccount(t *testing.T) {
	g := NewWithT(t)
	platform, c := newSimulator(t, simulator.Options{RequestsPerMinute: 4})
	other := c.as("other")
	most := func() int { return platform.Requests().MostInAMinute }
	pass := func(d time.Duration) {
		_, err := platform.Advance(d)
		g.Expect(err).NotTo(HaveOccurred())
	}
	list := func(c *client, n, status int) {
		for i := range n {
			g.Expect(c.do(http.MethodGet, "/webhooks", "").status).To(Equal(status), fmt.Sprint(i))
		}
	}
	g.Expect(most()).To(BeZero(), "tokens are no calls of the API")
	list(c, 2, http.StatusOK)
	list(other, 2, http.StatusOK)
	g.Expect(most()).To(Equal(2))
	pass(59 * time.Second)
	list(c, 1, http.StatusOK)
	g.Expect(most()).To(Equal(3))
	pass(time.Second)
	list(c, 2, http.StatusOK)
	g.Expect(most()).To(Equal(3), "those of a minute ago are over")
	list(c, 1, http.StatusOK)
	list(c, 2, http.StatusTooManyRequests)
	g.Expect(most()).To(Equal(6))
	platform.ResetRequests()
	g.Expect(most()).To(BeZero())
	list(other, 1, http.StatusOK)
	g.Expect(most()).To(Equal(1))
}

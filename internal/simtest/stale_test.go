package simtest

import (
	"maps"
	"net/http"
	"testing"
	"time"

	"webhook-operator.io/itwin/controllers/webhook"
)

// TestHeldBackCaches holds back every watch event of every scenario, and with it all that follow: what the operator
// itself wrote, and what others did, shows late in its cache, while its writes go to the objects as they are. The
// platform hears no more than when the cache is up to date.
func TestHeldBackCaches(t *testing.T) {
	lates := []time.Duration{100 * time.Millisecond, 3 * time.Second, webhook.GracePeriod + 2*time.Second}
	eachScenario(t, "held back", func(t *testing.T, s scenario, v *visits) {
		undisturbed := s.play(t)
		for k := range undisturbed.events {
			for _, late := range lates {
				held := disruption{point: k + 1, what: holdBack, late: late}
				if o := v.visit(t, s, []disruption{held}); !maps.Equal(o.sent, undisturbed.sent) {
					t.Errorf("the process %s by %s: it sent %v, not %v", held, late, o.sent, undisturbed.sent)
				}
			}
		}
	})
}

// TestStaleStarts ends the operator at every write. Its successor begins with a cache that lacks the last changes, as
// one does that was filled from an API server that lags behind.
func TestStaleStarts(t *testing.T) {
	eachScenario(t, "stale start", func(t *testing.T, s scenario, v *visits) {
		points := s.play(t).traces[0]
		for _, k := range leaving(points, "after ", writing...) {
			for behind := 1; behind <= 3; behind++ {
				v.visit(t, s, dies(k), []disruption{{point: behind, what: startBehind, late: 3 * time.Second}})
			}
		}
	})
}

// lackingLists are answers without any webhook.
var lackingLists = []disruption{{
	every: "before GET /webhooks", what: disturb, never: true,
	reply: page("without any webhook", http.StatusOK, `{"webhooks":[]}`),
}}

// TestListsThatLack answers lists as a replica does that lacks a webhook which exists. What has an id is not believed
// to be gone until the platform says so when asked for it by its id.
func TestListsThatLack(t *testing.T) {
	lacking := lackingLists
	for _, name := range []string{"update", "turn off", "rotate a given secret", "reactivate on request", "delete"} {
		s := scenarioNamed(name)
		t.Run(name, func(t *testing.T) {
			v := newVisits(t, "lists that lack: "+name)
			points := v.visit(t, s, lacking).traces[0]
			for _, k := range leaving(points, "") {
				v.visit(t, s, dies(k), lacking)
				v.visit(t, s, append(dies(k), lacking...), lacking)
			}
		})
	}
}

package simtest

import (
	"slices"
	"strings"
	"testing"
	"time"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// meeting is something that another client does while the operator carries out a scenario.
type meeting struct {
	scenario, name string
	do             func(*simulation)
	// webhooks is how many there are in the end.
	webhooks int
}

func meetings() []meeting {
	const create, adopt = "create with a generated secret", "adopt"
	off := edit(func(w *itwinv1alpha1.Webhook) { w.Spec.Active = new(false) })
	label := edit(func(w *itwinv1alpha1.Webhook) { w.Labels = map[string]string{"team": "a"} })
	rotate := annotate(itwinv1alpha1.RotateRequestedAtAnnotation)
	return []meeting{
		{scenario: create, name: "deletes it", do: deleteSubject},
		{scenario: create, name: "recreates it", do: recreate, webhooks: 1},
		{scenario: create, name: "changes its spec", do: edit(changeSpec), webhooks: 1},
		{scenario: create, name: "turns it off", do: off, webhooks: 1},
		{scenario: create, name: "asks for a new secret", do: rotate, webhooks: 1},
		{scenario: "create two that are equal", name: "deletes both", do: deleteBoth},
		{scenario: adopt, name: "labels it", do: label, webhooks: 1},
		{scenario: "reactivate", name: "changes its spec", do: edit(changeSpec), webhooks: 1},
		{scenario: "update", name: "deletes it", do: deleteSubject},
		{scenario: "turn off", name: "changes the remote webhook", do: changeRemotely, webhooks: 1},
		{scenario: "rotate a given secret", name: "changes the remote webhook", do: changeRemotely, webhooks: 1},
		{scenario: "use another given secret", name: "goes back to the first", do: edit(referring(hmac)), webhooks: 1},
		{scenario: "use another given secret", name: "goes on to a third", do: edit(referring(thirdHMAC)), webhooks: 1},
		{scenario: "remote webhook deleted", name: "changes its spec", do: edit(changeSpec), webhooks: 1},
		{scenario: "remote webhook deleted", name: "deletes it", do: deleteSubject},
	}
}

func deleteBoth(w *simulation) {
	for _, o := range w.cluster.webhooks() {
		w.cluster.remove(o)
	}
}

// TestMeetings lets another client do something after every call of the operator, and then ends the operator at that
// moment, or after every call that follows. What happens before a call happens after the one before it. The operator
// may also have sent a request at that moment, which is carried out when it is dead, or has given it up.
func TestMeetings(t *testing.T) {
	for _, m := range meetings() {
		s := scenarioNamed(m.scenario)
		s.name += ", meanwhile a client " + m.name
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			v := newVisits(t, s.name)
			points := s.play(t).traces[0]
			for _, k := range leaving(points, "after ") {
				v.meet(t, s.after(m), disruption{point: k, what: meet, meets: m.do})
			}
			for _, k := range leaving(points, "before ", writing...) {
				sent := disruption{point: k, what: sendAndDie, late: 3 * time.Second, gap: downtime}
				v.visit(t, s.after(m), []disruption{{point: k, what: meet, meets: m.do}, sent})
				if strings.HasSuffix(points[k-1], " /webhooks") || strings.HasSuffix(points[k-1], "/{id}") {
					unknown := disruption{point: k, what: disturb, reply: hungUp, late: 3 * time.Second}
					v.visit(t, s.after(m), []disruption{{point: k, what: meet, meets: m.do}, unknown})
				}
			}
		})
	}
}

// after is a scenario as it ends when another client did something meanwhile. A deactivation is not told from what a
// change of the spec did at the same time, so it need not be counted.
func (s scenario) after(m meeting) scenario {
	s.most, s.webhooks, s.check = max(s.webhooks, m.webhooks), m.webhooks, nil
	return s
}

// meet visits a meeting alone, and with an end of the operator from then on.
func (v *visits) meet(t *testing.T, s scenario, m disruption) {
	o := v.visit(t, s, []disruption{m})
	for _, k := range leaving(o.traces[0], "after ") {
		if k >= m.point {
			v.visit(t, s, slices.Concat([]disruption{m}, dies(k)))
		}
	}
}

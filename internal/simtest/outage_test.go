package simtest

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/simulator"
)

// outage makes every call to the API fail; logins still work.
func (s claimScene) outage(action string) {
	for _, route := range [][2]string{
		{http.MethodGet, "/webhooks"}, {http.MethodPost, "/webhooks"}, {http.MethodGet, "/webhooks/{id}"},
		{http.MethodPatch, "/webhooks/{id}"}, {http.MethodDelete, "/webhooks/{id}"},
	} {
		s.fault(route[0], route[1], action, simulator.Forever)
	}
}

// waiting are the changes that wait for the platform in an outage, and what is done before it and in it.
var waiting = map[string]struct{ before, during func(claimScene) }{
	"a create":          {during: func(s claimScene) { s.cluster.add(newWebhook(subject)) }},
	"a create or adopt": {during: func(s claimScene) { s.cluster.add(newWebhook(subject, adopting)) }},
	"an import": {
		before: func(s claimScene) { existing(s.simulation) },
		during: func(s claimScene) { s.cluster.add(newWebhook(subject, importing(s.remotes()[0].ID))) },
	},
	"an import of what lists do not show": {
		during: func(s claimScene) {
			s.cluster.add(newWebhook(subject, importing("11111111-0000-4000-8000-000000000000")))
		},
	},
	"an edit": {
		before: func(s claimScene) { s.apply(subject) },
		during: func(s claimScene) { s.cluster.edit(subject, changeSpec) },
	},
	"an edit with a request to reconcile": {
		before: func(s claimScene) { s.apply(subject) },
		during: func(s claimScene) {
			s.cluster.edit(subject, changeSpec)
			s.cluster.annotate(subject, itwinv1alpha1.ReconcileRequestedAtAnnotation, "now")
		},
	},
	"an edit of what was deleted on the platform": {
		before: func(s claimScene) { s.apply(subject) },
		during: func(s claimScene) {
			s.cluster.edit(subject, changeSpec)
			s.platform.ClearFaults()
			s.ask(http.MethodDelete, "/webhooks/"+s.idOf(subject), nil)
			s.outage("status:503")
		},
	},
	"a create whose outcome is not known": {
		before: func(s claimScene) { s.fault(http.MethodPost, "/webhooks", "drop-response", 1) },
		during: func(s claimScene) { s.cluster.add(newWebhook(subject)) },
	},
}

func TestAChangeWaitsInAnOutageTheStatusSaysSo(t *testing.T) {
	for name, c := range waiting {
		for _, noticed := range []time.Duration{time.Minute, 0} {
			t.Run(fmt.Sprintf("%s, %s after the outage began", name, noticed), func(t *testing.T) {
				inClaimScene(t, func(s claimScene) {
					s.run(settleFor)
					if c.before != nil {
						c.before(s)
					}
					s.outage("status:503")
					s.run(noticed)
					c.during(s)
					s.run(3 * time.Minute)
					s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.PlatformUnavailableReason), s.message(subject))
					s.Expect(s.message(subject)).To(Or(ContainSubstring("503"), ContainSubstring("was lost")))
					writes := s.writes()
					s.run(2 * time.Hour)
					s.Expect(s.writes()-writes).To(BeNumerically("<=", 1), "writes in two more hours")
					s.platform.ClearFaults()
					s.run(10 * time.Minute)
					if name == "an import of what lists do not show" {
						s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.NotFoundReason))
						return
					}
					s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.InSyncReason), s.message(subject))
				})
			})
		}
	}
}

// An outage is told once, by the connection: what has nothing to send stays as it is.
func TestNothingWaitsInAnOutageTheStatusStays(t *testing.T) {
	for name, during := range map[string]func(claimScene){
		"at rest":                func(claimScene) {},
		"a request to reconcile": func(s claimScene) { s.cluster.annotate(subject, itwinv1alpha1.ReconcileRequestedAtAnnotation, "now") },
	} {
		t.Run(name, func(t *testing.T) {
			inClaimScene(t, func(s claimScene) {
				s.apply(subject)
				status := s.cluster.webhook(subject).Status
				s.outage("status:503")
				s.run(time.Minute)
				during(s)
				s.run(2 * time.Hour)
				s.Expect(s.cluster.webhook(subject).Status).To(Equal(status))
			})
		})
	}
}

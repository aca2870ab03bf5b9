package simtest

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// What a person asks for without an edit of the spec waits, too, and says so.
func TestARequestWaitsForAClosedPlatformTheStatusSaysSo(t *testing.T) {
	for name, ask := range map[string]struct{ before, during func(claimScene) }{
		"a rotation": {
			before: func(s claimScene) { s.apply(subject) },
			during: func(s claimScene) { s.cluster.annotate(subject, itwinv1alpha1.RotateRequestedAtAnnotation, "now") },
		},
		"another value of the Secret": {
			before: func(s claimScene) { keepSecret(firstHMAC)(s.simulation); s.apply(subject, referring(hmac)) },
			during: func(s claimScene) { keepSecret(nextHMAC)(s.simulation) },
		},
		"a reactivation": {
			before: func(s claimScene) { s.applyDeactivated() },
			during: func(s claimScene) { s.cluster.annotate(subject, itwinv1alpha1.ReactivateRequestedAtAnnotation, "now") },
		},
	} {
		for closure, closed := range closures {
			for _, reconcile := range []bool{false, true} {
				t.Run(name+", "+closure, func(t *testing.T) {
					t.Parallel()
					inClaimScene(t, func(s claimScene) {
						ask.before(s)
						s.run(time.Minute)
						closed.begin(s)
						s.run(2 * time.Minute)
						ask.during(s)
						if reconcile {
							s.cluster.annotate(subject, itwinv1alpha1.ReconcileRequestedAtAnnotation, "now")
						}
						s.run(5 * time.Minute)
						s.Expect(closed.reasons).To(ContainElement(s.reason(subject)), s.message(subject))
						writes := s.writesOf(subject)
						s.run(2 * time.Hour)
						s.Expect(s.writesOf(subject)-writes).To(BeNumerically("<=", 1), "writes in two more hours")
						s.platform.ClearFaults()
						s.run(2 * time.Hour)
						s.Expect(s.violations()).To(BeEmpty())
					})
				})
			}
		}
	}
}

func TestThePlatformIsClosedFromTheStartANewWebhookSaysSo(t *testing.T) {
	for closure, closed := range closures {
		t.Run(closure, func(t *testing.T) {
			t.Parallel()
			inClaimScene(t, func(s claimScene) {
				closed.begin(s)
				names := map[string]func(*itwinv1alpha1.Webhook){
					"plain":    func(*itwinv1alpha1.Webhook) {},
					"adopter":  adopting,
					"importer": importing("11111111-0000-4000-8000-000000000000"),
				}
				for name, change := range names {
					s.cluster.add(newWebhook(name, change))
				}
				s.run(5 * time.Minute)
				writes := 0
				for name := range names {
					s.Expect(closed.reasons).To(ContainElement(s.reason(name)), name+": "+s.message(name))
					writes += s.writesOf(name)
				}
				s.run(3 * time.Hour)
				for name := range names {
					writes -= s.writesOf(name)
				}
				s.Expect(-writes).To(BeNumerically("<=", 3))
			})
		})
	}
}

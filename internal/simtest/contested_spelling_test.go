package simtest

import (
	"net/http"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/simulator"
)

// similar are what another client adds to a callback, which then looks much like the spec's; slashed are those that add
// the slash that the variant urls-slash-in-lists adds to every callback in a list.
var (
	similar = []string{"//", "?", "?source=itwin", "/%2F"}
	slashed = []string{"/", "/."}
)

// asSent are variants under which a list shows whether a slash was added.
var asSent = []string{"", "times-without-fraction", "urls-normalised", "lists-lag=3s"}

// Where the platform spells a callback as it was sent, whatever looks like it is another client's, and is corrected.
func TestAnotherClientMakesTheCallbackSimilarItIsCorrected(t *testing.T) {
	changedUnder := func(change, variant string) {
		t.Run(change+" "+variant, func(t *testing.T) {
			t.Parallel()
			inClaimScene(t, func(s claimScene) {
				if variant != "" {
					s.must(s.platform.SetVariant(variant))
				}
				s.apply(subject)
				s.run(2 * time.Minute)
				changed := callbackOf(subject) + change
				answer := s.ask(http.MethodPatch, "/webhooks/"+s.idOf(subject), map[string]any{"callbackUrl": changed})
				s.Expect(answer["error"]).To(BeNil())
				s.run(3 * time.Minute)
				s.Expect(s.violations()).To(BeEmpty())
			})
		})
	}
	for _, variant := range asSent {
		for _, change := range slices.Concat(similar, slashed) {
			changedUnder(change, variant)
		}
	}
	for _, change := range similar {
		changedUnder(change, "urls-slash-in-lists")
	}
}

// What was spelled and taken over, moved, suspended, restored or imported stays at rest.
func TestASpelledWebhookRestsWhateverBecomesOfIt(t *testing.T) {
	for variant := range spelled {
		for name, act := range map[string]func(claimScene){
			"suspended": func(s claimScene) {
				s.cluster.edit(subject, suspending)
				s.cluster.edit(subject, changeSpec)
				s.run(time.Minute)
				s.cluster.edit(subject, func(w *itwinv1alpha1.Webhook) { w.Spec.Suspend = false })
			},
			"moved and back": func(s claimScene) {
				s.connect(otherConnection, otherClientID)
				s.cluster.edit(subject, connectedBy(otherConnection))
				s.run(2 * settleFor)
				s.cluster.edit(subject, connectedBy(crashConnection))
			},
			"deleted on the platform": func(s claimScene) {
				s.ask(http.MethodDelete, "/webhooks/"+s.idOf(subject), nil)
			},
			"edited back and forth in an outage": func(s claimScene) {
				s.outage("status:503")
				s.cluster.edit(subject, calling("/b"))
				s.run(time.Minute)
				s.cluster.edit(subject, calling(""))
				s.run(time.Minute)
				s.platform.ClearFaults()
			},
			"edited back and forth without answers": func(s claimScene) {
				s.fault(http.MethodPatch, "/webhooks/{id}", "drop-response", 2)
				s.cluster.edit(subject, calling("/b"))
				s.run(time.Second)
				s.cluster.edit(subject, calling(""))
			},
			"edited twice, accepted": func(s claimScene) {
				s.fault(http.MethodPatch, "/webhooks/{id}", "accepted:204", 2)
				s.cluster.edit(subject, calling("/b"))
				s.run(20 * time.Millisecond)
				s.cluster.edit(subject, calling("/c"))
			},
			"restored with its status": func(s claimScene) {
				saved := s.cluster.webhook(subject)
				s.cluster.edit(subject, calling("/b"))
				s.run(settleFor)
				s.cluster.edit(subject, func(w *itwinv1alpha1.Webhook) { w.Spec = saved.Spec })
				w := s.cluster.webhook(subject)
				saved.Status.Former, w.Status = nil, saved.Status
				s.cluster.store(w)
			},
			"deactivated": func(s claimScene) { deactivate(s.simulation) },
			"rotated": func(s claimScene) {
				s.fault(http.MethodPatch, "/webhooks/{id}", "accepted:204", simulator.Forever)
				s.cluster.annotate(subject, itwinv1alpha1.RotateRequestedAtAnnotation, "now")
			},
		} {
			t.Run(variant+", "+name, func(t *testing.T) {
				t.Parallel()
				inClaimScene(t, func(s claimScene) {
					s.must(s.platform.SetVariant(variant))
					s.apply(subject)
					s.run(time.Minute)
					act(s)
					s.run(20 * time.Minute)
					s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.InSyncReason), s.message(subject))
					writes, calls := s.writes(), s.count(updates)
					s.run(10 * time.Minute)
					s.replace()
					s.run(10 * time.Minute)
					if name != "restored with its status" { // which went back
						s.Expect(s.violations()).To(BeEmpty())
					}
					s.Expect(s.writes()).To(Equal(writes))
					s.Expect(s.count(updates)).To(Equal(calls))
				})
			})
		}
	}
}

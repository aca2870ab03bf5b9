package controllers

import (
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/simulator"
)

// similar are changes by another client to a callback that looks much like the spec's.
var similar = []string{"/", "//", "?", "?source=itwin", "/%2F", "/."}

// Where the platform spells a callback as it was sent, whatever looks like it is another client's, and is corrected.
func TestAnotherClientMakesTheCallbackSimilarItIsCorrected(t *testing.T) {
	for _, change := range similar {
		for _, variant := range []string{"", "times-without-fraction", "urls-normalised", "lists-lag=3s", "urls-slash-in-lists"} {
			t.Run(change+" "+variant, func(t *testing.T) {
				if variant == "urls-slash-in-lists" && (change == "/" || change == "/.") {
					t.Skip("lists show it so in any case")
				}
				t.Parallel()
				inClaimScene(t, func(s claimScene) {
					if variant != "" {
						s.must(s.platform.SetVariant(variant))
					}
					s.apply(subject)
					s.run(2 * time.Minute)
					changed := callbackOf(subject) + change
					answer := s.ask(http.MethodPatch, "/webhooks/"+s.idOf(subject), map[string]any{"callbackUrl": changed})
					if answer["error"] != nil {
						return
					}
					s.run(3 * time.Minute)
					s.Expect(s.violations()).To(BeEmpty())
				})
			})
		}
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
				s.cluster.edit(subject, func(w *v1alpha1.Webhook) { w.Spec.Suspend = false })
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
				s.cluster.edit(subject, func(w *v1alpha1.Webhook) { w.Spec = saved.Spec })
				w := s.cluster.webhook(subject)
				saved.Status.Former, w.Status = nil, saved.Status
				s.cluster.store(w)
			},
			"deactivated": func(s claimScene) { deactivate(s.simulation) },
			"rotated": func(s claimScene) {
				s.fault(http.MethodPatch, "/webhooks/{id}", "accepted:204", simulator.Forever)
				s.cluster.annotate(subject, v1alpha1.RotateRequestedAtAnnotation, "now")
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
					s.Expect(s.reason(subject)).To(Equal(v1alpha1.InSyncReason), s.message(subject))
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

package simtest

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/runtime"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/connection"
)

// The clocks of the platform and of the operator may differ by days: both times of the Event are of one.
func TestAWebhookIsReactivatedTheEventTellsWhichTimeIsMissing(t *testing.T) {
	for name, ahead := range map[string]time.Duration{"one clock": 0, "the platform's is ahead": 72 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			inClaimScene(t, func(s claimScene) {
				_, err := s.platform.Advance(ahead)
				s.must(err)
				s.apply(subject)
				missing := regexp.MustCompile(`Reactivated: .*events between (\S+) and (\S+) may be missing`)
				var times []time.Time
				s.onEvent = func(_ runtime.Object, text string) {
					for _, found := range missing.FindAllStringSubmatch(text, -1) {
						for _, text := range found[1:] {
							told, err := time.Parse(time.RFC3339, text)
							s.must(err)
							times = append(times, told)
						}
					}
				}
				deactivate(s.simulation)
				s.run(settleFor)
				s.Expect(times).To(HaveLen(2))
				s.Expect(times[1].Sub(times[0])).To(BeNumerically("~", pollEvery/2, pollEvery/2), "until the next list")
			})
		})
	}
}

// After a move, what is left in the account of before is named, and what was deleted is not.
func TestAMovedWebhookIsLetGoTheEventNamesWhatIsLeft(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		var told []string
		s.onEvent = func(_ runtime.Object, text string) {
			if strings.HasPrefix(text, "Retained") {
				told = append(told, text)
			}
		}
		s.apply(subject)
		left := s.idOf(subject)
		s.credentials("credentials", otherClientID, "pair")
		s.run(settleFor)
		s.Expect(s.idOf(subject)).NotTo(Equal(left))
		s.delete(subject)
		s.cluster.edit(subject, retaining)
		s.run(settleFor)
		s.Expect(s.cluster.webhook(subject)).To(BeNil())
		s.Expect(told).To(HaveExactElements(ContainSubstring(left)))
		s.Expect(s.platform.Webhooks()).To(HaveLen(1))
	})
}

func TestAMoveLeavesAWebhookBehindAnEventSaysSo(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		var told []string
		s.onEvent = func(_ runtime.Object, text string) {
			if strings.HasPrefix(text, itwinv1alpha1.LeftBehindReason) {
				told = append(told, text)
			}
		}
		s.apply(subject)
		left := s.idOf(subject)
		s.credentials("credentials", otherClientID, "pair")
		s.run(10 * time.Minute)
		s.restart()
		s.run(10 * time.Minute)
		s.Expect(told).To(HaveExactElements(ContainSubstring(left)))
	})
}

// A setup takes several steps: the Webhook says which one is missing now.
func TestASecretStillLacksAKeyTheWebhookSaysWhich(t *testing.T) {
	inSimulation(t, func(w *simulation) {
		s := claimScene{w, NewWithT(t)}
		s.cluster.setSecret("credentials", map[string]string{})
		s.start()
		s.apply(subject)
		s.Expect(s.message(subject)).To(ContainSubstring(connection.ClientIDKey))
		s.cluster.setSecret("credentials", map[string]string{connection.ClientIDKey: crashClientID})
		s.run(settleFor)
		s.Expect(s.message(subject)).To(ContainSubstring(connection.ClientSecretKey))
	})
}

// An import keeps its secret while no edit concerns the platform.
func TestAnImportIsGivenAnotherDeletionPolicyItsSecretStays(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		id := s.createRemote(callbackOf(subject), newWebhook(subject).Spec.EventTypes...)
		s.ask(http.MethodPatch, "/webhooks/"+id, map[string]any{"active": true})
		s.apply(subject, importing(id))
		s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.InSyncReason))
		before := s.count(updates)
		s.cluster.edit(subject, retaining)
		s.run(2 * time.Minute)
		s.Expect(s.count(updates)).To(Equal(before))
		w := s.cluster.webhook(subject)
		s.Expect(w.Status.ObservedGeneration).To(Equal(w.Generation))

		s.cluster.edit(subject, changeSpec)
		s.run(2 * time.Minute)
		s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.InSyncReason))
		s.Expect(s.count(updates)).To(Equal(before + 1))
	})
}

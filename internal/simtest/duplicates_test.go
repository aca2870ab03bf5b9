package simtest

import (
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/simulator"
)

const other = "other"

// likeSubject gives a Webhook the callback of the subject, in another spelling.
func likeSubject(w *itwinv1alpha1.Webhook) { w.Spec.CallbackURL = callbackOf(subject) + "/../itwin" }

func TestTwoWebhooksHaveEventsDeliveredTwiceBothAreTold(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply(subject)
		s.apply(other, likeSubject)
		s.Expect(s.violations()).To(BeEmpty())
		told := "events of iModels.iModelDeleted.v1 and iTwins.iTwinCreated.v1 are also delivered to this callbackUrl for Webhook "
		s.Expect(s.message(subject)).To(ContainSubstring(told + other))
		s.Expect(s.message(other)).To(ContainSubstring(told + subject))
		s.Expect(s.count(creates)).To(Equal(2))

		writes := s.writes()
		s.restart()
		s.run(2 * time.Minute)
		s.Expect(s.writes()).To(Equal(writes), "at rest, and after a restart")

		for name, part := range map[string]func(*itwinv1alpha1.Webhook){
			"other event types": func(w *itwinv1alpha1.Webhook) { w.Spec.EventTypes = []string{"iTwins.iTwinDeleted.v1"} },
			"another callback":  func(w *itwinv1alpha1.Webhook) { w.Spec.CallbackURL = callbackOf(other) },
			"off":               func(w *itwinv1alpha1.Webhook) { w.Spec.Active = new(false) },
		} {
			before := s.cluster.webhook(other).Spec
			s.cluster.edit(other, part)
			s.run(settleFor)
			s.Expect(s.message(subject)).To(Equal(status.InSync.Message), name)
			s.cluster.edit(other, func(w *itwinv1alpha1.Webhook) { w.Spec = before })
			s.run(settleFor)
			s.Expect(s.message(subject)).To(ContainSubstring(told+other), name)
		}
		s.delete(other)
		s.Expect(s.message(subject)).To(Equal(status.InSync.Message))
	})
}

// What counts is what the platform delivers, not what specs wish.
func TestAnotherWebhookHasTheCallbackInItsSpecAloneNothingIsTold(t *testing.T) {
	for name, add := range map[string]func(claimScene){
		"its Secret is missing": func(s claimScene) { s.apply(other, likeSubject, referring("nosuch")) },
		"it imports the same":   func(s claimScene) { s.apply(other, likeSubject, importing(s.idOf(subject))) },
		"it imports what is not there": func(s claimScene) {
			s.apply(other, likeSubject, importing("11111111-0000-4000-8000-000000000000"))
		},
		"its edit is refused": func(s claimScene) {
			s.apply(other)
			s.fault(http.MethodPatch, "/webhooks/{id}", "status:422", simulator.Forever)
			s.cluster.edit(other, likeSubject)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inClaimScene(t, func(s claimScene) {
				s.apply(subject)
				add(s)
				s.run(2 * time.Minute)
				s.Expect(s.message(subject)).To(Equal(status.InSync.Message))
			})
		})
	}
}

func TestThePlatformSpellsTwoCallbacksTheSameBothAreTold(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.must(s.platform.SetVariant("urls-slash"))
		s.apply(subject)
		s.apply(other, func(w *itwinv1alpha1.Webhook) { w.Spec.CallbackURL = callbackOf(subject) + "/" })
		s.run(time.Minute)
		s.Expect(s.message(subject)).To(ContainSubstring("Webhook " + other))
		s.Expect(s.message(other)).To(ContainSubstring("Webhook " + subject))
	})
}

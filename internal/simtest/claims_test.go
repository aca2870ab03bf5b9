package simtest

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// A Webhook is deleted with Retain, which lets go of what it left behind in an account that no connection reached. Once
// one does, another Webhook imports it.
func TestWhatRetainLetGoCanBeImported(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply(subject)
		id := s.idOf(subject)
		s.credentials("credentials", otherClientID, "pair")
		s.run(settleFor)
		s.cluster.edit(subject, retaining)
		s.delete(subject)
		s.Expect(s.cluster.webhook(subject)).To(BeNil())
		s.connect(otherConnection, crashClientID)
		s.run(settleFor)
		s.apply("successor", connectedBy(otherConnection), importing(id))
		s.run(time.Minute)
		s.Expect(said(s.cluster.webhook("successor").Status.Conditions)).To(ContainSubstring("InSync"))
	})
}

// A Webhook's finalizer is stripped and it is deleted and recreated at once: the new one takes over the remote webhook.
func TestAStrippedAndRecreatedWebhookTakesOver(t *testing.T) {
	for name, how := range map[string]func(id string) func(*itwinv1alpha1.Webhook){
		"import": importing, "adoption": func(string) func(*itwinv1alpha1.Webhook) { return adopting },
	} {
		t.Run(name, func(t *testing.T) {
			inClaimScene(t, func(s claimScene) {
				s.apply(subject)
				id := s.idOf(subject)
				s.cluster.edit(subject, func(o *itwinv1alpha1.Webhook) { o.Finalizers = nil })
				deleteSubject(s.simulation)
				s.Expect(s.cluster.webhook(subject)).To(BeNil())
				s.cluster.add(newWebhook(subject, how(id)))
				s.run(2 * settleFor)
				s.Expect(said(s.cluster.webhook(subject).Status.Conditions)).To(ContainSubstring("InSync"))
				s.Expect(s.idOf(subject)).To(Equal(id))
				s.Expect(s.remotes()).To(HaveLen(1))
			})
		})
	}
}

// Who administers a namespace can give himself the right to write statuses. One that names the remote webhook of another
// Webhook, which has a proof, takes nothing, though its object is older.
func TestAStatusIsForgedTheWebhookWithTheProofKeepsItsRemoteWebhook(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.cluster.add(newWebhook("forged", func(w *itwinv1alpha1.Webhook) { w.Spec.Suspend = true }))
		s.run(time.Minute)
		s.apply(subject)
		victim := s.cluster.webhook(subject)
		s.cluster.edit("forged", func(w *itwinv1alpha1.Webhook) {
			w.Spec.Suspend = false
			w.Status.WebhookID, w.Status.Account = victim.Status.WebhookID, victim.Status.Account
		})
		s.run(5 * time.Minute)
		s.Expect(s.reason("forged")).To(Equal(itwinv1alpha1.AlreadyClaimedReason))
		s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.InSyncReason))
		s.Expect(s.remotes()).To(ConsistOf(HaveField("CallbackURL", victim.Spec.CallbackURL)))

		s.delete("forged")
		s.Expect(s.remotes()).To(HaveLen(1), "deleting it deletes nothing")
	})
}

package simtest

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// A Webhook that was seen is not without conditions for long: soon after a start, what it asks to import may belong to
// another one that the cache does not show yet.
func TestAWebhookWaitsAfterAStartItSaysForWhat(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		id := s.createRemote(callbackOf(subject), "iModels.iModelDeleted.v1")
		s.restart()
		s.run(time.Second)
		s.cluster.add(newWebhook(subject, importing(id)))
		s.run(time.Second)
		s.Expect(s.reason(subject)).To(BeEmpty(), "most waits end soon and cost no write")
		s.run(2 * time.Second)
		s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.ProgressingReason))
		s.Expect(s.message(subject)).To(ContainSubstring("the cache may not show yet"))
		s.Expect(said(s.cluster.webhook(subject).Status.Conditions)).To(ContainSubstring("Reconciling=True"))
		s.run(settleFor)
		s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.InSyncReason))
	})
}

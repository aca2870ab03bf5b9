package simtest

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/webhook"
)

// No wait depends on one event alone.
func TestAWebhookWaitsForAListItIsLookedAtWithoutOneToo(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.run(settleFor)
		s.outage("status:503")
		s.run(time.Minute)
		s.cluster.add(newWebhook(subject, adopting))
		s.run(time.Minute)
		s.Expect(s.processes[0].queue).To(HaveKeyWithValue(item{webhookController, keyed(subject)},
			BeTemporally("~", time.Now().Add(webhook.LongestAwait), webhook.LongestAwait)))
		s.platform.ClearFaults()
		s.run(settleFor)
		s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.InSyncReason), s.message(subject))
	})
}

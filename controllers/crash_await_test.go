package controllers

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/fleet"
)

// No wait depends on one event alone.
func TestNoListEnqueuesAWebhookThatWaitsForOneItIsLookedAtAllTheSame(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.run(settleFor)
		s.outage("status:503")
		s.run(time.Minute)
		s.cluster.add(newWebhook(subject, adopting))
		s.run(time.Minute)
		s.processes[0].webhooks.Fleets.EachAccount(func(f *fleet.Fleet) { f.Forget(keyed(subject).String()) })
		s.platform.ClearFaults()
		s.run(10 * time.Minute)
		s.Expect(s.reason(subject)).To(Equal(v1alpha1.InSyncReason), s.message(subject))
	})
}

package simtest

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/identity"
	"webhook-operator.io/itwin/controllers/webhook/plan"
	"webhook-operator.io/itwin/simulator"
)

// Two former remote webhooks wait for their removal. The account of the first one does not let the operator in any
// more: "each former one goes", also the second.
func TestAFormerOneInTroubleHoldsUpNoOther(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		refused := false
		s.processes[0].dialRefusably(&refused)
		s.credentials("credentials", crashClientID, refusable)
		s.connect(otherConnection, otherClientID)
		s.connect("third", "third-app")
		s.apply(subject)
		s.fault(http.MethodDelete, "/webhooks/{id}", "status:503", simulator.Forever)
		s.cluster.edit(subject, connectedBy(otherConnection))
		s.run(settleFor)
		s.cluster.edit(subject, connectedBy("third"))
		s.run(settleFor)
		s.Expect(identity.Of(s.cluster.webhook(subject), crashKey).Former).To(HaveLen(2))
		refused = true
		s.run(settleFor)
		s.platform.ClearFaults()
		s.run(2 * plan.FailureBackoff.Longest)
		s.Expect(s.of("third-app")).To(HaveLen(1))
		s.Expect(s.of(otherClientID)).To(BeEmpty())
	})
}

// A former one that is not allowed any more cannot be turned off, because the platform refuses that. The present one
// still follows its spec.
func TestAFormerOneThatCannotBeTurnedOffHoldsUpNoEdit(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.connect(otherConnection, otherClientID)
		s.apply(subject)
		former := s.idOf(subject)
		s.fault(http.MethodDelete, "/webhooks/{id}", "status:503", simulator.Forever)
		s.cluster.edit(subject, connectedBy(otherConnection))
		s.run(settleFor)
		s.fault(http.MethodPatch, "/webhooks/"+former, "status:403", simulator.Forever)
		s.editConnection(crashConnection, forbidding)
		s.run(settleFor)
		s.cluster.edit(subject, changeSpec)
		s.run(2 * plan.FailureBackoff.Longest)
		s.Expect(s.of(otherClientID)[0].CallbackURL).To(Equal(callbackOf("elsewhere")), s.message(subject))
	})
}

// A Webhook is deleted while the platform refuses to delete what it gave up: it waits, and says so.
func TestAFormerOneCannotBeDeletedItsWebhookWaits(t *testing.T) {
	for _, status := range []string{"status:403", "status:409", "status:503"} {
		for _, active := range []bool{true, false} {
			t.Run(fmt.Sprint(status, " active ", active), func(t *testing.T) {
				inClaimScene(t, func(s claimScene) {
					s.connect(otherConnection, otherClientID)
					s.apply(subject, func(o *itwinv1alpha1.Webhook) { o.Spec.Active = &active })
					s.fault(http.MethodDelete, "/webhooks/"+s.idOf(subject), status, simulator.Forever)
					s.cluster.edit(subject, connectedBy(otherConnection))
					s.run(settleFor)
					deleteSubject(s.simulation)
					s.run(15 * time.Minute)
					s.Expect(s.of(crashClientID)).To(HaveLen(1))
					s.Expect(s.cluster.webhook(subject)).NotTo(BeNil(), "it is the last that knows of it")
					s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.DeletingReason))
					s.platform.ClearFaults()
					s.run(12 * time.Minute)
					s.Expect(s.platform.Webhooks()).To(BeEmpty())
					s.Expect(s.cluster.webhook(subject)).To(BeNil())
				})
			})
		}
	}
}

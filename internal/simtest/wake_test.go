package simtest

import (
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/webhook/plan"
	"webhook-operator.io/itwin/simulator"
)

// A Webhook waits for a remote webhook that another one owns. That one moves away with Retain, and lets it go.
func TestWhatAMoveLetsGoIsImported(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.connect(otherConnection, otherClientID)
		s.apply(subject, retaining)
		id := s.idOf(subject)
		s.apply("successor", importing(id))
		s.Expect(s.reason("successor")).To(Equal(itwinv1alpha1.AlreadyClaimedReason))
		s.cluster.edit(subject, connectedBy(otherConnection))
		s.run(settleFor)
		s.Expect(s.cluster.webhook(subject).Annotations).NotTo(HaveKey(itwinv1alpha1.FormerAnnotation))
		s.run(30 * time.Minute)
		s.Expect(s.reason("successor")).To(Equal(itwinv1alpha1.InSyncReason), s.message("successor"))
	})
}

// A former one is turned off because no connection to its account allows the Webhook. Then one is made that does: the
// former one is deleted through it.
func TestANewConnectionRemovesWhatWasForbidden(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.connect(otherConnection, otherClientID)
		s.apply(subject)
		s.fault(http.MethodDelete, "/webhooks/{id}", "status:503", simulator.Forever)
		s.cluster.edit(subject, connectedBy(otherConnection))
		s.run(settleFor)
		s.editConnection(crashConnection, forbidding)
		s.cluster.annotate(subject, itwinv1alpha1.ReconcileRequestedAtAnnotation, "now")
		s.run(plan.FailureBackoff.Longest)
		s.platform.ClearFaults()
		s.run(plan.FailureBackoff.Longest)
		s.Expect(s.of(crashClientID)).To(HaveLen(1))
		s.Expect(s.of(crashClientID)[0].Active).To(BeFalse())
		s.connect("third", crashClientID)
		s.editConnection("third", func(c *itwinv1alpha1.ConnectionSpec) { c.AllowedCallbackHosts = nil })
		s.run(30 * time.Minute)
		s.Expect(s.of(crashClientID)).To(BeEmpty())
	})
}

// The account of a Webhook that is being deleted is reached again, by a connection that it does not name: "any
// connection to the account serves".
func TestANewConnectionServesADeletion(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply(subject)
		s.cluster.edit(subject, connectedBy("nowhere"))
		s.run(settleFor)
		spec := s.connection(crashConnection).Spec
		s.removeConnection(crashConnection)
		s.run(settleFor)
		deleteSubject(s.simulation)
		s.run(settleFor)
		s.cluster.add(&itwinv1alpha1.Connection{
			ObjectMeta: metav1.ObjectMeta{Namespace: crashNamespace, Name: otherConnection}, Spec: spec,
			Status: itwinv1alpha1.ConnectionStatus{ObservedGeneration: -1},
		})
		s.run(30 * time.Minute)
		s.Expect(s.cluster.webhook(subject)).To(BeNil())
		s.Expect(s.platform.Webhooks()).To(BeEmpty())
	})
}

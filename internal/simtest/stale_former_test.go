package simtest

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/identity"
	"webhook-operator.io/itwin/internal/proof"
)

// A former remote webhook was handed to another Webhook right before the operator restarts. The cache of the new
// process lacks both changes at first: "for 10 s after a process began, nothing is adopted, imported or removed".
func TestAStaleStartRemovesNoFormerOneThatAnotherOwns(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.connect(otherConnection, otherClientID)
		s.apply(subject, connectedBy(otherConnection))
		id := s.createRemote(callbackOf("successor"), newWebhook(subject).Spec.EventTypes...)
		account := s.processes[0].webhooks.Fleets.Member(crashNamespace + "/" + crashConnection).Fleet().Account()
		remote := proof.Remote{Account: account, ID: id}
		s.processes[0].kill()
		// What the process before had written, in this order.
		s.cluster.annotate(subject, itwinv1alpha1.FormerAnnotation,
			crashKey.Former(identity.ObjectOf(s.cluster.webhook(subject)), []proof.Remote{remote}))
		s.cluster.edit(subject, func(o *itwinv1alpha1.Webhook) { delete(o.Annotations, itwinv1alpha1.FormerAnnotation) })
		s.cluster.add(newWebhook("successor", importing(id), func(o *itwinv1alpha1.Webhook) {
			metav1.SetMetaDataAnnotation(&o.ObjectMeta, itwinv1alpha1.WebhookIDAnnotation, id)
			metav1.SetMetaDataAnnotation(
				&o.ObjectMeta,
				itwinv1alpha1.OwnerAnnotation,
				crashKey.Owner(identity.ObjectOf(o), remote),
			)
			o.Finalizers = []string{itwinv1alpha1.WebhookFinalizer}
		}))
		s.start(disruption{point: 2, what: startBehind, late: 3 * time.Second})
		s.run(settleFor)
		s.Expect(s.count("DELETE /webhooks/{id}")).To(BeZero())
		s.Expect(s.reason("successor")).To(Equal(itwinv1alpha1.InSyncReason))
	})
}

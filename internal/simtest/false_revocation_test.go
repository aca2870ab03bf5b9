package simtest

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// After a restart the login of the connection that allows a Webhook fails; another connection to the account works and
// does not allow the Webhook. Nothing was withdrawn: trouble with its credentials turns nothing off.
func TestAFailingLoginIsNoRevocation(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.credentials("credentials", crashClientID, refusable)
		s.connect(otherConnection, crashClientID)
		s.editConnection(otherConnection, forbidding)
		s.apply(subject)
		s.Expect(s.remotes()[0].Active).To(BeTrue())
		s.processes[0].kill()
		p, refused := s.start(), true
		p.dialRefusably(&refused)
		s.run(settleFor)
		s.Expect(s.remotes()[0].Active).To(BeTrue(), "before anything enqueues it")
		s.cluster.annotate(subject, itwinv1alpha1.ReconcileRequestedAtAnnotation, "now")
		s.run(time.Minute)
		s.Expect(s.remotes()[0].Active).To(BeTrue(), s.message(subject))
	})
}

// The same with a Secret that is missing for a moment while the operator starts.
func TestAMissingSecretIsNoRevocation(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.connect(otherConnection, crashClientID)
		s.editConnection(otherConnection, forbidding)
		s.apply(subject)
		s.processes[0].kill()
		s.cluster.remove(s.cluster.read(ref{kindSecret, keyed("credentials")}))
		s.start()
		s.run(settleFor)
		s.cluster.annotate(subject, itwinv1alpha1.ReconcileRequestedAtAnnotation, "now")
		s.run(time.Minute)
		s.Expect(s.remotes()[0].Active).To(BeTrue(), s.message(subject))
	})
}

// Only another tenant's connection reaches the account of a Webhook. It is nothing to the Webhook: its webhook stays as
// it is, and its deletion waits.
func TestOnlyAConnectionOfAnotherNamespaceReachesTheAccountItIsNotUsed(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply(subject)
		theirs := s.connection(crashConnection).DeepCopy()
		secret := s.cluster.read(ref{kindSecret, keyed("credentials")}).DeepCopyObject().(*corev1.Secret)
		theirs.ObjectMeta = metav1.ObjectMeta{Namespace: "another-tenant", Name: crashConnection}
		theirs.Status = itwinv1alpha1.ConnectionStatus{ObservedGeneration: -1}
		secret.ObjectMeta = metav1.ObjectMeta{Namespace: "another-tenant", Name: "credentials"}
		s.cluster.add(secret)
		s.cluster.add(theirs)
		s.run(settleFor)
		s.processes[0].kill()
		s.removeConnection(crashConnection)
		s.start()
		s.run(5 * time.Minute)
		s.Expect(s.remotes()).To(HaveLen(1))
		s.Expect(s.remotes()[0].Active).To(BeTrue(), s.message(subject))
		deleteSubject(s.simulation)
		s.run(5 * time.Minute)
		s.Expect(s.remotes()).To(HaveLen(1))
		s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.DeletingReason))
	})
}

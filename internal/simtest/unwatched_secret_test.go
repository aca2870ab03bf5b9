package simtest

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// An installation that is bound to namespaces watches no Secret elsewhere: that of a ClusterConnection, which is
// missing at first, is looked for again without an event.
func TestASecretAppearsOutsideTheWatchedNamespacesItsClusterConnectionConnects(t *testing.T) {
	inSimulation(t, func(w *simulation) {
		s := claimScene{w, NewWithT(t)}
		s.clusterWide = true
		s.cluster.add(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
			Name: crashNamespace, Labels: map[string]string{teamLabel: "models"},
		}})
		s.leftOut = watchNumber{clusterConnectionController, 1} // that of Secrets
		s.addShared()
		s.cluster.remove(s.cluster.read(ref{kindSecret, keyed("shared")}))
		s.start()
		reason := func() string {
			ready := apimeta.FindStatusCondition(s.shared().Status.Conditions, itwinv1alpha1.ReadyCondition)
			s.Expect(ready).NotTo(BeNil())
			return ready.Reason
		}
		s.run(time.Minute)
		s.Expect(reason()).To(Equal(itwinv1alpha1.SecretNotFoundReason))
		s.credentials("shared", sharedClientID, "pair")
		s.run(2 * time.Minute)
		s.Expect(reason()).To(Equal(itwinv1alpha1.ConnectedReason))
	})
}

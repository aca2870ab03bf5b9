package e2e

import (
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// The operator of this test does not allow loopback hosts, as one in a cluster; that of the other tests is stopped
// meanwhile.
func TestConnectionToHostThatIsNotAllowedSendsNothing(t *testing.T) {
	s := newScene(t)
	s.must(manager.Stop())
	strict, err := plane.StartManager(s.ctx, "--watch-namespace="+s.namespace, "--allow-loopback=false")
	s.must(err)
	t.Cleanup(func() { s.must(strict.Kill()) })
	s.create(s.credentials(s.namespace))
	s.create(s.connection())
	c := s.connectionBecomes(metav1.ConditionFalse, itwinv1alpha1.HostNotAllowedReason)
	s.Expect(c.Status.Conditions).To(ContainElement(HaveField("Message", ContainSubstring("--allow-loopback"))))
	counts, err := s.platform.Requests(s.ctx)
	s.must(err)
	s.Expect(counts.Total).To(BeZero())
	s.must(strict.Stop())

	s.startManager()
	s.connectionBecomes(metav1.ConditionTrue, itwinv1alpha1.ConnectedReason)
}

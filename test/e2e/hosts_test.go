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
	s.Must(manager.Stop())
	strict, err := plane.StartManager(s.Ctx, "--watch-namespace="+s.Namespace, "--allow-loopback=false")
	s.Must(err)
	t.Cleanup(func() { s.Must(strict.Kill()) })
	s.Create(s.Credentials(s.Namespace))
	s.Create(s.Connection())
	c := s.connectionBecomes(metav1.ConditionFalse, itwinv1alpha1.HostNotAllowedReason)
	s.Expect(c.Status.Conditions).To(ContainElement(HaveField("Message", ContainSubstring("--allow-loopback"))))
	counts, err := s.Platform.Requests(s.Ctx)
	s.Must(err)
	s.Expect(counts.Total).To(BeZero())
	s.Must(strict.Stop())

	s.startManager()
	s.connectionBecomes(metav1.ConditionTrue, itwinv1alpha1.ConnectedReason)
}

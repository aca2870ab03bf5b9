package e2e

import (
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/harness"
)

// Two operators compete for the lease as the replicas of the Deployment do; that of the other tests is stopped
// meanwhile.
func TestStandbyTakesOverFromALeaderThatDied(t *testing.T) {
	s := newScene(t)
	s.Must(manager.Stop())
	replica := func() *harness.Manager {
		m, err := plane.StartManager(s.Ctx, "--leader-elect", "--leader-election-namespace="+harness.Namespace)
		s.Must(err)
		return m
	}
	leader := replica()
	s.Create(s.Credentials(s.Namespace))
	s.Create(s.Connection())
	s.connectionBecomes(metav1.ConditionTrue, itwinv1alpha1.ConnectedReason)

	standby := replica()
	s.ready("before")
	s.Expect(s.calls("POST /connect/token")).To(Equal(1), "the standby is ready, and silent")

	s.Must(leader.Kill())
	s.Create(s.webhook("after")) // while no operator leads
	s.becomes("after", isReady, isActive)
	s.Expect(s.remotes()).To(HaveLen(2))
	s.Expect(s.calls("POST /connect/token")).To(Equal(2))

	s.Must(standby.Stop())
	s.startManager()
}

package simtest

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// A connection that never logged in leaves nothing behind to look at.
func TestAConnectionThatNeverConnectedIsDeletedItIsNotLookedAtAgain(t *testing.T) {
	inSimulation(t, func(w *simulation) {
		s := claimScene{w, NewWithT(t)}
		s.cluster.setSecret("credentials", map[string]string{})
		p := s.start()
		s.run(time.Minute)
		connection := s.cluster.read(ref{kindConnection, keyed(crashConnection)}).(*itwinv1alpha1.Connection)
		s.Expect(connection.Status.Conditions).NotTo(BeEmpty())
		looked := item{connectionController, keyed(crashConnection)}
		s.Expect(p.queue).To(HaveKey(looked))
		s.cluster.remove(connection)
		s.run(10 * time.Minute)
		s.Expect(p.queue).NotTo(HaveKey(looked))
	})
}

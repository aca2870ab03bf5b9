package simtest

import (
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apimeta "k8s.io/apimachinery/pkg/api/meta"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/simulator"
)

// After a restart one account is listed before the connection to another has logged in. That is no account "that no
// connection reaches any more": promise 4, the status never lies.
func TestARestartLeavesNothingBehind(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.credentials("credentials", crashClientID, refusable)
		s.connect(otherConnection, otherClientID)
		s.apply(subject)
		s.fault(http.MethodDelete, "/webhooks/{id}", "status:503", simulator.Forever)
		s.cluster.edit(subject, connectedBy(otherConnection))
		s.run(settleFor)
		s.processes[0].kill()
		history := len(s.cluster.history)
		p := s.start()
		refused := true
		p.dialRefusably(&refused)
		s.in(5*time.Second, "token server", func() { refused = false })
		s.run(settleFor)
		for _, c := range s.cluster.history[history:] {
			if w, is := c.changed.(*itwinv1alpha1.Webhook); is {
				s.Expect(apimeta.FindStatusCondition(w.Status.Conditions, itwinv1alpha1.LeftBehindCondition)).To(BeNil())
			}
		}
	})
}

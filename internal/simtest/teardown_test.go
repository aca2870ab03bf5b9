package simtest

import (
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/simulator"
)

// A namespace is deleted while one of its Webhooks still has a former remote webhook: "the operator keeps the
// credentials that it last used in memory for as long as Webhooks have to be deleted through them".
func TestATeardownRemovesWhatWasGivenUpToo(t *testing.T) {
	for _, first := range []string{"Connections", "Secrets"} {
		t.Run(first+" first", func(t *testing.T) {
			inClaimScene(t, func(s claimScene) {
				s.connect(otherConnection, otherClientID)
				s.apply(subject)
				s.fault(http.MethodDelete, "/webhooks/{id}", "status:503", simulator.Forever)
				s.cluster.edit(subject, connectedBy(otherConnection))
				s.run(settleFor)
				s.Expect(s.platform.Webhooks()).To(HaveLen(2), "the former one waits")
				deleteSubject(s.simulation)
				if first == "Connections" {
					s.removeConnection(crashConnection)
					s.removeConnection(otherConnection)
					s.run(time.Second)
				}
				s.cluster.remove(s.cluster.read(ref{kindSecret, keyed("credentials")}))
				s.cluster.remove(s.cluster.read(ref{kindSecret, keyed(otherConnection)}))
				s.run(time.Second)
				if first != "Connections" {
					s.removeConnection(crashConnection)
					s.removeConnection(otherConnection)
				}
				s.run(settleFor)
				s.platform.ClearFaults()
				s.run(20 * time.Minute)
				s.Expect(s.platform.Webhooks()).To(BeEmpty())
				s.Expect(s.cluster.webhook(subject)).To(BeNil())
			})
		})
	}
}

// The same for a Webhook whose move could not begin, because the connection that it now names is not ready.
func TestATeardownRemovesWhatCouldNotMove(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply(subject)
		s.cluster.edit(subject, connectedBy("nowhere"))
		s.run(settleFor)
		s.fault(http.MethodDelete, "/webhooks/{id}", "status:503", 3)
		deleteSubject(s.simulation)
		s.removeConnection(crashConnection)
		s.run(20 * time.Minute)
		s.Expect(s.platform.Webhooks()).To(BeEmpty())
		s.Expect(s.cluster.webhook(subject)).To(BeNil())
	})
}

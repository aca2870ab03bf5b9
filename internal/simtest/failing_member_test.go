package simtest

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// Two connections reach the account of a former remote webhook. The credentials of one of them are refused: the former
// one goes through the other, "through any connection to its account that the Webhook may use".
func TestAFormerOneGoesThroughAConnectionThatWorks(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		refuse := s.connectRefusably("a-broken", crashClientID)
		s.connect(otherConnection, otherClientID)
		s.apply(subject)
		s.Expect(s.of(crashClientID)).To(HaveLen(1))
		refuse()
		s.run(settleFor)
		s.cluster.edit(subject, connectedBy(otherConnection))
		s.run(10 * time.Minute)
		s.Expect(s.of(otherClientID)).To(HaveLen(1))
		s.Expect(s.of(crashClientID)).To(BeEmpty())
	})
}

// A Webhook is deleted whose connection was deleted too, and whose credentials in memory are refused by now. Another
// connection of its namespace reaches the account: after a restart it would serve.
func TestADeletedConnectionThatFailsIsReplacedByOneThatWorks(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		refuse := s.connectRefusably("a-broken", crashClientID)
		s.apply(subject, connectedBy("a-broken"))
		s.Expect(s.of(crashClientID)).To(HaveLen(1))
		refuse()
		s.removeConnection("a-broken")
		s.cluster.remove(s.cluster.webhook(subject))
		s.run(10 * time.Minute)
		s.Expect(s.of(crashClientID)).To(BeEmpty())
		s.Expect(s.cluster.webhook(subject)).To(BeNil())
	})
}

// connectRefusably connects an account with credentials that can be refused.
func (s claimScene) connectRefusably(name, clientID string) (refuse func()) {
	refused := false
	s.processes[0].dialRefusably(&refused)
	s.connect(name, clientID)
	s.credentials(name, clientID, refusable)
	return func() { refused = true }
}

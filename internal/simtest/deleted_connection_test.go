package simtest

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// The connection of a Webhook is deleted, and the only other one to the account does not allow the Webhook: api.md,
// "has a connectionRef that leads nowhere: turned off, if connections to its account exist and none of them allows it".
func TestADeletedConnectionKeepsNothingOnThatNoneAllows(t *testing.T) {
	for _, restart := range []bool{false, true} {
		inClaimScene(t, func(s claimScene) {
			s.connect(otherConnection, crashClientID)
			s.editConnection(otherConnection, forbidding)
			s.apply(subject)
			s.Expect(s.remotes()[0].Active).To(BeTrue())
			s.removeConnection(crashConnection)
			if restart {
				s.run(time.Second)
				s.processes[0].kill()
				s.start()
			}
			s.run(10 * time.Minute)
			s.Expect(s.remotes()[0].Active).To(BeFalse(), "restart: %v; %s", restart, s.reason(subject))
		})
	}
}

// The same while the operator does not run: connectionRef leads nowhere, and no connection allows it any more.
func TestADanglingWebhookIsTurnedOffAfterARestart(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply(subject)
		s.processes[0].kill()
		s.cluster.edit(subject, connectedBy("nowhere"))
		s.editConnection(crashConnection, forbidding)
		s.start()
		s.run(time.Hour)
		s.Expect(s.remotes()[0].Active).To(BeFalse(), s.reason(subject))
	})
}

// A Webhook whose connectionRef leads nowhere is deleted while the operator does not run. A connection that it may use
// reaches its account.
func TestADanglingWebhookIsDeletedAfterARestart(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply(subject)
		s.processes[0].kill()
		s.cluster.edit(subject, connectedBy("nowhere"))
		deleteSubject(s.simulation)
		s.start()
		s.run(time.Hour)
		s.Expect(s.cluster.webhook(subject)).To(BeNil())
		s.Expect(s.remotes()).To(BeEmpty())
	})
}

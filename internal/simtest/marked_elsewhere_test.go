package simtest

import (
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// A create whose answer was lost made a marked webhook. The Webhook moves to another account before that is known: what
// the create left behind is removed all the same, "whenever it turns up".
func TestALostCreateOfAWebhookThatMovedOnIsRemoved(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.connect(otherConnection, otherClientID)
		s.run(warmUp)
		s.fault(http.MethodPost, "/webhooks", "drop-response", 1)
		s.cluster.add(newWebhook(subject))
		s.run(500 * time.Millisecond)
		s.Expect(s.of(crashClientID)).To(HaveLen(1), "the create took effect")
		s.cluster.edit(subject, connectedBy(otherConnection))
		s.run(10 * time.Minute)
		s.Expect(s.of(otherClientID)).To(HaveLen(1))
		s.Expect(s.of(otherClientID)[0].Active).To(BeTrue())
		s.Expect(
			s.of(crashClientID),
		).To(
			BeEmpty(),
			"unmanaged webhooks of the first connection: %d",
			s.unmanaged(crashConnection),
		)
	})
}

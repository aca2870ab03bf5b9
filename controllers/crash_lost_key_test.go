package controllers

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/proof"
)

// The operator key is lost. security.md: the operator "loses no webhook".
func TestALostKeyForgetsNoFormerOne(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply(subject)
		s.cluster.setSecret("credentials", map[string]string{clientIDKey: otherClientID, clientSecretKey: "pair"})
		s.run(settleFor)
		s.Expect(s.of(crashClientID)).To(HaveLen(1))
		s.processes[0].kill()
		p := s.start()
		p.webhooks.Key = proof.NewKey([]byte("fedcba9876543210fedcba9876543210"))
		s.run(settleFor)
		s.connect(otherConnection, crashClientID)
		s.run(settleFor + time.Minute)
		s.Expect(s.of(otherClientID)).To(HaveLen(1))
		s.Expect(s.of(crashClientID)).To(BeEmpty(), "two deliver for one Webhook")
	})
}

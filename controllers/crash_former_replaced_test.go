package controllers

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/api/v1alpha1"
)

// `kubectl replace` strips annotations and finalizer while a former remote webhook waits for its removal: it is removed
// all the same, once a connection reaches its account.
func TestAReplacedWebhookForgetsNoFormerOne(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply(subject)
		s.cluster.setSecret("credentials", map[string]string{clientIDKey: otherClientID, clientSecretKey: "pair"})
		s.run(settleFor)
		s.Expect(s.of(crashClientID)).To(HaveLen(1), "left behind, and says so")
		s.cluster.edit(subject, func(o *v1alpha1.Webhook) { o.Annotations, o.Finalizers = nil, nil })
		s.run(settleFor)
		s.connect(otherConnection, crashClientID)
		s.run(settleFor + time.Minute)
		s.Expect(s.of(otherClientID)).To(HaveLen(1))
		s.Expect(s.of(crashClientID)).To(BeEmpty(), "two deliver for one Webhook")
	})
}

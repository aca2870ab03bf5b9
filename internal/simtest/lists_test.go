package simtest

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// What waits for another connection than that of its remote webhook causes no lists: one list per account and interval.
func TestADanglingWebhookCausesNoLists(t *testing.T) {
	for name, do := range map[string]func(s claimScene){
		"connectionRef leads nowhere": func(s claimScene) { s.cluster.edit(subject, connectedBy("nowhere")) },
		"the connection that it moves to is not ready": func(s claimScene) {
			s.connect(otherConnection, otherClientID)
			s.cluster.remove(s.cluster.read(ref{kindSecret, keyed(otherConnection)}))
			s.run(time.Second)
			s.cluster.edit(subject, connectedBy(otherConnection))
		},
		"suspended and dangling": func(s claimScene) {
			s.cluster.edit(subject, func(o *itwinv1alpha1.Webhook) { o.Spec.Suspend, o.Spec.ConnectionRef.Name = true, "nowhere" })
		},
	} {
		t.Run(name, func(t *testing.T) {
			inClaimScene(t, func(s claimScene) {
				s.apply(subject)
				do(s)
				s.run(settleFor)
				before := s.count("GET /webhooks")
				s.run(30 * pollEvery)
				s.Expect(s.count("GET /webhooks") - before).To(BeNumerically("~", 30, 2))
			})
		})
	}
}

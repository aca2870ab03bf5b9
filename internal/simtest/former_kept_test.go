package simtest

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/proof"
)

// A former remote webhook waits for a connection to its account while the list of it, or what proves it, is lost: it is
// removed all the same, once a connection reaches its account.
func TestTheListOfFormerOnesIsLostTheyAreRemovedAllTheSame(t *testing.T) {
	for name, lose := range map[string]func(s claimScene){
		"by kubectl replace, which strips annotations and finalizer": func(s claimScene) {
			s.cluster.edit(subject, func(o *itwinv1alpha1.Webhook) { o.Annotations, o.Finalizers = nil, nil })
		},
		"with the operator key": func(s claimScene) {
			s.processes[0].kill()
			s.start().webhooks.Key = proof.NewKey([]byte("fedcba9876543210fedcba9876543210"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			inClaimScene(t, func(s claimScene) {
				s.apply(subject)
				s.credentials("credentials", otherClientID, "pair")
				s.run(settleFor)
				s.Expect(s.of(crashClientID)).To(HaveLen(1), "left behind, and says so")
				lose(s)
				s.run(settleFor)
				s.connect(otherConnection, crashClientID)
				s.run(settleFor + time.Minute)
				s.Expect(s.of(otherClientID)).To(HaveLen(1))
				s.Expect(s.of(crashClientID)).To(BeEmpty(), "two deliver for one Webhook")
			})
		})
	}
}

package simtest

import (
	"testing"

	. "github.com/onsi/gomega"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// What the platform turned off stays off with OnRequest, also when the clientId in the connection's Secret is changed,
// which is no change of the spec, and changed back; and also when the webhook is hidden for a while.
func TestOnRequestIsNotAskedByAMove(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.applyDeactivated()
		id := s.idOf(subject)
		s.credentials("credentials", otherClientID, "pair")
		s.run(settleFor)
		for _, w := range s.of(otherClientID) {
			t.Log("in the other account active:", w.Active, s.reason(subject))
		}
		s.credentials("credentials", crashClientID, "pair")
		s.run(settleFor)
		s.Expect(s.idOf(subject)).To(Equal(id))
		s.Expect(s.of(crashClientID)[0].Active).To(BeFalse(), s.reason(subject))
	})
}

func TestOnRequestIsNotAskedByALoss(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.applyDeactivated()
		s.must(s.platform.SetVariant("hidden"))
		s.run(2 * settleFor)
		s.must(s.platform.ClearVariant("hidden"))
		s.run(2 * settleFor)
		for _, w := range s.remotes() {
			s.Expect(w.Active).To(BeFalse(), s.reason(subject))
		}
	})
}

// applyDeactivated makes a Webhook that the platform turned off and that waits for a request.
func (s claimScene) applyDeactivated() {
	s.apply(subject, reactivatedOnRequest)
	deactivate(s.simulation)
	s.run(settleFor)
	s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.DeactivatedReason))
}

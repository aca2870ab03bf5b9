package simtest

import (
	"testing"

	. "github.com/onsi/gomega"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// The platform turns a webhook off. Before the next list shows that, a rotation is sent, whose answer shows it first:
// it is counted all the same, and OnRequest still waits for a request.
func TestADeactivationThatAnAnswerShowsIsCounted(t *testing.T) {
	for _, policy := range []itwinv1alpha1.ReactivationPolicy{itwinv1alpha1.ReactivateOnRequest, itwinv1alpha1.ReactivateAlways} {
		t.Run(string(policy), func(t *testing.T) {
			inClaimScene(t, func(s claimScene) {
				s.apply(subject, func(o *itwinv1alpha1.Webhook) { o.Spec.ReactivationPolicy = policy })
				deactivate(s.simulation)
				s.cluster.annotate(subject, itwinv1alpha1.RotateRequestedAtAnnotation, "now")
				s.run(2 * settleFor)
				s.Expect(s.cluster.webhook(subject).Status.Deactivations).To(BeEquivalentTo(1))
				s.Expect(s.remotes()[0].Active).To(Equal(policy == itwinv1alpha1.ReactivateAlways), s.reason(subject))
			})
		})
	}
}

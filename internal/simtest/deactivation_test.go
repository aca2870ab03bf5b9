package simtest

import (
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// A webhook is turned off in the spec and, before the operator wrote that down, on again. That is no deactivation,
// and OnRequest does not wait for a request.
func TestOffAndOnAgainIsNoDeactivation(t *testing.T) {
	for after := 2 * time.Millisecond; after <= 60*time.Millisecond; after += 2 * time.Millisecond {
		t.Run(fmt.Sprint(after), func(t *testing.T) {
			inClaimScene(t, func(s claimScene) {
				s.apply(subject, reactivatedOnRequest)
				s.cluster.edit(subject, func(o *itwinv1alpha1.Webhook) { o.Spec.Active = new(false) })
				s.run(after)
				s.cluster.edit(subject, func(o *itwinv1alpha1.Webhook) { o.Spec.Active = new(true) })
				s.run(settleFor)
				s.Expect(s.remotes()[0].Active).To(BeTrue(), s.reason(subject))
				s.Expect(s.cluster.webhook(subject).Status.Deactivations).To(BeZero())
			})
		})
	}
}

// The operator turns off what is not allowed any more, and dies before it has written that down. Then it is allowed
// again: it is turned on again, and no deactivation of the platform's is counted.
func TestWhatTheOperatorTurnedOffIsNoDeactivation(t *testing.T) {
	inSimulation(t, func(w *simulation) {
		add(reactivatedOnRequest)(w)
		p := w.start(disruption{every: "after PATCH /webhooks/{id}", what: die, gap: 5 * time.Second})
		w.run(warmUp)
		p.count()
		w.editConnection(crashConnection, forbidding)
		w.run(time.Second)
		w.editConnection(crashConnection, func(c *itwinv1alpha1.ConnectionSpec) { c.AllowedCallbackHosts = nil })
		w.run(2 * settleFor)
		o := w.cluster.webhook(subject)
		if o.Status.Deactivations != 0 || !w.remotes()[0].Active {
			t.Errorf("deactivations %d, active %v: %s", o.Status.Deactivations, w.remotes()[0].Active, said(o.Status.Conditions))
		}
	})
}

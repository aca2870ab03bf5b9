package simtest

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apimeta "k8s.io/apimachinery/pkg/api/meta"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// resuming ends a suspension.
func resuming(w *itwinv1alpha1.Webhook) { w.Spec.Suspend = false }

// suspendedAt is the generation of which the subject says that it is suspended; 0 when it does not say so.
func (s claimScene) suspendedAt() int64 {
	found := apimeta.FindStatusCondition(s.cluster.webhook(subject).Status.Conditions, itwinv1alpha1.SuspendedCondition)
	if found == nil {
		return 0
	}
	return found.ObservedGeneration
}

// expectSuspended expects that the subject says so of its present spec.
func (s claimScene) expectSuspended() {
	o := s.cluster.webhook(subject)
	s.Expect(s.suspendedAt()).To(Equal(o.Generation))
	s.Expect(o.Status.ObservedGeneration).To(Equal(o.Generation))
	s.Expect(said(o.Status.Conditions)).NotTo(Or(ContainSubstring("Reconciling"), ContainSubstring("Stalled")))
}

func TestAWebhookIsSuspendedFromTheStartOneWriteSaysSo(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply(subject, suspending)
		s.expectSuspended()
		s.Expect(s.ready(subject).Type).To(BeEmpty(), "nothing is known of it")
		s.Expect(s.remotes()).To(BeEmpty())
		const applied, told = 1, 1
		s.Expect(s.writesOf(subject)).To(Equal(applied + told))
		s.replace()
		s.run(time.Hour)
		s.Expect(s.writesOf(subject)).To(Equal(applied + told))

		s.cluster.edit(subject, resuming)
		s.run(settleFor)
		s.Expect(s.violations()).To(BeEmpty())
	})
}

func TestAWebhookIsSuspendedWhatItSaidStays(t *testing.T) {
	for name, before := range map[string]func(claimScene){
		"in sync": func(s claimScene) { s.apply(subject) },
		"deactivated": func(s claimScene) {
			s.applyDeactivated()
			s.Expect(said(s.cluster.webhook(subject).Status.Conditions)).To(ContainSubstring("Stalled"))
		},
		"waiting": func(s claimScene) {
			s.apply(subject)
			s.outage("status:503")
			s.cluster.edit(subject, changeSpec)
			s.run(settleFor)
			s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.PlatformUnavailableReason))
		},
	} {
		t.Run(name, func(t *testing.T) {
			inClaimScene(t, func(s claimScene) {
				before(s)
				ready := s.ready(subject)
				s.cluster.edit(subject, func(w *itwinv1alpha1.Webhook) { suspending(w); changeSpec(w) })
				writes := s.writesOf(subject)
				s.run(settleFor)
				s.expectSuspended()
				s.Expect(s.ready(subject)).To(Equal(ready))
				s.Expect(s.writesOf(subject)).To(Equal(writes + 1))
				s.replace()
				s.run(time.Hour)
				s.Expect(s.writesOf(subject)).To(Equal(writes + 1))
				s.expectSuspended()
			})
		})
	}
}

// What is resumed no longer says that it is suspended, whatever it waits for then.
func TestAWebhookIsResumedDuringAnOutageItSaysForWhatItWaits(t *testing.T) {
	for closure, closed := range closures {
		t.Run(closure, func(t *testing.T) {
			inClaimScene(t, func(s claimScene) {
				s.apply(subject)
				s.cluster.edit(subject, suspending)
				s.run(settleFor)
				s.expectSuspended()
				closed.begin(s)
				s.run(settleFor)
				s.cluster.edit(subject, func(w *itwinv1alpha1.Webhook) { resuming(w); changeSpec(w) })
				s.run(settleFor)
				s.Expect(s.suspendedAt()).To(BeZero(), s.message(subject))
			})
		})
	}
}

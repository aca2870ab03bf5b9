package simtest

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// hiding hides what exists, lets the operator find out, and shows it again.
func (s claimScene) hiding(variant string, meanwhile func()) {
	s.must(s.platform.SetVariant(variant))
	s.run(settleFor)
	meanwhile()
	s.must(s.platform.ClearVariant(variant))
	s.run(20 * time.Minute)
}

func TestAWebhookIsHiddenAnotherIsCreatedAndOneIsLeft(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply(subject)
		s.hiding("hidden", func() { s.Expect(s.creates()).To(Equal(2)) })
		s.Expect(s.violations()).To(BeEmpty())
		s.Expect(s.creates()).To(Equal(2))
	})
}

func TestAWebhookIsHiddenAndCreatesAreRefusedItIsTakenBack(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply(subject)
		id := s.idOf(subject)
		s.hiding("hidden-creates-refused", func() {
			s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.RefusedReason))
		})
		s.Expect(s.violations()).To(BeEmpty())
		s.Expect(s.idOf(subject)).To(Equal(id))
	})
}

// What a read and a list say does not exist is let go. If it returns, it is counted.
func TestAWebhookIsDeletedWhileItIsHiddenItIsCountedWhenItReturns(t *testing.T) {
	for _, variant := range []string{"hidden", "hidden-creates-refused"} {
		inClaimScene(t, func(s claimScene) {
			s.apply(subject)
			s.hiding(variant, func() { s.delete(subject) })
			s.Expect(s.cluster.webhooks()).To(BeEmpty())
			s.Expect(s.remotes()).To(HaveLen(1))
			s.Expect(s.unmanaged(crashConnection)).To(BeEquivalentTo(1))
		})
	}
}

// Whatever the operator was doing when it ended, its successor leaves one webhook.
func TestTheOperatorDiesWhileAWebhookIsHiddenOneIsLeft(t *testing.T) {
	for _, variant := range []string{"hidden", "hidden-creates-refused"} {
		s := scenario{
			name: variant, before: add(), webhooks: 1, most: 2, lasts: 20 * time.Minute,
			act: func(w *simulation) {
				w.must(w.platform.SetVariant(variant))
				w.in(time.Minute, "", func() { w.must(w.platform.ClearVariant(variant)) })
			},
		}
		all := newVisits(t, "while "+variant)
		for _, k := range leaving(all.visit(t, s).traces[0], "") {
			all.visit(t, s, dies(k))
		}
	}
}

package fleet_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

func TestListThatOverlapsAReadDoesNotConfirmAbsence(t *testing.T) {
	s := newListedScene(t, "a")
	s.remote.remove("a")
	s.remote.beforeNext("list", func() error { return s.confirm("a") })
	s.poll()
	s.Expect(s.presence("a")).To(Equal(fleet.Absent), "the list began before the read ended")
	s.poll()
	s.Expect(s.presence("a")).To(Equal(fleet.Gone))
}

func TestFailedListAfterAReadDoesNotConfirmAbsence(t *testing.T) {
	for name, failure := range unreliable {
		t.Run(name, func(t *testing.T) {
			s := newListedScene(t, "a")
			s.remote.remove("a")
			s.Expect(s.confirm("a")).To(Succeed())
			s.pollFailing(failure)
			s.Expect(s.presence("a")).To(Equal(fleet.Absent))
		})
	}
}

func TestLaterListShowsTheWebhookIsPresentAgain(t *testing.T) {
	s := newListedScene(t, "a")
	s.remote.fail("get", errNotFound)
	s.Expect(s.confirm("a")).To(Succeed())
	s.Expect(s.presence("a")).To(Equal(fleet.Absent))
	s.Expect(s.poll()).To(ConsistOf("a"))
	s.Expect(s.presence("a")).To(Equal(fleet.Present))
}

func TestDeleteAnswered2xxIsGoneWithoutAList(t *testing.T) {
	s := newListedScene(t, "a")
	s.Expect(s.deleteRemote("a")).To(Succeed())
	s.Expect(s.presence("a")).To(Equal(fleet.Gone))
	s.Expect(s.poll()).To(BeEmpty())
	s.Expect(s.presence("a")).To(Equal(fleet.Gone))
}

func TestWriteAnswered404IsAnErrorAndTheWebhookIsMissing(t *testing.T) {
	for _, op := range []string{"update", "delete"} {
		t.Run(op, func(t *testing.T) {
			s := newListedScene(t, "a")
			s.remote.fail(op, errNotFound)
			s.Expect(operations[op](s)).To(MatchError(errNotFound))
			s.Expect(s.presence("a")).To(Equal(fleet.Missing))
			s.Expect(s.fleet.Failure()).NotTo(HaveOccurred())
			s.Expect(s.fleet.IDs()).To(BeEmpty())
		})
		t.Run(op+", and later lists lack it", func(t *testing.T) {
			s := newListedScene(t, "a")
			s.remote.remove("a")
			s.Expect(operations[op](s)).To(MatchError(errNotFound))
			for range 3 {
				s.poll()
				s.Expect(s.presence("a")).To(Equal(fleet.Missing), "no read was answered 404")
			}
		})
		t.Run(op+", and a later list has it", func(t *testing.T) {
			s := newListedScene(t, "a")
			s.remote.fail(op, errNotFound)
			s.Expect(operations[op](s)).To(MatchError(errNotFound))
			s.Expect(s.poll()).To(ConsistOf("a"))
			s.Expect(s.presence("a")).To(Equal(fleet.Present))
		})
		t.Run(op+" of what is gone", func(t *testing.T) {
			s := newListedScene(t, "a")
			s.Expect(s.deleteRemote("a")).To(Succeed())
			s.Expect(operations[op](s)).To(MatchError(errNotFound))
			s.Expect(s.presence("a")).To(Equal(fleet.Gone))
		})
	}
}

// A list says nothing about a webhook that is written while it is under way, and so it cannot confirm an absence
// although it has the webhook.
func TestIdsInOtherCaseMeanTheSameWebhookInEveryCall(t *testing.T) {
	s := newListedScene(t, "AB-12")
	s.Expect(s.confirm("ab-12")).To(Succeed())
	s.Expect(s.fleet.Owned("aB-12")).To(BeFalse())
	s.Expect(s.fleet.Claim("Ab-12", "one")).To(BeTrue())
	s.Expect(s.fleet.Owned("aB-12")).To(BeTrue())
	s.Expect(s.fleet.Unowned(func(platform.Webhook) bool { return true })).To(BeEmpty())
	s.fleet.Release("ab-12", "one")
	s.Expect(s.fleet.Owned("AB-12")).To(BeFalse())
	s.Expect(s.deleteRemote("ab-12")).To(Succeed())
	s.Expect(s.presence("AB-12")).To(Equal(fleet.Gone))
	s.Expect(s.remote.sent()).To(Equal([]string{"get AB-12", "delete AB-12"}))
	s.Expect(s.confirm("Never-Seen")).To(Succeed())
	s.Expect(s.remote.sent()).To(Equal([]string{"get Never-Seen"}), "what was never listed keeps the caller's spelling")
}

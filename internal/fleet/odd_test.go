package fleet_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

// unreadable makes the lists show a webhook without describing it.
func (s *scene) unreadable(w platform.Webhook) {
	s.remote.hide(w.ID, true)
	s.remote.odd = func(l *platform.Listing) {
		l.Unreadable, l.Issues = []platform.Webhook{w}, []string{"webhooks[0]: active is missing or null"}
	}
}

func TestUnreadableEntryKeepsTheSnapshotOfItsWebhook(t *testing.T) {
	s := newListedScene(t, "a", "b")
	s.unreadable(platform.Webhook{ID: "A"})
	s.remote.hide("a", true)
	for range 3 {
		s.Expect(s.poll()).To(BeEmpty())
		s.Expect(s.presence("a")).To(Equal(fleet.Present))
		s.Expect(s.fleet.IDs()).To(ConsistOf("a", "b"))
		s.Expect(s.fleet.Issues()).To(HaveLen(1))
	}
	s.remote.odd = nil
	s.Expect(s.poll()).To(Equal([]string{"a"}), "a list that lacks it makes it missing")
	s.Expect(s.fleet.Issues()).To(BeEmpty())
}

func TestEntryThatCannotBeReadAtFirstIsReadByConfirm(t *testing.T) {
	s := newScene(t, "a", "b")
	s.unreadable(platform.Webhook{ID: "a", CallbackURL: "https://hooks.example.com/a"})
	s.Expect(s.poll()).To(ConsistOf("a", "b"))
	s.Expect(s.presence("a")).To(Equal(fleet.Unseen), "it is not missing")
	s.Expect(s.fleet.IDs()).To(ConsistOf("a", "b"))
	s.Expect(s.fleet.Unowned(func(platform.Webhook) bool { return true })).To(HaveLen(1), "what is not known is not adopted")
	s.Expect(s.confirm("a")).To(Succeed())
	s.Expect(s.presence("a")).To(Equal(fleet.Present))
	s.poll()
	s.Expect(s.presence("a")).To(Equal(fleet.Present))
}

func TestListWithAnEntryWithoutIDProvesNoAbsence(t *testing.T) {
	s := newListedScene(t, "a", "b")
	s.remote.hide("a", true)
	s.remote.odd = func(l *platform.Listing) { l.Incomplete, l.Issues = true, []string{"webhooks[0]: webhook without id"} }
	s.clock.Step(time.Minute)
	asked := s.clock.Now()
	s.fleet.AwaitSince(asked, "ns/since")
	s.Expect(s.fleet.Await("ns/any", s.fleet.ListCount())).To(BeTrue())
	changes, err := s.fleet.Poll(t.Context())
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(changes.Webhooks).To(BeEmpty())
	s.Expect(changes.Waiting).To(Equal([]string{"ns/any"}), "what waits for a proof waits on")
	s.Expect(s.presence("a")).To(Equal(fleet.Present))
	s.Expect(s.fleet.ListedSince(asked)).To(BeFalse())
	s.remote.remove("a")
	s.Expect(s.confirm("a")).To(Succeed())
	s.poll()
	s.Expect(s.presence("a")).To(Equal(fleet.Absent), "not gone")

	for _, wait := range []time.Duration{2, 4, 8, 16, 32, 60, 60} {
		s.Expect(s.fleet.PollIn(time.Minute)).To(Equal(wait*time.Second), "such lists are not repeated every second")
		s.clock.Step(wait * time.Second)
		s.poll()
	}
	s.remote.odd = nil
	changes, err = s.fleet.Poll(t.Context())
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(changes.Waiting).To(Equal([]string{"ns/since"}))
	s.Expect(s.presence("a")).To(Equal(fleet.Gone))
	s.Expect(s.fleet.ListedSince(asked)).To(BeTrue())
}

// An entry whose callback cannot be read may be what an interrupted create made.
func TestListWithAnEntryThatMayCarryAMarkProvesNoAbsence(t *testing.T) {
	s := newListedScene(t, "b")
	s.unreadable(platform.Webhook{ID: "new"})
	s.clock.Step(time.Minute)
	now := s.clock.Now()
	s.poll()
	s.Expect(s.fleet.ListedSince(now)).To(BeFalse())
	s.unreadable(platform.Webhook{ID: "new", CallbackURL: "https://x?itwin-webhook=u", Mark: "u"})
	s.poll()
	s.Expect(s.fleet.ListedSince(now)).To(BeTrue())
	s.Expect(idsOf(s.fleet.Marked("u"))).To(Equal([]string{"new"}))
}

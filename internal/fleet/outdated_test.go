package fleet_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

// outdate lets the platform's answers show the webhook as it was before its last change, and returns what ends that.
func (s *scene) outdate(id string) (end func()) {
	now := s.remote.webhooks[id]
	s.remote.change(id, func(w *platform.Webhook) {
		w.Active, w.Modified = !w.Active, w.Modified.Add(-time.Second)
	})
	return func() { s.remote.change(id, func(w *platform.Webhook) { *w = now }) }
}

func newActivatedScene(t *testing.T) *scene {
	s := newListedScene(t, "a")
	s.remote.change("a", func(w *platform.Webhook) { w.Modified = start.Add(time.Minute) })
	s.Expect(s.activate("a")).To(Succeed())
	s.Expect(s.active("a")).To(BeTrue())
	return s
}

func TestListOlderThanTheLastWriteChangesNothing(t *testing.T) {
	s := newActivatedScene(t)
	end := s.outdate("a")
	s.Expect(s.poll()).To(BeEmpty())
	s.Expect(s.active("a")).To(BeTrue())
	end()
	s.Expect(s.poll()).To(BeEmpty())
}

func TestReadOlderThanTheLastWriteChangesNothing(t *testing.T) {
	s := newActivatedScene(t)
	s.outdate("a")
	s.Expect(s.confirm("a")).To(Succeed())
	s.Expect(s.active("a")).To(BeTrue())
}

func TestListStaysOlderThanTheLastWriteItIsBelievedInTheEnd(t *testing.T) {
	s := newActivatedScene(t)
	s.outdate("a")
	s.clock.Step(5 * time.Minute)
	s.Expect(s.poll()).To(ConsistOf("a"))
	s.Expect(s.active("a")).To(BeFalse())
	s.Expect(s.fleet.Confirmed("a")).To(BeFalse())
}

func TestTimesWithoutAFractionAreComparedToTheSecond(t *testing.T) {
	s := newListedScene(t, "a")
	s.remote.change("a", func(w *platform.Webhook) { w.Modified = start.Add(1500 * time.Millisecond) })
	s.Expect(s.activate("a")).To(Succeed())
	s.remote.change("a", func(w *platform.Webhook) { w.Active, w.Modified = false, start.Add(time.Second) })
	s.Expect(s.poll()).To(ConsistOf("a"))
}

func TestOnlyAnswersToCallsConfirm(t *testing.T) {
	s := newListedScene(t, "a")
	s.Expect(s.fleet.Confirmed("a")).To(BeFalse())
	s.Expect(s.fleet.Confirmed("never-seen")).To(BeFalse())
	s.Expect(s.confirm("a")).To(Succeed())
	s.Expect(s.fleet.Confirmed("a")).To(BeTrue())
	s.poll()
	s.Expect(s.fleet.Confirmed("a")).To(BeTrue(), "the list shows the same")
}

// Of few webhooks another client might have changed each, so it takes longer.
func TestTimesOfFewWebhooksThatMoveByThemselvesAreNoticed(t *testing.T) {
	s := newListedScene(t, "a")
	for i := range 6 {
		s.Expect(s.fleet.Restlessness()).To(Equal(fleet.Steady), "after %d lists", i)
		s.remote.change("a", func(w *platform.Webhook) { w.Modified = w.Modified.Add(time.Second) })
		s.poll()
	}
	s.Expect(s.fleet.Restlessness()).To(Equal(fleet.Restless))
}

func TestOnceTimesAreFoundToMoveAllWebhooksAreDecidedAgain(t *testing.T) {
	s := newListedScene(t, "a", "b", "c", "still")
	var changed []string
	for range 3 {
		for _, id := range []string{"a", "b", "c"} {
			s.remote.change(id, func(w *platform.Webhook) { w.Modified = w.Modified.Add(time.Second) })
		}
		changed = s.poll()
	}
	s.Expect(changed).To(ContainElement("still"))
}

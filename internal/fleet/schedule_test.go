package fleet_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// pollFailing polls at once, and the list fails.
func (s *scene) pollFailing(failure error) {
	s.t.Helper()
	s.remote.fail("list", failure)
	_, err := s.fleet.Poll(s.t.Context())
	s.Expect(err).To(MatchError(failure))
}

func TestPollIn(t *testing.T) {
	const interval = time.Minute
	for name, test := range map[string]struct {
		after func(*scene)
		want  time.Duration
	}{
		"never listed":           {func(*scene) {}, 0},
		"just listed":            {func(s *scene) { s.poll() }, interval},
		"listed a while ago":     {func(s *scene) { s.poll(); s.clock.Step(20 * time.Second) }, 40 * time.Second},
		"listed long ago":        {func(s *scene) { s.poll(); s.clock.Step(time.Hour) }, 0},
		"a caller awaits a list": {func(s *scene) { s.poll(); s.fleet.Await("a", s.fleet.ListCount()) }, interval},
		"a caller awaits a list since now": {func(s *scene) {
			s.poll()
			s.fleet.AwaitSince(s.clock.Now(), "a")
		}, time.Second},
		"a caller awaits a list since long ago": {func(s *scene) {
			s.poll()
			s.fleet.AwaitSince(start.Add(-time.Hour), "a")
		}, time.Second},
		"a caller awaits a list since now, which is later than the pause": {func(s *scene) {
			s.poll()
			s.clock.Step(5 * time.Second)
			s.fleet.AwaitSince(s.clock.Now(), "a")
		}, 0},
		"a caller awaits a list since soon": {func(s *scene) {
			s.poll()
			s.fleet.AwaitSince(start.Add(10*time.Second), "a")
			s.fleet.AwaitSince(start.Add(20*time.Second), "b")
		}, 10 * time.Second},
		"a caller awaits a list since late": {func(s *scene) {
			s.poll()
			s.fleet.AwaitSince(start.Add(time.Hour), "a")
		}, interval},
		"no caller awaits a list any more": {func(s *scene) {
			s.poll()
			s.fleet.AwaitSince(start, "a")
			s.fleet.Forget("a")
		}, interval},
		"a write failed": {func(s *scene) {
			s.poll()
			s.clock.Step(200 * time.Millisecond)
			s.remote.fail("update", errReset)
			_ = s.activate("a")
		}, 800 * time.Millisecond},
		"a write failed later": {func(s *scene) {
			s.poll()
			s.clock.Step(10 * time.Second)
			s.remote.fail("update", errReset)
			_ = s.activate("a")
		}, 0},
		"one failure":   {func(s *scene) { s.pollFailing(errUnavailable) }, time.Second},
		"two failures":  {func(s *scene) { s.pollFailing(errUnavailable); s.pollFailing(errReset) }, 2 * time.Second},
		"four failures": {func(s *scene) { s.failTimes(4) }, 8 * time.Second},
		"six failures":  {func(s *scene) { s.failTimes(6) }, 32 * time.Second},
		"many failures": {func(s *scene) { s.failTimes(1000) }, interval},
		"failures and a caller that awaits a list": {func(s *scene) {
			s.failTimes(6)
			s.fleet.AwaitSince(start, "a")
		}, 32 * time.Second},
		"failures, then success": {func(s *scene) { s.failTimes(6); s.poll() }, interval},
		"refused credentials":    {func(s *scene) { s.pollFailing(errUnauthorized) }, time.Second},
		"credentials refused again and again": {func(s *scene) {
			for range 20 {
				s.pollFailing(errUnauthorized)
			}
		}, 5 * time.Minute},
		"no answer after credentials were refused": {func(s *scene) {
			for range 20 {
				s.pollFailing(errUnauthorized)
			}
			s.pollFailing(errReset)
		}, time.Second},
		"429":                 {func(s *scene) { s.poll(); s.pollFailing(errLimited) }, 7 * time.Second},
		"429 before any list": {func(s *scene) { s.pollFailing(errLimited) }, 7 * time.Second},
		"429 and a closed gate": {func(s *scene) {
			s.poll()
			s.pollFailing(errLimited)
			s.clock.Step(time.Second)
			s.pollFailing(errClosedGate)
		}, 7 * time.Second},
		"429 and a caller that awaits a list": {func(s *scene) {
			s.poll()
			s.pollFailing(errLimited)
			s.fleet.AwaitSince(start, "a")
		}, 7 * time.Second},
		"429 after failures": {func(s *scene) { s.failTimes(6); s.pollFailing(errLimited) }, 32 * time.Second},
		"429 after one failure": {func(s *scene) {
			s.failTimes(1)
			s.pollFailing(errLimited)
		}, 7 * time.Second},
		"no slot within the rate limit": {func(s *scene) {
			s.poll()
			s.clock.Step(time.Minute)
			s.pollFailing(errThrottled)
		}, 10 * time.Millisecond},
		"a slot again": {func(s *scene) {
			s.poll()
			s.pollFailing(errThrottled)
			s.clock.Step(10 * time.Millisecond)
			s.poll()
		}, interval},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, "a")
			test.after(s)
			s.Expect(s.fleet.PollIn(interval)).To(Equal(test.want))
		})
	}
}

// failTimes lets so many lists in a row fail.
func (s *scene) failTimes(times int) {
	s.t.Helper()
	for range times {
		s.pollFailing(errUnavailable)
	}
}

func TestTheIntervalMayBeLongerThanThePauseAfterFailures(t *testing.T) {
	s := newScene(t)
	s.failTimes(30)
	s.Expect(s.fleet.PollIn(time.Hour)).To(Equal(time.Hour))
	s.Expect(s.fleet.PollIn(10 * time.Second)).To(Equal(10 * time.Second))
}

func TestAwait(t *testing.T) {
	enqueuedBy := func(s *scene) []string {
		s.t.Helper()
		changes, err := s.fleet.Poll(s.t.Context())
		s.Expect(err).NotTo(HaveOccurred())
		return changes.Waiting
	}
	t.Run("the next list enqueues a waiting caller once", func(t *testing.T) {
		s := newListedScene(t)
		s.Expect(s.fleet.Await("a", s.fleet.ListCount())).To(BeTrue())
		s.Expect(s.fleet.Await("a", s.fleet.ListCount())).To(BeTrue())
		s.Expect(s.fleet.Await("b", s.fleet.ListCount())).To(BeTrue())
		s.pollFailing(errUnavailable)
		s.pollFailing(errThrottled)
		s.Expect(enqueuedBy(s)).To(ConsistOf("a", "b"))
		s.Expect(enqueuedBy(s)).To(BeEmpty())
		s.Expect(s.pollRequests.Load()).To(BeZero(), "no poll is requested")
	})
	t.Run("a list that is under way enqueues a caller that awaits it", func(t *testing.T) {
		s := newListedScene(t)
		s.remote.afterNext("list", func() error {
			s.fleet.Await("a", s.fleet.ListCount())
			return nil
		})
		s.Expect(enqueuedBy(s)).To(ConsistOf("a"))
	})
	t.Run("Await after the awaited list reports that it has ended", func(t *testing.T) {
		s := newListedScene(t)
		heard := s.fleet.ListCount()
		s.poll()
		s.Expect(s.fleet.Await("a", heard)).To(BeFalse())
		s.Expect(enqueuedBy(s)).To(BeEmpty(), "a caller that was told decides again")
	})
	t.Run("a list that began before the awaited time does not enqueue the caller", func(t *testing.T) {
		s := newListedScene(t)
		s.fleet.AwaitSince(start.Add(time.Second), "a")
		s.Expect(s.pollRequests.Load()).To(BeEquivalentTo(1), "the poller is told that a list is due")
		s.remote.afterNext("list", func() error {
			s.clock.Step(time.Hour) // it ends late, but it began early
			return nil
		})
		s.Expect(enqueuedBy(s)).To(BeEmpty())
		s.Expect(enqueuedBy(s)).To(ConsistOf("a"))
		s.Expect(enqueuedBy(s)).To(BeEmpty())
	})
	t.Run("a list that began at the awaited time enqueues the caller", func(t *testing.T) {
		s := newListedScene(t)
		s.fleet.AwaitSince(start.Add(time.Second), "a")
		s.clock.Step(time.Second)
		s.Expect(enqueuedBy(s)).To(ConsistOf("a"))
	})
	t.Run("the last of several awaited times counts", func(t *testing.T) {
		s := newListedScene(t)
		s.fleet.AwaitSince(start.Add(time.Hour), "a")
		s.fleet.Await("a", s.fleet.ListCount())
		s.fleet.Await("b", s.fleet.ListCount())
		s.fleet.AwaitSince(start.Add(time.Hour), "b")
		s.Expect(enqueuedBy(s)).To(ConsistOf("a"))
	})
	t.Run("a forgotten caller is not enqueued", func(t *testing.T) {
		s := newListedScene(t)
		s.fleet.Await("a", s.fleet.ListCount())
		s.fleet.Forget("a")
		s.fleet.Forget("b")
		s.Expect(enqueuedBy(s)).To(BeEmpty())
	})
}

func TestListedSince(t *testing.T) {
	s := newScene(t)
	s.Expect(s.fleet.ListedSince(time.Time{})).To(BeFalse(), "never listed")
	s.remote.afterNext("list", func() error {
		s.clock.Step(time.Minute)
		return nil
	})
	s.poll()
	s.Expect(s.fleet.ListedSince(start)).To(BeTrue())
	s.Expect(s.fleet.ListedSince(start.Add(time.Nanosecond))).To(BeFalse(), "the list began before")
	s.pollFailing(errUnavailable)
	s.Expect(s.fleet.ListedSince(start.Add(time.Nanosecond))).To(BeFalse())
}

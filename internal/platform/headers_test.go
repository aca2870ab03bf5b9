package platform

import (
	"slices"
	"strconv"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// every lets so many minutes pass, with an edit after each of the intervals, and a list in each minute. It returns how
// many edits and lists were sent.
func (s *service) every(interval time.Duration, minutes int) (edits, lists int) {
	listAt, end := s.clock.Now(), s.clock.Now().Add(time.Duration(minutes)*time.Minute)
	for s.clock.Now().Before(end) {
		s.clock.SetTime(s.clock.Now().Add(interval))
		if !s.clock.Now().Before(listAt) && s.call(listing) {
			listAt = s.clock.Now().Add(time.Minute)
			lists++
		}
		if s.call(Urgent) {
			edits++
		}
	}
	return edits, lists
}

// No subscription is named, and the number is that of an hour that slides, that of fixed hours, or always the same:
// whatever it does, the limit of the minute is 500.
func TestTheNumberRecoversWithoutANamedSubscriptionNothingIsConcluded(t *testing.T) {
	for name, test := range map[string]struct {
		says     func(s *service) int
		interval time.Duration
	}{
		"a sliding hour at a steady pace": {func(s *service) int { return 5000 - s.used(time.Hour) }, 5 * time.Second},
		"a sliding hour with bursts":      {func(s *service) int { return 5000 - s.used(time.Hour) }, 200 * time.Millisecond},
		"fixed hours": {func(s *service) int {
			return 5000 - s.used(s.clock.Now().Sub(s.clock.Now().Truncate(time.Hour))+1)
		}, 5 * time.Second},
		"always the same": {func(*service) int { return 4999 }, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t, 500, 0)
			s.says = func() int { return test.says(s) }
			for range 3 {
				s.every(test.interval, 3)
				s.lists(40)
				s.every(test.interval, 3)
				s.burst()
				s.lists(2)
			}
			s.every(5*time.Second, 100)
			s.burst()
			s.Expect(s.inForce()).To(And(HaveField("PerMinute", 500), HaveField("MinuteFrom", FromAssumption)))
			s.Expect(s.refused).To(BeZero())
		})
	}
}

// Each caller comes when it was told, and no earlier.
func TestTheNumberIsAlwaysZeroAndNothingIsRefusedEditsAndListsGoOn(t *testing.T) {
	for _, limits := range []Limits{
		{PerMinute: 500, Assumed: true, ListEvery: time.Minute}, {PerMinute: 500, ListEvery: time.Minute},
		{PerMinute: 3000, ListEvery: 10 * time.Second}, {PerMinute: 4, ListEvery: time.Minute},
	} {
		s := newService(t, 5000, 0)
		s.says = func() int { return 0 }
		s.share = s.pace.Join("a", limits)
		waiting := []Priority{{Class: listing}}
		for i := range 50 {
			waiting = append(waiting, Priority{Caller: strconv.Itoa(i), Group: "ns"})
		}
		comes, lists, hours := map[Priority]time.Time{}, 0, 2
		for end := s.clock.Now().Add(time.Duration(hours) * time.Hour); s.clock.Now().Before(end); {
			s.clock.SetTime(s.clock.Now().Add(100 * time.Millisecond))
			waiting = slices.DeleteFunc(waiting, func(p Priority) bool {
				if s.clock.Now().Before(comes[p]) {
					return false
				}
				leave, refused := s.share.gate.enter("a", p)
				if refused != nil {
					comes[p] = s.clock.Now().Add(refused.After)
					return false
				}
				s.answered()
				leave()
				if p.Class == listing {
					lists++
					comes[p] = s.clock.Now().Add(limits.ListEvery)
				}
				return p.Class != listing
			})
		}
		s.Expect(waiting).To(HaveLen(1), "only the next list: %+v", limits)
		s.Expect(lists).To(BeNumerically(">", 0.8*float64(hours*int(time.Hour/limits.ListEvery))), "%+v", limits)
	}
}

// What others use is left out as long as the platform means it: a refusal makes the number count for some time.
func TestOthersUseUpTheLimitTheOperatorTriesRarely(t *testing.T) {
	s := newService(t, 500, 0)
	s.share = s.pace.Join("a", Limits{PerMinute: 500, ListEvery: time.Minute})
	s.lists(1)
	for range 60 {
		s.clock.SetTime(s.clock.Now().Add(time.Minute + time.Second))
		for range 499 {
			s.answer()
		}
		s.call(listing)
		s.burst()
	}
	s.Expect(s.refused).To(BeNumerically("~", 5, 1), "one in ten minutes")
}

func TestOthersLeaveLittleAndTheHeaderVanishesTheLimitIsAsBefore(t *testing.T) {
	for _, limits := range []Limits{{PerMinute: 500, Assumed: true}, {PerMinute: 500}} {
		s := newService(t, 500, 0)
		s.share = s.pace.Join("a", limits)
		for range 90 {
			s.clock.SetTime(s.clock.Now().Add(time.Minute + time.Second))
			for range 490 {
				s.answer()
			}
			s.call(listing)
			s.burst()
		}
		s.Expect(s.refused).To(BeZero())
		s.Expect(s.inForce()).To(And(HaveField("PerMinute", 10), HaveField("MinuteFrom", FromPlatform)))
		s.silent = true
		s.lists(32)
		s.Expect(s.inForce()).To(And(HaveField("PerMinute", 500), HaveField("MinuteFrom", Not(Equal(FromPlatform)))))
		s.Expect(s.burst()).To(BeNumerically(">", 490))
	}
}

func TestTheHeaderOfALargerSubscriptionVanishesTheAssumptionHolds(t *testing.T) {
	s := newService(t, 5000, 0)
	s.tier = "Standard"
	s.lists(2)
	s.Expect(s.inForce().PerMinute).To(Equal(5000))
	s.silent = true
	s.lists(29)
	s.Expect(s.inForce().PerMinute).To(Equal(5000))
	s.lists(2)
	s.Expect(s.inForce()).To(And(HaveField("PerMinute", 500), HaveField("MinuteFrom", FromAssumption)))
}

func TestTheNumberIsMoreThanAnySubscriptionHasNoMoreIsConcludedThanThat(t *testing.T) {
	s := newService(t, 5000, 0)
	s.tier, s.says = "Custom", func() int { return 900_000 }
	s.lists(40)
	s.Expect(s.inForce().PerMinute).To(Equal(5000))
	s.burst()
	s.Expect(s.refused).To(BeZero())
}

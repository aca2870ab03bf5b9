package platform

import (
	"fmt"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"
)

// A member whose own limit is used up delays no callers of another one, whose limit is not: neither those of the same
// namespace, nor those of another that was refused once.
func TestAMemberHasUsedItsOwnLimitUpCallersOfAnotherDoNotWaitForIt(t *testing.T) {
	for _, group := range []string{"the same namespace", "another namespace"} {
		t.Run(group, func(t *testing.T) {
			c := clocktesting.NewFakeClock(time.Date(2026, time.March, 1, 0, 0, 0, 0, time.UTC))
			p := NewPace(c, nil)
			small, large := p.Join("small", Limits{PerHour: 120}), p.Join("large", Limits{PerMinute: 4000})
			enter := func(s *Share, turn Priority) time.Duration {
				leave, refused := s.gate.enter(s.member, turn)
				if refused != nil {
					return refused.After
				}
				leave()
				return 0
			}
			// The small member uses its limit up. Two of its callers wait, and are refused.
			for enter(small, Priority{Class: listing}) == 0 {
			}
			waiting := func(i int) Priority { return Priority{Caller: fmt.Sprint("small ", i), Group: "the same namespace"} }
			told := max(enter(small, waiting(1)), enter(small, waiting(2)))
			c.Step(told)
			enter(small, Priority{Class: listing})
			enter(small, waiting(1))
			enter(small, waiting(2))
			// The large member uses its limit up, and one of its callers is refused.
			caller := Priority{Caller: "large", Group: group}
			for enter(large, Priority{Class: listing}) == 0 {
			}
			wait := enter(large, caller)
			if wait < time.Second {
				c.Step(wait)
				for enter(large, Priority{Class: listing}) == 0 {
				}
				wait = enter(large, caller)
			}
			if wait > 61*time.Second {
				t.Errorf("told to wait %s, although all that its member used is free again in a minute", wait)
			}
		})
	}
}

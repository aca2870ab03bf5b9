package platform

import (
	"math"
	"time"

	"golang.org/x/time/rate"
)

const (
	// routineShare and urgentShare of a limit are what routine and urgent calls leave to those that go before them.
	routineShare = 0.2
	urgentShare  = 0.1
	// spareDebt is how many calls more than its pace allows may be taken of a reserve, to finish what was begun.
	spareDebt = 10
)

// bound is a limit of the calls in any period of some length, and the window that counts them.
type bound struct {
	window
	// limit is 0 where there is none.
	limit int
	// listEvery is how often lists are made; 0 when that is not known.
	listEvery time.Duration
	// spare paces, by class, what a class takes of the reserve that it leaves to others: evenly, so that some of it is
	// there at any time of the period. It is nil for a class that never takes any.
	spare [listing + 1]*rate.Limiter
}

// set changes the limit, and how often lists are made. What was spent stays spent.
func (b *bound) set(limit int, listEvery time.Duration, now time.Time) {
	b.listEvery = listEvery
	if b.limit == limit {
		return
	}
	b.limit = limit
	for class := range listing {
		soft, hard := b.reserveOf(limit, class)
		evenly := rate.Limit(float64(soft-hard) / b.period.Seconds())
		switch spare := b.spare[class]; {
		case soft <= hard:
			b.spare[class] = nil
		case spare == nil:
			b.spare[class] = rate.NewLimiter(evenly, 1)
		default:
			spare.SetLimitAt(now, evenly)
		}
	}
}

// reserve is how many calls those of a class leave free: soft where they take no more of them than evenly over the
// period, and hard in any case, for the lists of the period.
func (b *bound) reserve(class Class) (soft, hard int) {
	return b.reserveOf(max(b.limit-b.sum.others, 1), class)
}

// reserveOf is the reserve of so many calls as are left to the operator.
func (b *bound) reserveOf(limit int, class Class) (soft, hard int) {
	lists := b.listReserve(limit)
	urgent := max(int(urgentShare*float64(limit)), min(limit-1, lists+1))
	switch class {
	case listing:
		return 0, 0
	case Finishing:
		return lists, lists
	case Routine:
		return max(int(routineShare*float64(limit)), urgent), urgent
	default:
		return urgent, lists
	}
}

// listReserve is how many lists are still to come before those in the window make room for others: as many as there
// are in a period less those that it has already, and one at least, but never more than half of the limit.
func (b *bound) listReserve(limit int) int {
	missing := 1
	if b.listEvery > 0 {
		missing = max(int(b.period/b.listEvery)-b.sum.lists, 1)
	}
	return min(missing, max(limit/2, 1), limit-1)
}

// spend counts a call that begins now, also against the pace of its class where it takes a slot of those that the class
// leaves to others. Finishing calls have no such pace: they count against that of the urgent ones, which began what
// they finish.
func (b *bound) spend(class Class, now time.Time) {
	paced := class
	if class == Finishing {
		paced = Urgent
	}
	soft, _ := b.reserve(paced)
	spare := b.spare[paced]
	if spare != nil && b.limit-b.count(now) <= soft && spare.TokensAt(now) > -spareDebt {
		spare.ReserveN(now, 1)
	}
	b.begin()
}

// free is how many calls of a class may begin now, beside those that its reserve allows.
func (b *bound) free(class Class, now time.Time) int {
	if b.limit == 0 {
		return math.MaxInt32
	}
	soft, _ := b.reserve(class)
	return max(b.limit-b.count(now)-soft, 0)
}

// left is how many calls may begin now before the limit is reached; 0 without a limit.
func (b *bound) left(now time.Time) int { return max(b.limit-b.count(now), 0) }

// wait is how long it takes until the window has room for the nth call of a class from now on.
func (b *bound) wait(class Class, nth int, now time.Time) time.Duration {
	if b.limit == 0 {
		return 0
	}
	soft, hard := b.reserve(class)
	free := b.limit - b.count(now)
	if free >= soft+nth {
		return 0
	}
	// As many calls as are in the window leave it within a period. Each further limit takes another one: a call that
	// begins when one leaves the window leaves it itself a period later.
	missing, periods := nth+soft-free, 0
	for count := b.limit - free; missing > count; periods++ {
		missing -= b.limit
	}
	wait := time.Duration(periods) * b.period
	if missing > 0 {
		wait += b.leftBy(missing, now).Sub(now)
	}
	if spare := b.spare[class]; spare != nil && free >= hard+nth {
		evenly := (float64(nth) - spare.TokensAt(now)) / float64(spare.Limit())
		wait = min(wait, max(time.Duration(math.Ceil(evenly*float64(time.Second))), 0))
	}
	return wait
}

package platform

import (
	"cmp"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/utils/clock"
)

// Pace is the rate limit of one account, which all connections to it share: what they spend together, and the pauses
// that the API asks for. It is safe for concurrent use.
type Pace struct{ gate *gate }

// NewPace returns the pace of an account that has no members yet. Its calls, lists excepted, hold the slots that are
// given, which all accounts share; nil has no bound.
func NewPace(c clock.PassiveClock, slots *Slots) *Pace { return &Pace{gate: newGate(c, slots)} }

// Share is what one connection may spend of its account's pace.
type Share struct {
	gate   *gate
	member string
}

// Join returns a connection's share. Its own limits bound its calls; the account's are the largest of its members'. A
// member that joins again, also after it has left, changes its limits, and what was spent stays spent.
func (p *Pace) Join(member string, l Limits) *Share {
	g := p.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	m := g.members[member]
	if m == nil {
		m = &pool{budget: newBudget()}
		g.members[member] = m
	}
	m.left, m.asked = false, l
	g.refresh()
	return &Share{gate: g, member: member}
}

// Leave ends a connection's membership. What it and the account have spent stays spent.
func (p *Pace) Leave(member string) {
	g := p.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if m := g.members[member]; m != nil {
		m.left = true
	}
	g.widen(g.clock.Now())
}

// retryShare is which part of the account's limits may go into retries of what the platform refused.
const retryShare = 0.05

// RetryIn takes a slot among the account's retries of what the platform refused, which together take a twentieth of
// its rate limit at most. It returns 0, or when to ask again.
func (p *Pace) RetryIn() time.Duration {
	g := p.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	now, perSecond := g.clock.Now(), rate.Inf
	if n := g.account.limits.PerMinute; n > 0 {
		perSecond = rate.Limit(retryShare * float64(n) / 60)
	}
	if n := g.account.limits.PerHour; n > 0 {
		perSecond = min(perSecond, rate.Limit(retryShare*float64(n)/3600))
	}
	if g.retries == nil {
		g.retries = rate.NewLimiter(perSecond, 1)
	}
	if g.retries.Limit() != perSecond {
		g.retries.SetLimitAt(now, perSecond)
	}
	reservation := g.retries.ReserveN(now, 1)
	wait := reservation.DelayFrom(now)
	if wait > 0 {
		reservation.CancelAt(now)
	}
	return wait
}

// widen makes the account's limits the largest of its members'. No bound is the largest. Members that have left count
// no more; they are forgotten when what they spent is too long ago to matter. The last one leaves the limits behind.
func (g *gate) widen(now time.Time) {
	var largest Limits
	first := true
	for name, m := range g.members {
		if m.left {
			if m.rested(now) {
				delete(g.members, name)
			}
			continue
		}
		if first {
			largest, first = m.limits, false
			continue
		}
		largest.PerMinute = wider(largest.PerMinute, m.limits.PerMinute)
		largest.PerHour = wider(largest.PerHour, m.limits.PerHour)
		largest.InFlight = wider(largest.InFlight, m.limits.InFlight)
		largest.ListEvery = min(cmp.Or(largest.ListEvery, m.limits.ListEvery), cmp.Or(m.limits.ListEvery, largest.ListEvery))
	}
	if first {
		return
	}
	g.inFlight.most = largest.InFlight
	g.change(&g.account, largest)
}

// wider is the larger of two bounds, of which 0 is none.
func wider(a, b int) int {
	if a == 0 || b == 0 {
		return 0
	}
	return max(a, b)
}

// budget is what may be spent of some limits, and what was.
type budget struct {
	limits       Limits
	minute, hour bound
	// admitted is how many calls were let through.
	admitted int
}

func newBudget() budget {
	return budget{
		minute: bound{window: window{period: time.Minute}},
		hour:   bound{window: window{period: time.Hour}},
	}
}

// set changes the limits and keeps what was spent.
func (b *budget) set(l Limits, now time.Time) {
	b.limits = l
	b.minute.set(l.PerMinute, l.ListEvery, now)
	b.hour.set(l.PerHour, l.ListEvery, now)
}

// spend counts a call that is let through, and end that it is over.
func (b *budget) spend(class Class, now time.Time) {
	b.minute.spend(class, now)
	b.hour.spend(class, now)
	b.admitted++
}

func (b *budget) end(class Class, now time.Time) {
	b.minute.end(class, now)
	b.hour.end(class, now)
}

// rested reports whether nothing was spent lately.
func (b *budget) rested(now time.Time) bool { return b.hour.count(now) == 0 }

// bounds are the limits that there are.
func (b *budget) bounds() (all []*bound) {
	for _, bound := range []*bound{&b.minute, &b.hour} {
		if bound.limit > 0 {
			all = append(all, bound)
		}
	}
	return all
}

// waitFor is how long it takes until every limit has room for the nth call of a class from now on.
func (b *budget) waitFor(class Class, nth int, now time.Time) (longest time.Duration) {
	for _, bound := range b.bounds() {
		longest = max(longest, bound.wait(class, nth, now))
	}
	return longest
}

package platform

import (
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
	now := g.clock.Now()
	m := g.members[member]
	if m == nil {
		m = &pool{}
		g.members[member] = m
	}
	m.left = false
	m.set(l, now)
	g.widen(now)
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
	if g.retries == nil || g.retries.Limit() != perSecond {
		g.retries = rate.NewLimiter(perSecond, 1)
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
	}
	if first {
		return
	}
	g.inFlight.most = largest.InFlight
	g.account.set(largest, now)
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
	minute, hour *rate.Limiter
	// ofMinute and ofHour are the calls of the last minute and hour, also those that no limit bounded.
	ofMinute, ofHour calls
}

// set changes the limits and keeps what was spent.
func (b *budget) set(l Limits, now time.Time) {
	if b.limits == l {
		return
	}
	b.minute = bucket(l.PerMinute, time.Minute, &b.ofMinute, now)
	b.hour = bucket(l.PerHour, time.Hour, &b.ofHour, now)
	b.limits = l
}

// spend counts a call that is let through.
func (b *budget) spend(now time.Time) {
	for _, limiter := range b.buckets() {
		limiter.AllowN(now, 1)
	}
	b.ofMinute.add(time.Minute, now)
	b.ofHour.add(time.Hour, now)
}

// rested reports whether nothing was spent lately.
func (b *budget) rested(now time.Time) bool {
	b.ofHour.forget(time.Hour, now)
	return b.ofHour.counts == [slots]int{}
}

// bucket holds a quarter of a limit and fills with the other three in a period, so that no window of a period sees more
// than the limit. What was spent in the last period is taken from it, as if it had been the bucket all the time.
func bucket(limit int, period time.Duration, spent *calls, now time.Time) *rate.Limiter {
	if limit <= 0 {
		return nil
	}
	burst, refill := split(limit)
	b := rate.NewLimiter(rate.Limit(float64(refill)/period.Seconds()), burst)
	spent.forget(period, now)
	for slot := spent.newest - slots + 1; slot <= spent.newest; slot++ {
		n := *spent.at(slot)
		if n == 0 {
			continue
		}
		end := time.Unix(0, (slot+1)*int64(period/slots))
		if end.After(now) {
			end = now
		}
		b.AllowN(end, min(n, int(b.TokensAt(end))))
	}
	return b
}

// slots is into how many parts a period is divided to count the calls in it. All of a slot count as made at its end.
const slots = 60

// calls counts the calls of the last period, by slots of it. A slot is numbered by the time since the epoch.
type calls struct {
	counts [slots]int
	newest int64
}

func (c *calls) add(period time.Duration, now time.Time) {
	c.forget(period, now)
	*c.at(c.newest)++
}

func (c *calls) at(slot int64) *int { return &c.counts[(slot%slots+slots)%slots] }

// forget drops the slots that are over.
func (c *calls) forget(period time.Duration, now time.Time) {
	newest := now.UnixNano() / int64(period/slots)
	for slot := max(c.newest, newest-slots) + 1; slot <= newest; slot++ {
		*c.at(slot) = 0
	}
	c.newest = max(c.newest, newest)
}

func (b *budget) buckets() (all []*rate.Limiter) {
	for _, limiter := range []*rate.Limiter{b.minute, b.hour} {
		if limiter != nil {
			all = append(all, limiter)
		}
	}
	return all
}

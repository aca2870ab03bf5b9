package platform

import (
	"math"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/utils/clock"
)

// Pace is the rate limit of one account, which all connections to it share: what they spend together, and the pauses
// that the API asks for. It is safe for concurrent use.
type Pace struct{ gate *gate }

// NewPace returns the pace of an account that has no members yet.
func NewPace(c clock.PassiveClock) *Pace { return &Pace{gate: newGate(c)} }

// Share is what one connection may spend of its account's pace.
type Share struct {
	gate   *gate
	member string
}

// Join returns a connection's share. Its own limits bound its calls; the account's are the largest of its members'. A
// member that joins again changes its limits, and what was spent stays spent.
func (p *Pace) Join(member string, l Limits) *Share {
	g := p.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.members[member] == nil {
		g.members[member] = &pool{}
	}
	g.members[member].set(l, g.clock.Now())
	g.widen()
	return &Share{gate: g, member: member}
}

// Leave ends a connection's membership. What the account has spent stays spent.
func (p *Pace) Leave(member string) {
	g := p.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if delete(g.members, member); len(g.members) > 0 {
		g.widen()
	}
}

// retryShare is which part of the account's limits may go into retries of what the platform refused.
const retryShare = 0.05

// RetryIn takes a place among the account's retries of what the platform refused, which together take a twentieth of
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

// widen makes the account's limits the largest of its members'. No bound is the largest.
func (g *gate) widen() {
	var largest Limits
	first := true
	for _, m := range g.members {
		if first {
			largest, first = m.limits, false
			continue
		}
		largest.PerMinute = wider(largest.PerMinute, m.limits.PerMinute)
		largest.PerHour = wider(largest.PerHour, m.limits.PerHour)
		largest.InFlight = wider(largest.InFlight, m.limits.InFlight)
	}
	g.inFlight = largest.InFlight
	g.account.set(largest, g.clock.Now())
}

// wider is the larger of two bounds, of which 0 is none.
func wider(a, b int) int {
	if a == 0 || b == 0 {
		return 0
	}
	return max(a, b)
}

// budget is what may be spent of some limits.
type budget struct {
	limits       Limits
	minute, hour *rate.Limiter
}

// set changes the limits and keeps what was spent.
func (b *budget) set(l Limits, now time.Time) {
	if b.limits == l {
		return
	}
	b.minute = bucket(b.minute, l.PerMinute, time.Minute, now)
	b.hour = bucket(b.hour, l.PerHour, time.Hour, now)
	b.limits = l
}

// bucket holds a quarter of a limit and fills with the other three in a period, so that no window of a period sees more
// than the limit. What was taken from the bucket before is taken from the new one too.
func bucket(before *rate.Limiter, limit int, period time.Duration, now time.Time) *rate.Limiter {
	if limit <= 0 {
		return nil
	}
	burst, refill := split(limit)
	b := rate.NewLimiter(rate.Limit(float64(refill)/period.Seconds()), burst)
	if before != nil {
		spent := math.Ceil(float64(before.Burst()) - before.TokensAt(now))
		b.AllowN(now, min(int(spent), burst))
	}
	return b
}

func (b *budget) buckets() (all []*rate.Limiter) {
	for _, limiter := range []*rate.Limiter{b.minute, b.hour} {
		if limiter != nil {
			all = append(all, limiter)
		}
	}
	return all
}

package platform

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
)

// AssumedPerMinute is how many calls a minute the platform is taken to allow until its answers show more: the limit of
// its smallest subscriptions (developer.bentley.com/apis/overview/rate-limits).
const AssumedPerMinute = 500

// Limits bound the calls of one connection.
type Limits struct {
	// PerMinute calls; 0 means no bound. No window of a minute sees more.
	PerMinute int
	// Assumed is true when PerMinute is an assumption: what the platform grants beyond it is used.
	Assumed bool
	// PerHour calls; 0 means no bound but that of the subscription, where an answer names it. No window of an hour sees
	// more.
	PerHour int
	// ListEvery is how often the connection lists, so that its lists find room; 0 when that is not known.
	ListEvery time.Duration
	// InFlight calls at the same time, beside a list; 0 means no bound. It keeps one slow platform from holding every
	// worker.
	InFlight int
}

// HalfPace is the shortest interval of calls that leave half of what the limits allow to others; 0 without limits.
func (l Limits) HalfPace() (pace time.Duration) {
	for _, b := range []struct {
		limit  int
		period time.Duration
	}{{l.PerMinute, time.Minute}, {l.PerHour, time.Hour}} {
		if b.limit > 0 {
			pace = max(pace, 2*b.period/time.Duration(b.limit))
		}
	}
	return pace
}

// Source is where a limit in force comes from.
type Source string

const (
	// FromAssumption: what the smallest subscriptions have, as long as no answer shows more.
	FromAssumption Source = "Assumed"
	// FromSpec: the connection's own rateLimit.
	FromSpec Source = "Spec"
	// FromPlatform: what the platform's answers have shown.
	FromPlatform Source = "Platform"
)

// InForce is what bounds the calls of one connection, and what is left of it. A limit of 0 is none.
type InForce struct {
	PerMinute, PerHour int
	// MinuteFrom and HourFrom say where the limits come from.
	MinuteFrom, HourFrom Source
	// MinuteLeft and HourLeft are how many calls may begin now before a limit is reached, the connection's own or its
	// account's; math.MaxInt without any.
	MinuteLeft, HourLeft int
	// Tier is the name of the subscription, where an answer had it.
	Tier string
}

// InForce returns the limits of a member; the zero InForce if it is none. Those of the account are shared with its
// other members.
func (p *Pace) InForce(member string) InForce {
	g := p.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock.Now()
	m := g.members[member]
	if m == nil {
		return InForce{}
	}
	force := InForce{
		PerMinute: m.limits.PerMinute, MinuteFrom: m.limits.minuteFrom(m.asked), MinuteLeft: math.MaxInt,
		PerHour: m.limits.PerHour, HourFrom: m.limits.hourFrom(m.asked), HourLeft: math.MaxInt, Tier: g.granted.tier,
	}
	for _, p := range g.pools(member) {
		for _, b := range p.bounds() {
			if b.period == time.Hour {
				force.HourLeft = min(force.HourLeft, b.left(now))
			} else {
				force.MinuteLeft = min(force.MinuteLeft, b.left(now))
			}
		}
	}
	return force
}

func (l Limits) minuteFrom(asked Limits) Source {
	switch {
	case l.PerMinute != asked.PerMinute:
		return FromPlatform
	case asked.Assumed:
		return FromAssumption
	}
	return FromSpec
}

func (l Limits) hourFrom(asked Limits) Source {
	if l.PerHour != asked.PerHour {
		return FromPlatform
	}
	return FromSpec
}

// effective are the limits that a member asks for with what the platform has shown of its own: more where the limit is
// only assumed, and less where it grants less.
func (g *gate) effective(l Limits) Limits {
	if l.Assumed {
		l.PerMinute = max(l.PerMinute, g.granted.most)
	}
	if ceiling := g.granted.ceiling(); ceiling > 0 && l.PerMinute > 0 {
		l.PerMinute = min(l.PerMinute, ceiling)
	}
	if l.PerHour == 0 {
		l.PerHour = g.granted.perHour()
	}
	return l
}

// learn takes over what the answer to a call says of the rate limit, and returns the name of the subscription. When the
// call began, endedBefore calls had ended.
func (g *gate) learn(t rateHeaders, endedBefore int) (tier string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock.Now()
	window := &g.account.minute.window
	window.forget(now)
	// The platform has counted what ended before the call began, and the call; what overlaps with it, perhaps.
	overlapping := min(g.ended-endedBefore, window.sum.own)
	certain, uncertain := window.sum.own-overlapping+1, overlapping+max(window.underWay-1, 0)
	before := g.shown()
	g.granted.learn(t, certain, certain+uncertain, now)
	if limit := g.account.limits.PerMinute; limit > 0 && t.remaining >= 0 && !t.exceeded {
		others := limit - max(t.remaining+certain, g.granted.least(now))
		if others > max(uncertain, window.sum.others) {
			window.add(calls{others: others - window.sum.others}, now)
		}
	}
	if g.shown() != before {
		g.refresh()
	}
	return g.granted.tier
}

// shown is what of the platform's limits bounds calls.
func (g *gate) shown() [3]int {
	return [...]int{g.granted.most, g.granted.ceiling(), g.granted.perHour()}
}

// endedSoFar is how many calls have ended.
func (g *gate) endedSoFar() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.ended
}

// refresh puts the limits in force that the members ask for and the platform has shown.
func (g *gate) refresh() {
	for _, m := range g.members {
		g.change(m, g.effective(m.asked))
	}
	g.widen(g.clock.Now())
}

// change puts limits of a pool in force. If one grew, those that wait in the pool may come at once: the times that they
// were told are of the smaller one.
func (g *gate) change(p *pool, l Limits) {
	if p.limits == l {
		return
	}
	before := p.limits
	p.set(l, g.clock.Now())
	if !grew(before.PerMinute, l.PerMinute) && !grew(before.PerHour, l.PerHour) {
		return
	}
	for class := range p.queues {
		g.released = slices.AppendSeq(g.released, maps.Keys(p.queues[class].kept))
		p.queues[class] = queue{}
	}
}

// grew reports whether a limit, of which 0 is none, became larger.
func grew(from, to int) bool { return from != 0 && (to == 0 || to > from) }

// Released returns the callers that were told to wait for longer than they have to since, each once.
func (p *Pace) Released() (callers []string) {
	g := p.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	callers, g.released = g.released, nil
	slices.Sort(callers)
	return slices.Compact(callers)
}

// Limit is one limit that a call waits for.
type Limit struct {
	// Calls in any Period.
	Calls  int
	Period time.Duration
	// From says where it comes from.
	From Source
}

// String says what the limit is, and where it comes from, in words that stay the same.
func (l Limit) String() string {
	period := "a minute"
	if l.Period == time.Hour {
		period = "an hour"
	}
	from := map[Source]string{
		FromSpec: "spec.rateLimit of the connection", FromPlatform: "as the platform's answers show",
		FromAssumption: "assumed until the platform's answers show more",
	}
	return fmt.Sprintf("%d requests %s (%s)", l.Calls, period, from[l.From])
}

// scarce is the limit of a pool that a member's caller of a class waits for longest, or that has the fewest slots left
// for those before the caller.
func (g *gate) scarce(member string, p *pool, class Class, now time.Time) Limit {
	b := slices.MaxFunc(p.bounds(), func(a, b *bound) int {
		return cmp.Or(cmp.Compare(a.wait(class, 1, now), b.wait(class, 1, now)),
			cmp.Compare(b.free(class, now), a.free(class, now)))
	})
	return Limit{Calls: b.limit, Period: b.period, From: g.sourceOf(member, b)}
}

// sourceOf is where a limit comes from that a member's caller waits for: the member's own, or that of the first by name
// of those that have the same.
func (g *gate) sourceOf(member string, b *bound) Source {
	for _, name := range append([]string{member}, slices.Sorted(maps.Keys(g.members))...) {
		m := g.members[name]
		if m == nil || m.left && name != member {
			continue
		}
		limit, source := m.limits.PerMinute, m.limits.minuteFrom(m.asked)
		if b.period == time.Hour {
			limit, source = m.limits.PerHour, m.limits.hourFrom(m.asked)
		}
		if limit == b.limit {
			return source
		}
	}
	return FromSpec
}

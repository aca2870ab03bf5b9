package platform

import (
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/utils/clock"
)

// Class is how urgent a call is.
type Class int

const (
	// Urgent calls carry out what a person asked for.
	Urgent Class = iota
	// Finishing calls complete what was begun, such as a create whose activation is left.
	Finishing
	// Routine calls are what the operator does of its own accord.
	Routine
	// listing calls are the lists. There is one at a time, which serves all webhooks: it waits behind none of them.
	listing
)

// Priority is that of a call among the others of its account. The zero Priority is urgent, and of no caller.
type Priority struct {
	Class Class
	// Caller identifies the caller. One that asks again keeps its place in the queue; "" keeps none.
	Caller string
	// Edit tells apart what the caller has asked for, such as by the generation of an object. A caller with another one
	// than before may be served sooner than it was told then.
	Edit int64
	// Group of callers, such as a namespace. Groups that wait in one class take turns, and so do those of a group that
	// come at different times.
	Group string
	// unfinished is true of a create, which an update has to finish.
	unfinished bool
}

// gate says when a call of an account may be sent. Asking never blocks: the answer is "now" or "in d".
type gate struct {
	clock clock.PassiveClock

	mu sync.Mutex
	// account is what all members together may spend, and members what each may.
	account pool
	members map[string]*pool
	// retries is what retries of refused requests may spend.
	retries *rate.Limiter

	closedUntil time.Time
	inFlight    inFlight

	// granted is what the platform has shown of its limits, and ended counts the calls that are over.
	granted granted
	ended   int
	// released are the callers that need not wait as long as they were told.
	released []string

	// entries is how many entries of the account's list are kept.
	entries int
	// largeListGood is true when the account's last large list was quick and good. The lock of largeLists guards it.
	largeListGood bool
}

// pool is a budget and the calls that wait for it: the account's, or those that only a member's own limits hold back.
type pool struct {
	budget
	// asked are the limits that the member asks for.
	asked Limits
	// expected is how many Webhooks use the member's connection.
	expected int
	// left is true of a member that has left.
	left   bool
	queues [listing + 1]queue
	// served counts the calls of each class that were let through; the longer ago, the less they count.
	served [listing + 1]float64
	// unfinished are the creates that were let through and not finished, by caller, and when that was.
	unfinished map[string]time.Time
}

const (
	// servedDecay is how much less a call counts after each further one.
	servedDecay = 0.99
	// smallestShare of all slots is what a class is taken to have, however few it had.
	smallestShare = 0.25
	// comesWithin is how long after its time a caller that waits is expected at the latest.
	comesWithin = 10 * time.Second
	// shortestSpacing lies between two callers that wait for the same moment, and spreadPart is the part of a period over
	// which all of them are spread at most.
	shortestSpacing = 2 * time.Millisecond
	spreadPart      = 60
)

func newGate(c clock.PassiveClock, slots *Slots) *gate {
	return &gate{
		clock: c, account: pool{budget: newBudget()}, members: map[string]*pool{},
		inFlight: inFlight{slots: slots, origin: c.Now()},
	}
}

// enter takes a slot for a member's call. It returns leave, to be called when the call is over, or how long to wait.
func (g *gate) enter(member string, t Priority) (leave func(), refused *ThrottledError) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock.Now()
	if refused := g.refuse(member, t, now); refused != nil {
		return nil, refused
	}
	if refused := g.inFlight.refuse(t, now); refused != nil {
		return nil, refused
	}
	ended, ok := g.inFlight.enter(t, now)
	if !ok {
		return nil, g.inFlight.wait(t, now)
	}
	pools := g.pools(member)
	for _, p := range pools {
		p.take(t, now)
	}
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		now := g.clock.Now()
		g.ended++
		for _, p := range pools {
			p.end(t.Class, now)
		}
		ended(now)
	}, nil
}

// take counts a call that is let through.
func (p *pool) take(t Priority, now time.Time) {
	p.spend(t.Class, now)
	for class := range p.queues {
		p.queues[class].served(t.Caller)
		p.served[class] *= servedDecay
	}
	p.served[t.Class]++
	delete(p.unfinished, t.Caller)
	if t.unfinished && t.Caller != "" {
		maps.DeleteFunc(p.unfinished, func(_ string, since time.Time) bool { return now.Sub(since) > comesWithin })
		if p.unfinished == nil {
			p.unfinished = map[string]time.Time{}
		}
		p.unfinished[t.Caller] = now
	}
}

// ask reports whether enter would let a caller through now; if not, the caller has its place in the queue.
func (g *gate) ask(member string, t Priority) *ThrottledError {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock.Now()
	if refused := g.refuse(member, t, now); refused != nil {
		return refused
	}
	return g.inFlight.refuse(t, now)
}

// refuse returns how long the rate limits, or a pause, make a caller wait; nil when they do not.
func (g *gate) refuse(member string, t Priority, now time.Time) *ThrottledError {
	if now.Before(g.closedUntil) {
		return &ThrottledError{After: g.account.wait(t, now, g.closedUntil), Closed: true, Tier: g.granted.tier}
	}
	var scarcest *pool
	var longest time.Duration
	for _, p := range g.pools(member) {
		wait := p.waitFor(t.Class, 1+p.ahead(t, now), now)
		if wait > longest || scarcest == nil && !p.idle(now) && p.queues[t.Class].early(t, now, p.servedTo(t.Class, now)) {
			scarcest, longest = p, wait
		}
	}
	if scarcest == nil {
		return nil
	}
	return &ThrottledError{
		After: scarcest.wait(t, now, now), Own: scarcest != &g.account, Limit: g.scarce(member, scarcest, t.Class, now),
	}
}

// wait is when a caller should ask again: when its place becomes free or, if others before it make that late, after one
// to two long waits, spread as the slots are. There is one list at a time, which stands behind nothing.
func (p *pool) wait(t Priority, now, earliest time.Time) time.Duration {
	ahead := p.ahead(t, now)
	at := func(position float64) time.Time {
		nth := max(int(math.Ceil(position))-p.admitted, 1)
		at := now.Add(p.waitFor(t.Class, nth+ahead, now))
		if at.Before(earliest) {
			at = earliest
		}
		return at.Add(p.spread(nth))
	}
	first := at(float64(p.admitted + 1))
	if t.Class == listing {
		return first.Sub(now)
	}
	told := p.queues[t.Class].place(t, line{
		now: now, next: float64(p.admitted + 1), distance: 1, share: p.share(t.Class), at: at,
	})
	return first.Sub(now) + look(told.Sub(first), longWait)
}

// ahead is how many calls go before a caller's that begins something, and come within a moment: those that finish
// something, or will, and those of its class that were refused again, unless it was, too.
func (p *pool) ahead(t Priority, now time.Time) (calls int) {
	if t.Class != Urgent && t.Class != Routine {
		return 0
	}
	finishing := p.queues[Finishing].kept
	for _, told := range finishing {
		if now.Sub(told.at) < comesWithin {
			calls++
		}
	}
	for caller, since := range p.unfinished {
		if _, waits := finishing[caller]; !waits && now.Sub(since) < comesWithin {
			calls++
		}
	}
	return calls + p.queues[t.Class].comeSoon(t.Caller, now)
}

// servedTo is the last position of the queue that the pool has room for now.
func (p *pool) servedTo(class Class, now time.Time) float64 {
	free := math.MaxInt32
	for _, b := range p.bounds() {
		free = min(free, b.free(class, now))
	}
	return float64(p.admitted + free)
}

// spread is how much later the nth of those that wait comes than there is room for it, so that not all come at once.
func (p *pool) spread(nth int) time.Duration {
	spread := time.Duration(nth-1) * shortestSpacing
	for _, b := range p.bounds() {
		spread = min(spread, time.Duration((nth-1)%b.limit)*shortestSpacing, b.period/spreadPart)
	}
	return spread
}

// pools are those that a member's call takes a slot in, the account's first: where both are as scarce, all callers of
// the account wait in one queue.
func (g *gate) pools(member string) []*pool {
	if own := g.members[member]; own != nil {
		return []*pool{&g.account, own}
	}
	return []*pool{&g.account}
}

// idle reports whether so few call that those in the queue before a caller must have gone.
func (p *pool) idle(now time.Time) bool {
	return !slices.ContainsFunc(p.bounds(), func(b *bound) bool { return 2*b.count(now) > b.limit })
}

// share is which part of the slots beside the lists' a class has had lately.
func (p *pool) share(class Class) float64 {
	all := 0.0
	for _, served := range p.served[:listing] {
		all += served
	}
	if p.served[class] == 0 {
		return 1
	}
	return max(p.served[class]/all, smallestShare)
}

// close lets nothing through for d, as the platform asked.
func (g *gate) close(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if until := g.clock.Now().Add(d); until.After(g.closedUntil) {
		g.closedUntil = until
	}
}

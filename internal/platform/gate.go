package platform

import (
	"math"
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
	// Group of callers, such as a namespace. Groups that wait in one class take turns.
	Group string
}

// Limits bound the calls of one connection.
type Limits struct {
	// PerMinute calls; 0 means no bound. No window of a minute sees more.
	PerMinute int
	// PerHour calls; 0 means no bound. No window of an hour sees more.
	PerHour int
	// InFlight calls at the same time, beside a list; 0 means no bound. It keeps one slow platform from holding every
	// worker.
	InFlight int
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

	// entries is how many entries of the account's list are kept.
	entries int
	// largeListGood is true when the account's last large list was quick and good. The lock of largeLists guards it.
	largeListGood bool
}

// pool is a budget and the calls that wait for it: the account's, or those that only a member's own limits hold back.
type pool struct {
	budget
	// expected is how many Webhooks use the member's connection.
	expected int
	// left is true of a member that has left.
	left   bool
	queues [listing + 1]queue
	// served counts the calls of each class that were let through; the longer ago, the less they count.
	served [listing + 1]float64
}

const (
	// routineShare and urgentShare of a bucket are what routine and urgent calls must leave untouched.
	routineShare = 0.2
	urgentShare  = 0.1
	// servedDecay is how much less a call counts after each further one.
	servedDecay = 0.99
	// smallestShare of all slots is what a class is taken to have, however few it had.
	smallestShare = 0.25
	// shortestSpacing lies between two callers that wait.
	shortestSpacing = 2 * time.Millisecond
)

func newGate(c clock.PassiveClock, slots *Slots) *gate {
	return &gate{clock: c, members: map[string]*pool{}, inFlight: inFlight{slots: slots}}
}

// split divides a limit into what a bucket holds and what it is filled with in a period.
func split(limit int) (burst, refill int) {
	burst = max(limit/4, 1)
	return burst, max(limit-burst, 1)
}

// HalfPace is the shortest interval of calls that leave half of what the limits allow to others; 0 without limits.
func (l Limits) HalfPace() (pace time.Duration) {
	for _, b := range []struct {
		limit  int
		period time.Duration
	}{{l.PerMinute, time.Minute}, {l.PerHour, time.Hour}} {
		if b.limit > 0 {
			_, refill := split(b.limit)
			pace = max(pace, 2*b.period/time.Duration(refill))
		}
	}
	return pace
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
	for _, p := range g.pools(member) {
		p.take(t, now)
	}
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		ended(g.clock.Now())
	}, nil
}

// take counts a call that is let through.
func (p *pool) take(t Priority, now time.Time) {
	p.spend(now)
	for class := range p.queues {
		delete(p.queues[class].kept, t.Caller)
		p.served[class] *= servedDecay
	}
	p.served[t.Class]++
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
		return &ThrottledError{After: g.account.wait(t, now, g.closedUntil), Closed: true}
	}
	var scarcest *pool
	var longest time.Duration
	for _, p := range g.pools(member) {
		deficit := p.deficit(now, t.Class)
		if deficit > longest || scarcest == nil && p.queues[t.Class].early(t, now) && !p.idle(now) {
			scarcest, longest = p, deficit
		}
	}
	if scarcest != nil {
		return &ThrottledError{After: scarcest.wait(t, now, now.Add(longest)), Own: scarcest != &g.account}
	}
	return nil
}

// wait is when a caller should ask again: when its place becomes free or, if others before it make that late, after one
// to two long waits, spread as the slots are. There is one list at a time, which stands behind nothing.
func (p *pool) wait(t Priority, now, earliest time.Time) time.Duration {
	if t.Class == listing {
		return earliest.Sub(now)
	}
	behind := p.queues[t.Class].place(t, now, earliest, p.spacing(), p.share(t.Class)).Sub(earliest)
	return earliest.Sub(now) + look(behind, longWait)
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
	for _, b := range p.buckets() {
		if b.TokensAt(now) < float64(b.Burst())/2 {
			return false
		}
	}
	return true
}

// deficit is how long it takes until every bucket holds a call for this class.
func (p *pool) deficit(now time.Time, class Class) time.Duration {
	var longest time.Duration
	for _, b := range p.buckets() {
		missing := 1 + reserve(class, b.Burst()) - b.TokensAt(now)
		// A sliver below a whole call is float noise, not a wait.
		if missing > 1e-9 {
			longest = max(longest, time.Duration(math.Ceil(missing/float64(b.Limit())*float64(time.Second))))
		}
	}
	return longest
}

// reserve is what calls of a class must leave of a bucket: a share to those that go before them, the last call to the
// list.
func reserve(class Class, burst int) float64 {
	list := float64(min(burst-1, 1))
	urgent := max(math.Floor(urgentShare*float64(burst)), float64(min(burst-1, 2)))
	switch class {
	case listing:
		return 0
	case Finishing:
		return list
	case Routine:
		return max(math.Floor(routineShare*float64(burst)), urgent)
	default:
		return urgent
	}
}

// spacing is how often a slot becomes free.
func (p *pool) spacing() time.Duration {
	spacing := shortestSpacing
	for _, b := range p.buckets() {
		spacing = max(spacing, time.Duration(float64(time.Second)/float64(b.Limit())))
	}
	return spacing
}

// share is which part of all slots a class has had lately.
func (p *pool) share(class Class) float64 {
	if p.served[class] == 0 {
		return 1
	}
	all := 0.0
	for _, served := range p.served {
		all += served
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

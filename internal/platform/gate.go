package platform

import (
	"maps"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/utils/clock"
)

// Lane is how urgent a call is.
type Lane int

const (
	// Urgent calls carry out what a person asked for.
	Urgent Lane = iota
	// Routine calls leave part of the bucket to the urgent ones.
	Routine
	// picture calls are the lists. There is one at a time, which serves all webhooks: it waits behind none of them.
	picture
)

// Turn is how a call stands among the others of its connection. The zero Turn is urgent, and nobody's.
type Turn struct {
	Lane Lane
	// Caller is who calls. One that asks again keeps its place in the line; "" keeps none.
	Caller string
	// begun is true once a call was let through: what has begun goes on before what has not.
	begun bool
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

// gate says when a call may be sent. Asking never blocks: the answer is "now" or "in d".
type gate struct {
	clock    clock.PassiveClock
	inFlight int
	buckets  []*rate.Limiter

	mu          sync.Mutex
	closedUntil time.Time
	sent        int
	lines       [picture + 1]queue
	crowd       line
}

// line hands out different times to those who must come back, at the pace at which places become free, so that nobody
// returns in a herd.
type line struct{ last time.Time }

func (l *line) place(earliest time.Time, spacing time.Duration) time.Time {
	if next := l.last.Add(spacing); next.After(earliest) {
		earliest = next
	}
	l.last = earliest
	return earliest
}

// queue is the line of one lane. Who comes for the first time stands behind all others; who came in vain at the time
// that it was told, or has begun, stands before them.
type queue struct {
	first, overdue line
	// kept are the times that callers were told; room is for how many there is place before the forgotten are dropped.
	kept map[string]time.Time
	room int
}

// place returns when a caller may come back, not before earliest. One that asks before its time is told the same again:
// whatever woke it, there is one place for it, not two.
func (q *queue) place(t *Turn, now, earliest time.Time, spacing time.Duration) (at time.Time) {
	told, waits := q.kept[t.Caller]
	switch {
	case waits && !told.Before(earliest):
		return told
	case waits || t.begun:
		at = q.overdue.place(earliest, spacing)
	default:
		at = q.first.place(earliest, spacing)
	}
	if t.Caller != "" {
		q.keep(t.Caller, at, now)
	}
	return at
}

const (
	// forgotten is how long after its time a caller that never came is remembered.
	forgotten = 2 * longWait
	minRoom   = 100
)

func (q *queue) keep(caller string, at, now time.Time) {
	if len(q.kept) >= q.room {
		maps.DeleteFunc(q.kept, func(_ string, told time.Time) bool { return now.Sub(told) > forgotten })
		q.room = max(2*len(q.kept), minRoom)
	}
	if q.kept == nil {
		q.kept = map[string]time.Time{}
	}
	q.kept[caller] = at
}

const (
	// routineShare of a bucket is what routine calls must leave untouched.
	routineShare = 0.2
	// crowdPause and crowdSpacing are for calls that found too many others under way.
	crowdPause   = 10 * time.Millisecond
	crowdSpacing = 2 * time.Millisecond
)

func newGate(limits Limits, c clock.PassiveClock) *gate {
	g := &gate{clock: c, inFlight: limits.InFlight}
	if g.inFlight == 0 {
		g.inFlight = math.MaxInt
	}
	g.addBucket(limits.PerMinute, time.Minute)
	g.addBucket(limits.PerHour, time.Hour)
	return g
}

// addBucket holds a quarter of the limit and fills with the other three in a period, so that no window of a period
// sees more than the limit.
func (g *gate) addBucket(limit int, period time.Duration) {
	if limit <= 0 {
		return
	}
	burst := max(limit/4, 1)
	refill := rate.Limit(float64(max(limit-burst, 1)) / period.Seconds())
	g.buckets = append(g.buckets, rate.NewLimiter(refill, burst))
}

// enter takes a place. It returns leave, to be called when the call is over, or how long to wait.
func (g *gate) enter(t *Turn) (leave func(), refused *ThrottledError) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock.Now()
	if refused := g.refuse(t, now); refused != nil {
		return nil, refused
	}
	for _, b := range g.buckets {
		b.AllowN(now, 1)
	}
	for i := range g.lines {
		delete(g.lines[i].kept, t.Caller)
	}
	t.begun = true
	g.sent++
	return g.leave, nil
}

// ask tells whether enter would let a caller through now; if not, the caller has its place in the line.
func (g *gate) ask(t *Turn) *ThrottledError {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.refuse(t, g.clock.Now())
}

func (g *gate) refuse(t *Turn, now time.Time) *ThrottledError {
	if now.Before(g.closedUntil) {
		return &ThrottledError{After: g.wait(t, now, g.closedUntil), Closed: true}
	}
	if deficit := g.deficit(now, t.Lane); deficit > 0 {
		return &ThrottledError{After: g.wait(t, now, now.Add(deficit))}
	}
	if g.sent >= g.inFlight && t.Lane != picture {
		at := g.crowd.place(now.Add(crowdPause), crowdSpacing)
		return &ThrottledError{After: at.Sub(now)}
	}
	return nil
}

// longWait is for how long a caller waits in a line before it looks whether those before it have gone.
const longWait = time.Minute

// wait is when a caller should ask again: when its place becomes free or, if others before it make that late, after one
// to two long waits, spread as the places are.
func (g *gate) wait(t *Turn, now, earliest time.Time) time.Duration {
	behind := g.lines[t.Lane].place(t, now, earliest, g.spacing()).Sub(earliest)
	if behind >= 2*longWait {
		behind = longWait + behind%longWait
	}
	return earliest.Sub(now) + behind
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sent--
}

// deficit is how long it takes until every bucket holds a call for this lane.
func (g *gate) deficit(now time.Time, lane Lane) time.Duration {
	var longest time.Duration
	for _, b := range g.buckets {
		missing := 1 + reserve(lane, b.Burst()) - b.TokensAt(now)
		// A sliver below a whole call is float noise, not a wait.
		if missing > 1e-9 {
			longest = max(longest, time.Duration(math.Ceil(missing/float64(b.Limit())*float64(time.Second))))
		}
	}
	return longest
}

// reserve is what calls of a lane must leave of a bucket: a share to the more urgent ones, the last call to the list.
func reserve(lane Lane, burst int) float64 {
	list := float64(min(burst-1, 1))
	switch lane {
	case picture:
		return 0
	case Routine:
		return max(math.Floor(routineShare*float64(burst)), list)
	default:
		return list
	}
}

// spacing is how often a place becomes free.
func (g *gate) spacing() time.Duration {
	spacing := crowdSpacing
	for _, b := range g.buckets {
		spacing = max(spacing, time.Duration(float64(time.Second)/float64(b.Limit())))
	}
	return spacing
}

// close lets nothing through for d, as the platform asked.
func (g *gate) close(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if until := g.clock.Now().Add(d); until.After(g.closedUntil) {
		g.closedUntil = until
	}
}

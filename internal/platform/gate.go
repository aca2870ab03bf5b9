package platform

import (
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
	lines       [picture + 1]line
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
func (g *gate) enter(lane Lane) (leave func(), refused *ThrottledError) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock.Now()
	if now.Before(g.closedUntil) {
		at := g.lines[lane].place(g.closedUntil, g.spacing())
		return nil, &ThrottledError{After: at.Sub(now), Closed: true}
	}
	if wait := g.deficit(now, lane); wait > 0 {
		at := g.lines[lane].place(now.Add(wait), g.spacing())
		return nil, &ThrottledError{After: at.Sub(now)}
	}
	if g.sent >= g.inFlight && lane != picture {
		at := g.crowd.place(now.Add(crowdPause), crowdSpacing)
		return nil, &ThrottledError{After: at.Sub(now)}
	}
	for _, b := range g.buckets {
		b.AllowN(now, 1)
	}
	g.sent++
	return g.leave, nil
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

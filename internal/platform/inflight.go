package platform

import (
	"math"
	"time"
)

const (
	// inFlightPause is the shortest wait of a call that found too many under way, and inFlightSpacing lies between two
	// such waits.
	inFlightPause   = 10 * time.Millisecond
	inFlightSpacing = 2 * time.Millisecond
	// inFlightLook is for how long a caller waits at least, and half of how long at most, before it looks whether those
	// before it have gone.
	inFlightLook = 5 * time.Second
)

// inFlight are the calls of an account that are under way, lists excepted, and the callers that wait for their end.
// Groups of callers take turns. The account's gate guards it.
type inFlight struct {
	// most is Limits.InFlight, and slots are those of the process.
	most  int
	slots *Slots
	// origin is the time at position 0 of the queues, whose positions are seconds.
	origin time.Time

	// began is when each call under way began, by number.
	began map[uint64]time.Time
	calls uint64
	// tempo and took are those of the last call that ended, and left is when that was.
	tempo Tempo
	took  time.Duration
	left  time.Time

	waiting [listing]queue
}

// enter begins a call. It returns leave, to be called with the time when the call is over; false when the process has
// no slot.
func (f *inFlight) enter(t Priority, now time.Time) (leave func(now time.Time), ok bool) {
	if t.Class == listing {
		return func(time.Time) {}, true
	}
	giveBack, ok := f.slots.Take(f.tempoAt(now), len(f.began), f.most)
	if !ok {
		return nil, false
	}
	for class := range f.waiting {
		f.waiting[class].served(t.Caller)
	}
	f.calls++
	number := f.calls
	if f.began == nil {
		f.began = map[uint64]time.Time{}
	}
	f.began[number] = now
	return func(now time.Time) {
		f.leave(number, now)
		giveBack()
	}, true
}

func (f *inFlight) leave(number uint64, now time.Time) {
	f.took, f.left = now.Sub(f.began[number]), now
	delete(f.began, number)
	before := f.tempo
	if f.tempo = TempoOf(f.took); f.tempo == Quick && before == Slow {
		// Those that wait were told times at which a slow platform would have served them.
		f.waiting = [listing]queue{}
	}
}

// refuse returns how long a caller has to wait; nil when its call may begin.
func (f *inFlight) refuse(t Priority, now time.Time) *ThrottledError {
	if t.Class == listing {
		return nil
	}
	allowed := f.allowed(now)
	if len(f.began) < allowed && (!f.waiting[t.Class].early(t, now, f.position(now)) || f.idle(now, allowed)) {
		return nil
	}
	return f.wait(t, now)
}

// wait gives a caller its place among those that wait.
func (f *inFlight) wait(t Priority, now time.Time) *ThrottledError {
	spacing := f.spacing(now, f.allowed(now))
	earliest := now.Add(max(inFlightPause, spacing))
	f.waiting[t.Class].whole = true
	at := f.waiting[t.Class].place(t, line{
		now: now, next: f.position(earliest), distance: spacing.Seconds(), share: 1,
		at: func(position float64) time.Time { return f.origin.Add(time.Duration(position * float64(time.Second))) },
	})
	return &ThrottledError{After: earliest.Sub(now) + look(at.Sub(earliest), inFlightLook), InFlight: true}
}

// position is a time as a position of the queues.
func (f *inFlight) position(t time.Time) float64 { return t.Sub(f.origin).Seconds() }

// allowed is how many calls may be under way.
func (f *inFlight) allowed(now time.Time) int {
	switch {
	case f.slots != nil:
		return f.slots.Allowed(f.tempoAt(now), f.most)
	case f.most > 0:
		return f.most
	}
	return math.MaxInt
}

// idle reports whether so few calls are under way that the callers before a caller must have gone.
func (f *inFlight) idle(now time.Time, allowed int) bool {
	if allowed > 1 {
		return 2*len(f.began) < allowed
	}
	return len(f.began) == 0 && now.Sub(f.left) > f.spacing(now, allowed)
}

// tempoAt is how quick the account is: as its last call was, unless one that is under way is slow already.
func (f *inFlight) tempoAt(now time.Time) Tempo {
	if TempoOf(f.oldest(now)) == Slow {
		return Slow
	}
	return f.tempo
}

// oldest is how long the oldest call has been under way.
func (f *inFlight) oldest(now time.Time) (longest time.Duration) {
	for _, began := range f.began {
		longest = max(longest, now.Sub(began))
	}
	return longest
}

// spacing is how often callers are told to come back: twice as often as calls may be expected to end.
func (f *inFlight) spacing(now time.Time, allowed int) time.Duration {
	return max(inFlightSpacing, max(f.took, f.oldest(now))/time.Duration(2*min(max(allowed, 1), 1<<16)))
}

// look shortens a long wait to one to two long ones, spread as the waits are: a caller that comes back then finds out
// whether those before it have gone.
func look(wait, long time.Duration) time.Duration {
	if wait >= 2*long {
		return long + wait%long
	}
	return wait
}

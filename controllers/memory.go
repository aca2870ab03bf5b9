package controllers

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
)

// memory is what this process knows of its own attempts to create, beyond what any cache shows yet. Losing it is safe:
// an object without an entry is treated as one whose earlier owner may have died in the middle of a create.
type memory struct {
	clock clock.PassiveClock
	// settle is how long after it was sent a request may still take effect.
	settle time.Duration

	mu sync.Mutex
	// begun is when this process began to reconcile, which may be long after it started.
	begun   time.Time
	entries map[types.NamespacedName]*attempt
}

// attempt is what is known of one object's creates.
type attempt struct {
	uid types.UID
	// id of the webhook that this process created or adopted for the object.
	id string
	// clean is true while no create of this object can have left a webhook behind that is not known.
	clean bool
	// horizon is when the last request of unknown outcome can no longer take effect; zero when there was none.
	horizon time.Time
	// vouched is true while the status is right about the signing secret: this process sent it last, and wrote that down.
	vouched bool
	// setbacks counts the calls about the object that the platform did not answer as documented, since one succeeded;
	// rest is until when no further one is made, unless the spec is no longer of the generation that they were about.
	setbacks   int
	rest       time.Time
	generation int64
	// waiting is since when the object has waited for a place within the rate limit; zero when it does not.
	waiting time.Time
	// request is the value of reconcile-requested-at that was seen last, and since is when.
	request string
	since   time.Time
	// hope is since when a webhook to adopt is looked for, with the spec of the generation hoping; zero when none is.
	hope   time.Time
	hoping int64
}

func newMemory(c clock.PassiveClock, settle time.Duration) *memory {
	return &memory{clock: c, settle: settle, entries: map[types.NamespacedName]*attempt{}}
}

// of returns a copy of what is known of an object.
func (m *memory) of(name types.NamespacedName, uid types.UID) attempt {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.begun.IsZero() {
		m.begun = m.clock.Now()
	}
	if a := m.entries[name]; a != nil && a.uid == uid {
		return *a
	}
	return attempt{uid: uid, horizon: m.clock.Now().Add(m.settle)}
}

// meet returns what is known of an object that comes into the care of this process, and remembers since when: whoever
// cared for it before may have sent a request a moment ago.
func (m *memory) meet(name types.NamespacedName, uid types.UID) (met attempt) {
	m.change(name, uid, func(a *attempt) { met = *a })
	return met
}

// immature is how long to wait until the cache shows what the predecessor of this process wrote last: an API server may
// fill it from a picture of its own, which lags behind. It is 0 when that time is over.
func (m *memory) immature(now time.Time) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return max(m.begun.Add(m.settle).Sub(now), 0)
}

func (m *memory) change(name types.NamespacedName, uid types.UID, change func(*attempt)) {
	a := m.of(name, uid)
	change(&a)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.entries[name] = &a
}

// begin notes that the object's finalizer was added, or its id removed, by this process: nothing can be left behind.
func (m *memory) begin(name types.NamespacedName, uid types.UID) {
	m.change(name, uid, func(a *attempt) { a.id, a.clean, a.horizon, a.hope = "", true, time.Time{}, time.Time{} })
}

// made notes the id of the webhook that belongs to the object.
func (m *memory) made(name types.NamespacedName, uid types.UID, id string) {
	m.change(name, uid, func(a *attempt) { a.id, a.clean = id, false })
}

// doubt notes a write of unknown outcome that ended now.
func (m *memory) doubt(name types.NamespacedName, uid types.UID, now time.Time) {
	m.change(name, uid, func(a *attempt) { a.clean, a.horizon = false, now.Add(m.settle) })
}

// sending notes that the signing secret is about to be sent: from now on the status may be wrong about it.
func (m *memory) sending(name types.NamespacedName, uid types.UID) {
	m.change(name, uid, func(a *attempt) { a.vouched = false })
}

// vouch notes that the status names the signing secret that was sent at a time. A request before it that may still take
// effect would replace the secret once more.
func (m *memory) vouch(name types.NamespacedName, uid types.UID, sent time.Time) {
	m.change(name, uid, func(a *attempt) { a.vouched = !sent.Before(a.horizon) })
}

const (
	// firstRest follows the first setback; each further one doubles it, up to longestRest.
	firstRest   = time.Second
	longestRest = 5 * time.Minute
)

// setback notes a call about the object that the platform did not answer as documented, and returns how long the object
// rests: one that the platform always fails for must not hold up the others of its connection, which wait for a list
// after each such answer.
func (m *memory) setback(name types.NamespacedName, uid types.UID, generation int64, now time.Time) time.Duration {
	var rest time.Duration
	m.change(name, uid, func(a *attempt) {
		if a.generation != generation {
			a.setbacks = 0
		}
		rest = min(firstRest<<min(a.setbacks, 16), longestRest)
		a.setbacks, a.rest, a.generation = a.setbacks+1, now.Add(rest), generation
	})
	return rest
}

// waits returns since when an object that has found no place within the rate limit has waited for one.
func (m *memory) waits(name types.NamespacedName, uid types.UID, now time.Time) (since time.Time) {
	m.change(name, uid, func(a *attempt) {
		if a.waiting.IsZero() {
			a.waiting = now
		}
		since = a.waiting
	})
	return since
}

// recovered notes a call about the object that succeeded.
func (m *memory) recovered(name types.NamespacedName, uid types.UID) {
	if known := m.of(name, uid); known.setbacks > 0 || !known.waiting.IsZero() {
		m.change(name, uid, func(a *attempt) { a.setbacks, a.rest, a.waiting = 0, time.Time{}, time.Time{} })
	}
}

// requested returns when a value of reconcile-requested-at was first seen.
func (m *memory) requested(name types.NamespacedName, uid types.UID, value string, now time.Time) time.Time {
	var since time.Time
	m.change(name, uid, func(a *attempt) {
		if a.request != value {
			a.request, a.since = value, now
		}
		since = a.since
	})
	return since
}

// hoped returns since when a webhook to adopt is looked for.
func (m *memory) hoped(name types.NamespacedName, uid types.UID, generation int64, now time.Time) time.Time {
	var since time.Time
	m.change(name, uid, func(a *attempt) {
		if a.hope.IsZero() || a.hoping != generation {
			a.hope, a.hoping = now, generation
		}
		since = a.hope
	})
	return since
}

// forget drops what is known of an object that is gone, and returns it.
func (m *memory) forget(name types.NamespacedName) (last attempt) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if a := m.entries[name]; a != nil {
		last = *a
	}
	delete(m.entries, name)
	return last
}

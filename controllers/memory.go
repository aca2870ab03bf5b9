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
	// begun is when this process began to reconcile, which may be long after it started: a request of a predecessor was
	// sent before.
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
	// horizon is when the last request of unknown outcome can no longer take effect.
	horizon time.Time
	// request is the value of reconcile-requested-at that was seen last, and since is when.
	request string
	since   time.Time
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
	return attempt{uid: uid, horizon: m.begun.Add(m.settle)}
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
	m.change(name, uid, func(a *attempt) { a.id, a.clean = "", true })
}

// made notes the id of the webhook that belongs to the object.
func (m *memory) made(name types.NamespacedName, uid types.UID, id string) {
	m.change(name, uid, func(a *attempt) { a.id, a.clean = id, false })
}

// doubt notes a create of unknown outcome that ended now.
func (m *memory) doubt(name types.NamespacedName, uid types.UID, now time.Time) {
	m.change(name, uid, func(a *attempt) { a.clean, a.horizon = false, now.Add(m.settle) })
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

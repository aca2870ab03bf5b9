// Package ledger is what this process knows of Webhooks beyond the cache: its creates, updates, failures and waits. An
// object has one handle, an Entry.
package ledger

import (
	"reflect"
	"sync"
	"time"

	"golang.org/x/time/rate"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"webhook-operator.io/itwin/controllers/webhook/plan"
	"webhook-operator.io/itwin/internal/proof"
)

// Ledger is what this process knows of its own attempts, beyond what any cache shows yet. Losing it is safe: an object
// without an entry is treated as one whose earlier process may have died in the middle of a create.
type Ledger struct {
	clock clock.PassiveClock
	// grace is how long after it was sent a request may still take effect.
	grace time.Duration

	mu sync.Mutex
	// begun is when this process began to reconcile, which may be long after it started.
	begun   time.Time
	entries map[types.NamespacedName]*kept
	// waits are since when objects without conditions have waited. They are apart from the entries: that an object waits
	// says nothing of its creates.
	waits map[types.NamespacedName]wait
}

type wait struct {
	uid   types.UID
	since time.Time
}

// Record is what is known of one object.
type Record struct {
	Usual
	Trouble
}

// kept is how a ledger holds a record. Most objects have no trouble, and there are tens of thousands.
type kept struct {
	Usual

	trouble *Trouble
}

// Usual is what each object has that this process did something about.
type Usual struct {
	UID types.UID
	// Remote is the webhook that this process created or adopted for the object.
	Remote proof.Remote
	// NoneInFlight is true while no create of this object can have left a webhook behind that is not known.
	NoneInFlight bool
	// UnknownOutcome is true after a create that this process sent and of which it does not know what came of it.
	UnknownOutcome bool
	// TurnedOff is true when this process turned the remote webhook off, and has not turned it on since.
	TurnedOff bool
	// Accepted is true after an update that was accepted without its new state: the next one seen is that of the update.
	Accepted bool
	// SecretNoted is true once this process noted in the status that it is about to send the secret of an import.
	SecretNoted bool
	// undoneTold is true once it was told that the writes of the object are undone.
	undoneTold bool
	// SettledAfter is when the last request of unknown outcome can no longer take effect; zero when there was none.
	SettledAfter time.Time
	// FirstSeen is when the object came into the care of this process.
	FirstSeen time.Time
	// Modified is the platform's time of the last change that this process made to the remote webhook.
	Modified time.Time
	// Secret is the fingerprint of the signing secret that this process sent last; unknownSecret when it is not known
	// whether the platform has it, "" when it sent none.
	Secret string
	// written bounds the writes of the object with the spec of writtenGeneration.
	written           *rate.Limiter
	writtenGeneration int64
}

// Trouble is what few objects have: failures, waits, requests, and changes by other clients.
type Trouble struct {
	// Failures counts the calls about the object that the platform did not answer as documented, since one succeeded;
	// BackoffUntil is until when no further one is made, unless the spec is no longer of the generation that they were
	// about.
	Failures     int
	BackoffUntil time.Time
	Generation   int64
	// throttledSince is since when the object has waited for a slot within the rate limit; zero when it does not.
	throttledSince time.Time
	// request is the value of reconcile-requested-at that was seen last, and since is when.
	request string
	since   time.Time
	// adoptionSince is since when a webhook to adopt is looked for, with the spec of adoptionGeneration; zero when none
	// is.
	adoptionSince      time.Time
	adoptionGeneration int64
	// Refusals are the requests that the platform refused, by what they sent.
	Refusals map[string]plan.Refusal
	// kubernetesSince is since when the API server has failed requests about the object; zero when it does not.
	kubernetesSince time.Time
	// told is what an Event said last of a status that could not be written.
	told string
	// SecretRefused is what the API server said when it refused to write the generated Secret.
	SecretRefused plan.SecretRefusal
	// SentCallback is the callback of an update whose outcome is not known, and CallbackBefore what the remote webhook had
	// before; spelling is what an answer taught.
	SentCallback   string
	CallbackBefore plan.EarlierCallbacks
	Spelling       plan.Spelling
	// corrections counts the corrections in a row of changes by other clients; corrected is when the last one was made.
	corrections int
	corrected   time.Time
}

// New returns a ledger of a process that has seen nothing yet.
func New(c clock.PassiveClock, grace time.Duration) *Ledger {
	return &Ledger{
		clock: c, grace: grace,
		entries: map[types.NamespacedName]*kept{}, waits: map[types.NamespacedName]wait{},
	}
}

// Of returns the entry of an object.
func (l *Ledger) Of(o metav1.Object) Entry {
	return Entry{l, types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}, o.GetUID()}
}

// Entry is what a ledger knows of one object.
type Entry struct {
	ledger *Ledger
	name   types.NamespacedName
	uid    types.UID
}

// Record returns a copy of what is known of the object.
func (e Entry) Record() Record {
	e.ledger.mu.Lock()
	defer e.ledger.mu.Unlock()
	now := e.ledger.clock.Now()
	if e.ledger.begun.IsZero() {
		e.ledger.begun = now
	}
	if k := e.ledger.entries[e.name]; k != nil && k.UID == e.uid {
		return k.record()
	}
	return Record{Usual: Usual{UID: e.uid, FirstSeen: now, SettledAfter: now.Add(e.ledger.grace)}}
}

func (k *kept) record() Record {
	r := Record{Usual: k.Usual}
	if k.trouble != nil {
		r.Trouble = *k.trouble
	}
	return r
}

// keep returns a record as a ledger holds it.
func keep(r Record) *kept {
	k := &kept{Usual: r.Usual}
	if !reflect.ValueOf(r.Trouble).IsZero() {
		k.trouble = &r.Trouble
	}
	return k
}

// WarmUp is how long to wait until the cache shows what the process before this one wrote last: an API server may fill
// it from a watch cache of its own, which lags behind. It is 0 when that time is over.
func (l *Ledger) WarmUp(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(l.begun.Add(l.grace).Sub(now), 0)
}

func (e Entry) change(change func(*Record)) {
	a := e.Record()
	change(&a)
	e.ledger.mu.Lock()
	defer e.ledger.mu.Unlock()
	e.ledger.entries[e.name] = keep(a)
}

// begun sets a time that is not set yet, and returns it.
func begun(at *time.Time, now time.Time) time.Time {
	if at.IsZero() {
		*at = now
	}
	return *at
}

// RequestedSince returns when a value of reconcile-requested-at was first seen.
func (e Entry) RequestedSince(value string, now time.Time) time.Time {
	var since time.Time
	e.change(func(a *Record) {
		if a.request != value {
			a.request, a.since = value, now
		}
		since = a.since
	})
	return since
}

// WaitingSince returns since when the object, which has no conditions, has waited.
func (e Entry) WaitingSince(now time.Time) time.Time {
	e.ledger.mu.Lock()
	defer e.ledger.mu.Unlock()
	w := e.ledger.waits[e.name]
	if w.uid != e.uid {
		w = wait{e.uid, now}
		e.ledger.waits[e.name] = w
	}
	return w.since
}

// WaitTold notes that the object has conditions.
func (e Entry) WaitTold() {
	e.ledger.mu.Lock()
	defer e.ledger.mu.Unlock()
	delete(e.ledger.waits, e.name)
}

// Replaced reports whether what is known under the object's name is about an earlier object.
func (e Entry) Replaced() bool {
	e.ledger.mu.Lock()
	defer e.ledger.mu.Unlock()
	a := e.ledger.entries[e.name]
	return a != nil && a.UID != e.uid
}

// Forget drops what is known of the object.
func (e Entry) Forget() { e.ledger.Forget(e.name) }

// Forget drops what is known of an object that is gone, and returns it.
func (l *Ledger) Forget(name types.NamespacedName) (last Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a := l.entries[name]; a != nil {
		last = a.record()
	}
	delete(l.entries, name)
	delete(l.waits, name)
	return last
}

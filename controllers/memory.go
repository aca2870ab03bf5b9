package controllers

import (
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/internal/proof"
)

// memory is what this process knows of its own attempts, beyond what any cache shows yet. Losing it is safe: an object
// without an entry is treated as one whose earlier process may have died in the middle of a create.
type memory struct {
	clock clock.PassiveClock
	// grace is how long after it was sent a request may still take effect.
	grace time.Duration

	mu sync.Mutex
	// begun is when this process began to reconcile, which may be long after it started.
	begun   time.Time
	entries map[types.NamespacedName]*attempt
}

// attempt is what is known of one object.
type attempt struct {
	uid types.UID
	// remote is the webhook that this process created or adopted for the object.
	remote proof.Remote
	// noneInFlight is true while no create of this object can have left a webhook behind that is not known.
	noneInFlight bool
	// unknownOutcome is true after a create that this process sent and of which it does not know what came of it.
	unknownOutcome bool
	// settledAfter is when the last request of unknown outcome can no longer take effect; zero when there was none.
	settledAfter time.Time
	// firstSeen is when the object came into the care of this process.
	firstSeen time.Time
	// failures counts the calls about the object that the platform did not answer as documented, since one succeeded;
	// backoffUntil is until when no further one is made, unless the spec is no longer of the generation that they were
	// about.
	failures     int
	backoffUntil time.Time
	generation   int64
	// throttledSince is since when the object has waited for a place within the rate limit; zero when it does not.
	throttledSince time.Time
	// request is the value of reconcile-requested-at that was seen last, and since is when.
	request string
	since   time.Time
	// adoptionSince is since when a webhook to adopt is looked for, with the spec of adoptionGeneration; zero when none
	// is.
	adoptionSince      time.Time
	adoptionGeneration int64
	// refusals are the requests that the platform refused, by what they sent.
	refusals map[string]refusal
	// kubernetesSince is since when the API server has failed requests about the object; zero when it does not.
	kubernetesSince time.Time
	// told is what an Event said last of a status that could not be written.
	told string
	// written bounds the writes of the object with the spec of writtenGeneration; undoneTold is true once it was told that
	// they are undone.
	written           *rate.Limiter
	writtenGeneration int64
	undoneTold        bool
	// secretRefused is what the API server said when it refused to write the generated Secret.
	secretRefused secretRefusal
	// modified is the platform's time of the last change that this process made to the remote webhook.
	modified time.Time
	// turnedOff is true when this process turned the remote webhook off, and has not turned it on since.
	turnedOff bool
	// accepted is true after an update that was accepted without its new state: the next one seen is that of the update.
	accepted bool
	// sentCallback is the callback of an update whose outcome is not known, and callbackBefore what the remote webhook had
	// before; spelling is what an answer taught.
	sentCallback   string
	callbackBefore earlier
	spelling       spelling
	// secret is the fingerprint of the signing secret that this process sent last; unknownSecret when it is not known
	// whether the platform has it, "" when it sent none.
	secret string
	// corrections counts the corrections in a row of changes by other clients; corrected is when the last one was made.
	corrections int
	corrected   time.Time
}

func newMemory(c clock.PassiveClock, grace time.Duration) *memory {
	return &memory{clock: c, grace: grace, entries: map[types.NamespacedName]*attempt{}}
}

// of returns a copy of what is known of an object.
func (m *memory) of(name types.NamespacedName, uid types.UID) attempt {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.clock.Now()
	if m.begun.IsZero() {
		m.begun = now
	}
	if a := m.entries[name]; a != nil && a.uid == uid {
		return *a
	}
	return attempt{uid: uid, firstSeen: now, settledAfter: now.Add(m.grace)}
}

// meet returns what is known of an object that comes into the care of this process, and remembers since when: the
// process before may have sent a request a moment ago.
func (m *memory) meet(name types.NamespacedName, uid types.UID) (met attempt) {
	m.change(name, uid, func(a *attempt) { met = *a })
	return met
}

// warmUp is how long to wait until the cache shows what the process before this one wrote last: an API server may fill
// it from a watch cache of its own, which lags behind. It is 0 when that time is over.
func (m *memory) warmUp(now time.Time) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return max(m.begun.Add(m.grace).Sub(now), 0)
}

func (m *memory) change(name types.NamespacedName, uid types.UID, change func(*attempt)) {
	a := m.of(name, uid)
	change(&a)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.entries[name] = &a
}

// begin notes that the object's finalizer was added, or its id given up, by this process: nothing can be left behind.
func (m *memory) begin(name types.NamespacedName, uid types.UID) {
	m.change(name, uid, func(a *attempt) {
		a.remote, a.noneInFlight, a.unknownOutcome = proof.Remote{}, true, false
		a.settledAfter, a.adoptionSince, a.modified, a.secret = time.Time{}, time.Time{}, time.Time{}, ""
	})
}

// made notes the webhook that belongs to the object.
func (m *memory) made(name types.NamespacedName, uid types.UID, remote proof.Remote) {
	m.change(name, uid, func(a *attempt) {
		a.remote, a.noneInFlight, a.unknownOutcome = remote, false, false
		a.accepted, a.sentCallback, a.callbackBefore = false, "", earlier{}
	})
}

// unknownSecret stands for the secret that the platform has while it is not known which one that is.
const unknownSecret = "unknown"

// sending notes that a secret is about to be sent, and returns what was known of the one before.
func (m *memory) sending(name types.NamespacedName, uid types.UID) (before string) {
	m.change(name, uid, func(a *attempt) { before, a.secret = a.secret, unknownSecret })
	return before
}

// sent notes which secret the platform has after an answer.
func (m *memory) sent(name types.NamespacedName, uid types.UID, fingerprint string) {
	m.change(name, uid, func(a *attempt) { a.secret = fingerprint })
}

// wrote notes the answer to a change that this process made to the remote webhook.
func (m *memory) wrote(name types.NamespacedName, uid types.UID, updated platform.Webhook, turnedOff bool) {
	m.change(name, uid, func(a *attempt) {
		a.modified, a.accepted = updated.Modified, false
		a.turnedOff = !updated.Active && (turnedOff || a.turnedOff)
	})
}

// accepted notes that the platform accepted a change without saying what the remote webhook is like now, and whether
// that turns it off.
func (m *memory) accepted(name types.NamespacedName, uid types.UID, turnedOff bool) {
	m.change(name, uid, func(a *attempt) { a.accepted, a.turnedOff = true, turnedOff || a.turnedOff })
}

// sendingCallback notes a callback that is about to be sent, and returns what the remote webhook had before it: where
// the outcome of earlier updates is not known, also what those sent.
func (m *memory) sendingCallback(
	name types.NamespacedName, uid types.UID, callback string, before earlier,
) (known earlier) {
	m.change(name, uid, func(a *attempt) {
		switch a.sentCallback {
		case callback:
		case "":
			a.callbackBefore = before
		default:
			before.had = slices.Concat(before.had, []string{a.sentCallback}, a.callbackBefore.had)
			before.had = before.had[:min(len(before.had), maxEarlier)]
			a.callbackBefore = before
		}
		a.sentCallback, known = callback, a.callbackBefore
	})
	return known
}

// callbackAnswered notes how the platform spells the callback that was sent last, and that the outcome is known.
func (m *memory) callbackAnswered(name types.NamespacedName, uid types.UID, learned spelling) {
	m.change(name, uid, func(a *attempt) { a.sentCallback, a.callbackBefore, a.spelling = "", earlier{}, learned })
}

// seenOn notes that the remote webhook is on, whatever this process did to it before.
func (m *memory) seenOn(name types.NamespacedName, uid types.UID) {
	m.change(name, uid, func(a *attempt) { a.turnedOff = false })
}

// unknown notes a create of unknown outcome that ended now.
func (m *memory) unknown(name types.NamespacedName, uid types.UID, now time.Time) {
	m.change(name, uid, func(a *attempt) {
		a.noneInFlight, a.unknownOutcome, a.settledAfter = false, true, now.Add(m.grace)
	})
}

const (
	// firstBackoff follows the first failure; each further one doubles it, up to longestBackoff.
	firstBackoff   = time.Second
	longestBackoff = 5 * time.Minute
)

// failed notes a call about the object that the platform did not answer as documented, and returns for how long the
// object is left alone: one that the platform always fails for must not hold up the others of its account, which wait
// for a list after each such answer.
func (m *memory) failed(name types.NamespacedName, uid types.UID, generation int64, now time.Time) time.Duration {
	var backoff time.Duration
	m.change(name, uid, func(a *attempt) {
		if a.generation != generation {
			a.failures = 0
		}
		backoff = min(firstBackoff<<min(a.failures, 16), longestBackoff)
		a.failures, a.backoffUntil, a.generation = a.failures+1, now.Add(backoff), generation
	})
	return backoff
}

// throttled returns since when an object that has found no place within the rate limit has waited for one.
func (m *memory) throttled(name types.NamespacedName, uid types.UID, now time.Time) (since time.Time) {
	m.change(name, uid, func(a *attempt) {
		if a.throttledSince.IsZero() {
			a.throttledSince = now
		}
		since = a.throttledSince
	})
	return since
}

// recovered notes a write about the object that succeeded.
func (m *memory) recovered(name types.NamespacedName, uid types.UID) {
	if known := m.of(name, uid); known.failures > 0 || !known.throttledSince.IsZero() {
		m.change(name, uid, func(a *attempt) { a.failures, a.backoffUntil, a.throttledSince = 0, time.Time{}, time.Time{} })
	}
}

const (
	// firstCorrectionPause follows the first correction of a change by another client; each further one doubles it, up to
	// longestCorrectionPause. A change that comes later than twice the pause begins the count again.
	firstCorrectionPause   = time.Minute
	longestCorrectionPause = time.Hour
)

func correctionPause(corrections int) time.Duration {
	if corrections == 0 {
		return 0
	}
	return min(firstCorrectionPause<<min(corrections-1, 16), longestCorrectionPause)
}

// contestedUntil is when a change by another client may be corrected again.
func (a attempt) contestedUntil() time.Time { return a.corrected.Add(correctionPause(a.corrections)) }

// correction notes that a change by another client was corrected, and returns how often in a row.
func (m *memory) correction(name types.NamespacedName, uid types.UID, now time.Time) (inARow int) {
	m.change(name, uid, func(a *attempt) {
		if now.Sub(a.corrected) >= 2*correctionPause(a.corrections) {
			a.corrections = 0
		}
		a.corrections, a.corrected = a.corrections+1, now
		inARow = a.corrections
	})
	return inARow
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

// adopting returns since when a webhook to adopt is looked for.
func (m *memory) adopting(name types.NamespacedName, uid types.UID, generation int64, now time.Time) time.Time {
	var since time.Time
	m.change(name, uid, func(a *attempt) {
		if a.adoptionSince.IsZero() || a.adoptionGeneration != generation {
			a.adoptionSince, a.adoptionGeneration = now, generation
		}
		since = a.adoptionSince
	})
	return since
}

// kubernetesFailed notes that the API server failed a request of a reconcile that began at a time, and returns since
// when it has failed all of them.
func (m *memory) kubernetesFailed(name types.NamespacedName, uid types.UID, began time.Time) (since time.Time) {
	m.change(name, uid, func(a *attempt) {
		if a.kubernetesSince.IsZero() {
			a.kubernetesSince = began
		}
		since = a.kubernetesSince
	})
	return since
}

// kubernetesAnswered notes a reconcile of which the API server failed no request.
func (m *memory) kubernetesAnswered(name types.NamespacedName, uid types.UID) {
	if known := m.of(name, uid); !known.kubernetesSince.IsZero() || known.told != "" {
		m.change(name, uid, func(a *attempt) { a.kubernetesSince, a.told = time.Time{}, "" })
	}
}

// secretRefused notes that the API server refused to write the generated Secret.
func (m *memory) secretRefused(name types.NamespacedName, uid types.UID, refused secretRefusal) {
	m.change(name, uid, func(a *attempt) { a.secretRefused = refused })
}

// tellOnce reports whether something is to be told that was not told last.
func (m *memory) tellOnce(name types.NamespacedName, uid types.UID, words string) (news bool) {
	m.change(name, uid, func(a *attempt) { news, a.told = a.told != words, words })
	return news
}

// replaced reports whether what is known under a name is about an earlier object.
func (m *memory) replaced(name types.NamespacedName, uid types.UID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	a := m.entries[name]
	return a != nil && a.uid != uid
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

package fleet

import (
	"context"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"webhook-operator.io/itwin/internal/platform"
)

// API is the remote side as one connection reaches it.
type API interface {
	Create(ctx context.Context, priority platform.Priority, r platform.CreateRequest) (platform.Webhook, error)
	Get(ctx context.Context, priority platform.Priority, id string) (platform.Webhook, error)
	List(ctx context.Context, known platform.Known) (platform.Listing, error)
	Update(ctx context.Context, priority platform.Priority, id string, p platform.Patch) (platform.Webhook, error)
	Delete(ctx context.Context, priority platform.Priority, id string) error
	// Ready reports, by an error, whether a call would have to wait; it sends nothing.
	Ready(priority platform.Priority) error
}

// Presence says what is known about whether a webhook exists.
type Presence int

const (
	// Unseen: nothing is known. No list has succeeded yet; or the webhook exists but what the platform says of it cannot
	// be read; or the platform accepted a write without saying what came of it. Read it with Confirm.
	Unseen Presence = iota
	// Present: it exists.
	Present
	// Missing: the last list lacks it, or a write of it was answered 404. That is unconfirmed: read it with Confirm.
	Missing
	// Absent: a read of it was answered 404. A list that begins later must lack it too before it is Gone.
	Absent
	// Gone: a read of it was answered 404 and a list that began later lacks it, or the platform confirmed its deletion.
	Gone
)

// Owner identifies the Webhook that owns a remote webhook: its UID.
type Owner string

// Fleet is the snapshot of one account's webhooks. Its members, the connections to the account, change them. It is safe
// for concurrent use.
type Fleet struct {
	account string
	clock   clock.PassiveClock
	pace    *platform.Pace

	mu      sync.Mutex
	members map[string]*Member
	// moment counts what ended: writes, lists and failures. It orders them without a wall clock.
	moment  uint64
	entries map[string]*entry
	// absent holds the webhooks that a read did not find, by canonical id.
	absent map[string]absence
	// marks are the ids of the webhooks that carry an owner's mark, by owner.
	marks map[Owner]map[string]bool
	// index is the registry's, by which the accounts of an owner's marks are found.
	index  *markIndex
	claims map[string]claim
	// unmanaged counts the webhooks that no Webhook claims, as counted after the last list; -1 before the first.
	unmanaged int

	// listed is when the last successful list began; zero before the first. merged is the moment when it ended.
	listed time.Time
	merged uint64
	// complete is when the last list began that proves absences; zero before the first.
	complete time.Time
	// incomplete counts the lists in a row that prove none.
	incomplete int
	// issues are the entries of the last list that could not be read.
	issues []string
	// listCount counts the lists that succeeded.
	listCount uint64
	// moved counts the lists in a row in which most webhooks differed in nothing but modified; movedMany is true when
	// they were more than a few in the last one. restless is true once that was found to be how the platform is.
	moved               int
	movedMany, restless bool
	// failure is why writes wait for a list that began after the moment failedAt and succeeded; nil when they do not.
	// failedTime is the time of that moment.
	failure    error
	failedAt   uint64
	failedTime time.Time
	// outcome is how the last list ended, for every member that did not make it itself.
	outcome error
	// waiting holds the keys to enqueue after a successful list, and when that must have begun at the earliest.
	waiting map[string]time.Time
	// polling is true while a list is under way; polled is when the last one began.
	polling bool
	polled  time.Time
	// failures counts the lists that failed since one succeeded.
	failures int
	// throttledUntil is when a list that found no slot within the rate limit may be tried again; zero when the last one
	// found one.
	throttledUntil time.Time
}

// entry is what is known of one webhook.
type entry struct {
	webhook platform.Webhook
	// written is the moment when the last write of it ended; writing counts those under way.
	written uint64
	writing int
	missing bool
	// listed is the number of the last list that showed it.
	listed uint64
	// called is when the call about it ended whose answer webhook is; zero when webhook is from a list.
	called time.Time
	// unknown is true while the state is not known: webhook is the last that is, or only an id.
	unknown bool
	// suppressPolls counts the lists for which a webhook that exists but is not listed is not called missing again;
	// suppressed is the last such count, doubled each time.
	suppressPolls, suppressed int
}

// absence is a read, or a deletion, that found no webhook.
type absence struct {
	// moment is when it ended. A list that began later confirms it.
	moment    uint64
	confirmed bool
	// listCount is how many lists had succeeded then.
	listCount uint64
}

func newFleet(account string, c clock.PassiveClock, index *markIndex, slots *platform.Slots) *Fleet {
	return &Fleet{
		account: account, clock: c, pace: platform.NewPace(c, slots), unmanaged: -1,
		members: map[string]*Member{},
		entries: map[string]*entry{},
		absent:  map[string]absence{},
		marks:   map[Owner]map[string]bool{},
		index:   index,
		claims:  map[string]claim{},
		waiting: map[string]time.Time{},
	}
}

// Account returns the account's name, as AccountOf makes it.
func (f *Fleet) Account() string { return f.account }

// Lookup returns what is known of one webhook. It calls nothing.
func (f *Fleet) Lookup(id string) (platform.Webhook, Presence) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lookup(platform.CanonicalID(id))
}

// known returns what the snapshot holds of a webhook, whose texts a list shares.
func (f *Fleet) known(id []byte) (platform.Webhook, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.entries[string(id)]
	if e == nil && len(f.entries) > 0 {
		e = f.entries[platform.CanonicalID(string(id))]
	}
	if e == nil {
		return platform.Webhook{}, false
	}
	return e.webhook, true
}

// Confirmed reports whether what is known of a webhook is the answer to a call about it, and no list's.
func (f *Fleet) Confirmed(id string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.entries[platform.CanonicalID(id)]
	return e != nil && !e.called.IsZero()
}

func (f *Fleet) lookup(key string) (platform.Webhook, Presence) {
	e, read := f.entries[key], f.absent[key]
	switch {
	case e != nil && !e.missing && !e.unknown:
		return e.webhook, Present
	case e != nil && !e.missing:
		return platform.Webhook{}, Unseen
	case read.confirmed:
		return platform.Webhook{}, Gone
	case read.moment > 0:
		return platform.Webhook{}, Absent
	case f.listed.IsZero():
		return platform.Webhook{}, Unseen
	default:
		return platform.Webhook{}, Missing
	}
}

// Issues name the entries of the last list that could not be read, and why. They change only with a list.
func (f *Fleet) Issues() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.issues
}

// Synced reports whether a list has succeeded.
func (f *Fleet) Synced() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.listed.IsZero()
}

// ListedSince reports whether a list that began at t or later has succeeded and proves what it lacks absent.
func (f *Fleet) ListedSince(t time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.complete.IsZero() && !f.complete.Before(t)
}

// Age is how old the snapshot is: the time since the last successful list began; negative before the first.
func (f *Fleet) Age() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.listed.IsZero() {
		return -1
	}
	return f.clock.Since(f.listed)
}

// ListCount counts the lists that succeeded so far.
func (f *Fleet) ListCount() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.listCount
}

// SetUnmanaged stores how many webhooks no Webhook claims, for all members to report; Unmanaged returns it, -1 when it
// was not counted yet.
func (f *Fleet) SetUnmanaged(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.unmanaged = n
}

// Unmanaged returns what SetUnmanaged stored.
func (f *Fleet) Unmanaged() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.unmanaged
}

// Await asks that key be among the Waiting of the next list that succeeds. It returns false, and asks for nothing, when
// one has succeeded since listCount was read: the caller decided before it, and should decide again.
func (f *Fleet) Await(key string, listCount uint64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.listCount != listCount {
		return false
	}
	f.waiting[key] = time.Time{}
	return true
}

// AwaitSince asks for a list that begins at t or later, before its time if need be, and that key be among its Waiting.
func (f *Fleet) AwaitSince(t time.Time, key string) {
	f.mu.Lock()
	f.waiting[key] = t
	f.mu.Unlock()
	f.requestPoll()
}

// Forget drops a key whose object is gone.
func (f *Fleet) Forget(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.waiting, key)
}

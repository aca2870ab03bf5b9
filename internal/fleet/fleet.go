package fleet

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"webhook-operator.io/itwin/internal/platform"
)

// API is the remote side as the fleet uses it.
type API interface {
	Create(ctx context.Context, r platform.CreateRequest) (platform.Webhook, error)
	Get(ctx context.Context, id string) (platform.Webhook, error)
	List(ctx context.Context) ([]platform.Webhook, error)
	Update(ctx context.Context, id string, p platform.Patch) (platform.Webhook, error)
	Delete(ctx context.Context, id string) error
	// Ready tells whether a call would be sent now; it sends nothing.
	Ready(ctx context.Context) error
	// Skew is the platform's clock minus ours.
	Skew() time.Duration
}

// Presence says what is known about whether a webhook exists.
type Presence int

const (
	// Unseen: no list has succeeded yet, so nothing is known.
	Unseen Presence = iota
	// Present: it exists.
	Present
	// Missing: the last list lacks it, which is a rumour; Confirm it.
	Missing
	// Gone: the platform itself said that it does not exist.
	Gone
)

// Owner identifies who owns a remote webhook: the UID of a Webhook.
type Owner string

// Fleet is the picture of one connection's webhooks and the way to change them. It is safe for concurrent use.
type Fleet struct {
	clock clock.PassiveClock
	// nudge asks whoever polls to do so soon.
	nudge func()

	mu  sync.Mutex
	api API
	// moment counts what ended: writes, lists and trust. It is a clock, so that no wall clock decides what came first.
	moment  uint64
	entries map[string]*entry
	// gone holds what the platform said does not exist, and how many lists had succeeded then.
	gone   map[string]uint64
	owners map[string]Owner
	// creating counts the creates under way, by what they create.
	creating map[string]int
	// listed is when the last successful list began; zero before the first. merged is the moment when it ended.
	listed time.Time
	merged uint64
	// trouble is why writes wait for a list that began after the moment shaken and succeeded; nil when they do not.
	// troubled is the time of that moment.
	trouble  error
	shaken   uint64
	troubled time.Time
	// waiting holds who is to be woken by a successful list, and when that must have begun at the earliest.
	waiting map[string]time.Time
	// heard counts the lists that succeeded.
	heard uint64
	// closed is why only deletes are sent; nil when the connection is in use.
	closed error
	// polled is when the last list began, and failures how many have failed since one succeeded.
	polled   time.Time
	failures int
	// held is when a list that found no place within the rate limit may be tried again; zero when the last one found one.
	held time.Time
}

type entry struct {
	webhook platform.Webhook
	// written is the moment when the last write of it ended; writing counts those under way.
	written uint64
	writing int
	missing bool
	// hush counts the lists for which a webhook that exists but is not listed raises no rumour; patience is the last
	// such count, doubled each time.
	hush, patience int
}

// New makes an empty picture. nudge, which must not block, is called when a poll should happen before its time.
func New(api API, c clock.PassiveClock, nudge func()) *Fleet {
	return &Fleet{
		api: api, clock: c, nudge: nudge,
		entries:  map[string]*entry{},
		gone:     map[string]uint64{},
		owners:   map[string]Owner{},
		creating: map[string]int{},
		waiting:  map[string]time.Time{},
	}
}

// Lookup tells what is known of one webhook. It calls nobody.
func (f *Fleet) Lookup(id string) (platform.Webhook, Presence) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.entries[id]
	switch {
	case f.isGone(id):
		return platform.Webhook{}, Gone
	case e != nil && !e.missing:
		return e.webhook, Present
	case f.listed.IsZero():
		return platform.Webhook{}, Unseen
	default:
		return platform.Webhook{}, Missing
	}
}

func (f *Fleet) isGone(id string) bool {
	_, gone := f.gone[id]
	return gone
}

// Use lets the picture be kept through another client of the same account, for example after a rotation of its
// credentials. What went wrong with the old one counts no more.
func (f *Fleet) Use(api API) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.api, f.closed = api, nil
	f.trouble, f.failures, f.polled, f.held = nil, 0, time.Time{}, time.Time{}
}

func (f *Fleet) client() API {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.api
}

// Close lets nothing through but deletes, because the connection or its credentials are gone: what they created can
// still be removed with what this process remembers of them.
func (f *Fleet) Close(reason error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = reason
}

// Closed is why nothing but deletes is sent; nil when the connection is in use.
func (f *Fleet) Closed() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closed
}

// Synced tells whether a list has succeeded.
func (f *Fleet) Synced() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.listed.IsZero()
}

// ListedSince tells whether a list that began at t or later has succeeded.
func (f *Fleet) ListedSince(t time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.listed.IsZero() && !f.listed.Before(t)
}

// Age is how old the picture is: the time since the last successful list began; negative before the first.
func (f *Fleet) Age() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.listed.IsZero() {
		return -1
	}
	return f.clock.Since(f.listed)
}

// Trouble tells why nothing is sent at the moment; nil when writes may be tried.
func (f *Fleet) Trouble() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.trouble
}

// Skew is the platform's clock minus ours.
func (f *Fleet) Skew() time.Duration { return f.client().Skew() }

// IDs returns the ids of all webhooks of the last picture.
func (f *Fleet) IDs() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	ids := make([]string, 0, len(f.entries))
	for id, e := range f.entries {
		if !e.missing {
			ids = append(ids, id)
		}
	}
	return ids
}

// Heard counts the lists that succeeded so far.
func (f *Fleet) Heard() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.heard
}

// Await asks that key be among the Woken of the next list that succeeds. It returns false, and asks for nothing, when
// one has succeeded since heard was read: whoever decided before it should decide again.
func (f *Fleet) Await(key string, heard uint64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.heard != heard {
		return false
	}
	f.waiting[key] = time.Time{}
	return true
}

// Forget drops a key that nobody is behind any more.
func (f *Fleet) Forget(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.waiting, key)
}

// AwaitSince asks for a list that begins at t or later, before its time if need be, and that key be woken by it.
func (f *Fleet) AwaitSince(t time.Time, key string) {
	f.mu.Lock()
	f.waiting[key] = t
	f.mu.Unlock()
	f.nudge()
}

// HeldError says that a write was not sent, because of what happened before. It does not wrap that: the write itself
// has no outcome.
type HeldError struct{ Reason error }

func (e *HeldError) Error() string {
	return fmt.Sprintf("nothing is sent until the remote webhooks can be listed: %s", e.Reason)
}

var errNotListed = errors.New("they have not been listed yet")

// admit refuses writes while the platform is in trouble: one poll probes it, instead of every Webhook. A closed
// connection lets no change through.
func (f *Fleet) admit(change bool) error {
	switch {
	case change && f.closed != nil:
		return &HeldError{f.closed}
	case f.trouble != nil:
		return &HeldError{f.trouble}
	case f.listed.IsZero():
		return &HeldError{errNotListed}
	}
	return nil
}

// suspect notes that an answer did not come or could not be trusted: writes wait for a list that begins after now.
func (f *Fleet) suspect(err error) {
	if unreliable(err) {
		f.distrust(err)
	}
}

func (f *Fleet) distrust(err error) {
	f.moment++
	f.trouble, f.shaken, f.troubled = err, f.moment, f.clock.Now()
}

// unreliable errors say little about the request and much about the platform or the credentials.
func unreliable(err error) bool {
	if _, limited := platform.IsRateLimited(err); limited {
		return false
	}
	_, answered := errors.AsType[*platform.Error](err)
	return answered && !platform.IsRefused(err) && !platform.IsNotFound(err)
}

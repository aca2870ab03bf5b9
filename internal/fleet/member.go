package fleet

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"webhook-operator.io/itwin/internal/platform"
)

// Cadence is how often a member wants its account listed.
type Cadence struct {
	// Interval lies between two lists at rest, and Pause, of a second or more, between two of which the second is asked
	// for before its time.
	Interval, Pause time.Duration
}

// Member is one connection to an account. Members share the snapshot, the claims, the pace and the outages of the
// account; credentials, certificates and the trouble with them are each member's own.
type Member struct {
	fleet *Fleet
	name  string
	// enqueue asks the member's controller to look at the connection; it does not block.
	enqueue func()

	// joined is when the connection reached the account.
	joined time.Time

	// The rest is guarded by fleet.mu.
	api API
	// cadence is how often the member wants the account listed.
	cadence Cadence
	// closed is why only deletions are sent; nil while the connection is in use.
	closed error
	// failure is what is wrong with the member's credentials or its way to the platform; nil when nothing is known.
	failure error
	// polled is when the member last listed or failed to, failures how often it has failed since it succeeded.
	polled   time.Time
	failures int
	// outcome is the member's own failure that a list met. That of another call is not reported before a list met it too:
	// credentials that may only read would change the status of the connection at each write.
	outcome error
	// listed is when the last list that the member sent began. throttledUntil is when a list that found no slot within
	// the member's own limits may be tried again.
	listed, throttledUntil time.Time
	// introduced is true when the Webhooks that use the connection were enqueued since it joined a listed account.
	introduced bool
}

// Introduced reports whether the Webhooks that use the connection were enqueued since it became a member of an account
// that has been listed: before, they found no snapshot, and no change of it enqueues them.
func (m *Member) Introduced() bool {
	m.fleet.mu.Lock()
	defer m.fleet.mu.Unlock()
	return m.introduced
}

// Introduce notes that they were.
func (m *Member) Introduce() {
	m.fleet.mu.Lock()
	defer m.fleet.mu.Unlock()
	m.introduced = true
}

// Fleet returns the account's snapshot.
func (m *Member) Fleet() *Fleet { return m.fleet }

// Name returns the connection's name.
func (m *Member) Name() string { return m.name }

// PollAge is how old what this connection knows of its account is: the time since the last successful list began or,
// before the first one, since the connection became a member of the account.
func (m *Member) PollAge() time.Duration {
	if age := m.fleet.Age(); age >= 0 {
		return age
	}
	return max(m.fleet.clock.Since(m.joined), 0)
}

// PollInterval is how long lies between two lists of the account at rest: as the connection to it asks that is listed
// most often.
func (m *Member) PollInterval() time.Duration {
	m.fleet.mu.Lock()
	defer m.fleet.mu.Unlock()
	return m.fleet.cadence().Interval
}

// Use replaces the client, for example after a rotation of the credentials, and the cadence. What went wrong with the
// old client counts no more, and whether the new one works is found out at once, unless the platform asked for a pause.
// The account's snapshot, pace and outage stay.
func (m *Member) Use(api API, cadence Cadence) {
	f := m.fleet
	f.mu.Lock()
	defer f.mu.Unlock()
	m.api, m.cadence = api, cadence
	m.closed, m.failure, m.outcome, m.failures = nil, nil, nil, 0
	m.polled, m.listed, m.throttledUntil = time.Time{}, time.Time{}, time.Time{}
	f.polled, f.failures = time.Time{}, 0
}

// SetCadence changes how often the member wants the account listed.
func (m *Member) SetCadence(cadence Cadence) {
	f := m.fleet
	f.mu.Lock()
	defer f.mu.Unlock()
	m.cadence = cadence
}

// Close lets nothing through but deletions, because the connection or its credentials are gone: what they created can
// still be removed with what this process has in memory.
func (m *Member) Close(reason error) {
	f := m.fleet
	f.mu.Lock()
	defer f.mu.Unlock()
	m.closed = reason
}

// Closed returns why nothing but deletions is sent; nil while the connection is in use.
func (m *Member) Closed() error {
	f := m.fleet
	f.mu.Lock()
	defer f.mu.Unlock()
	return m.closed
}

// Failure returns why nothing is sent through this member at the moment; nil when writes may be tried.
func (m *Member) Failure() error {
	f := m.fleet
	f.mu.Lock()
	defer f.mu.Unlock()
	return m.blocked()
}

func (m *Member) blocked() error {
	if m.failure != nil {
		return m.failure
	}
	return m.fleet.failure
}

// Outcome returns how the last list of the account ended for this member: nil, its own failure or the account's.
func (m *Member) Outcome() error {
	f := m.fleet
	f.mu.Lock()
	defer f.mu.Unlock()
	if m.outcome != nil {
		return m.outcome
	}
	return f.outcome
}

// sound members can list.
func (m *Member) sound() bool { return m.closed == nil && m.failure == nil }

// InForce is what bounds the connection's calls, and what is left of it.
func (m *Member) InForce() platform.InForce { return m.fleet.pace.InForce(m.name) }

// RetryIn takes a slot among the account's retries of what the platform refused; it returns 0, or when to ask again.
func (m *Member) RetryIn() time.Duration { return m.fleet.pace.RetryIn() }

// Expect notes how many Webhooks use the connection, so that a list of twice as many is never refused for the memory
// that those of other accounts take.
func (m *Member) Expect(webhooks int) { m.fleet.pace.Expect(m.name, webhooks) }

// Members returns the connections to an account, also those that are closed, in the order of their names.
func (r *Registry) Members(f *Fleet) []*Member {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.SortedFunc(maps.Values(f.members), func(a, b *Member) int { return compareNames(a.name, b.name) })
}

// requestPoll enqueues the connection that can list first; of several, the one that may list most often. When none can,
// it enqueues all.
func (f *Fleet) requestPoll() {
	f.mu.Lock()
	var chosen []*Member
	all := make([]*Member, 0, len(f.members))
	due := f.due(f.clock.Now())
	for _, m := range f.members {
		all = append(all, m)
		if m.sound() && (chosen == nil || m.listsBefore(chosen[0], due)) {
			chosen = []*Member{m}
		}
	}
	f.mu.Unlock()
	if chosen == nil {
		chosen = all
	}
	for _, m := range chosen {
		m.enqueue()
	}
}

// enqueueOthers lets all connections but one report what a list found.
func (f *Fleet) enqueueOthers(but *Member) {
	f.mu.Lock()
	var others []*Member
	for _, m := range f.members {
		if m != but {
			others = append(others, m)
		}
	}
	f.mu.Unlock()
	for _, m := range others {
		m.enqueue()
	}
}

// HeldError says that a write was not sent, because of what happened before. It does not wrap that: the write itself
// has no outcome.
type HeldError struct{ Reason error }

func (e *HeldError) Error() string {
	return fmt.Sprintf("nothing is sent until the remote webhooks can be listed: %s", e.Reason)
}

var errNotListed = errors.New("they have not been listed yet")

// admit refuses writes after a failure: one list probes the platform, instead of every Webhook. A closed member lets
// only deletions through.
func (m *Member) admit(change bool) error {
	switch {
	case change && m.closed != nil:
		return &HeldError{m.closed}
	case m.blocked() != nil:
		return &HeldError{m.blocked()}
	case m.fleet.listed.IsZero():
		return &HeldError{errNotListed}
	}
	return nil
}

// note records an answer that did not come or cannot be trusted: writes wait for a list that begins after now.
func (m *Member) note(err error) {
	switch {
	case !unreliable(err):
	case platform.IsConnectionTrouble(err):
		m.fail(platform.OfAnother(err))
	default:
		m.fleet.fail(platform.OfAnother(err))
	}
}

// fail records the member's own failure. The member lists again by itself, after growing pauses, to find out whether it
// has passed.
func (m *Member) fail(err error) {
	m.fleet.moment++
	m.failure, m.polled = err, m.fleet.clock.Now()
	m.failures++
}

func (f *Fleet) fail(err error) {
	f.moment++
	f.failure, f.failedAt, f.failedTime = err, f.moment, f.clock.Now()
}

// unreliable errors say little about the request and much about the platform or the credentials.
func unreliable(err error) bool {
	if _, limited := platform.IsRateLimited(err); limited {
		return false
	}
	_, answered := errors.AsType[*platform.Error](err)
	return answered && !platform.IsRefused(err) && !platform.IsNotFound(err) && !platform.IsAccepted(err)
}

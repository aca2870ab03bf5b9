package fleet

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"webhook-operator.io/itwin/internal/backoff"
	"webhook-operator.io/itwin/internal/platform"
)

// Changes is what a list found.
type Changes struct {
	// Webhooks whose remote side differs from the snapshot before, as they are now; of one that is missing, as it was.
	Webhooks []platform.Webhook
	// Waiting are the keys that awaited a successful list.
	Waiting []string
	// Released are the owners whose calls were told to wait for longer than they have to, since a rate limit grew.
	Released []string
}

// ErrPolling is returned by Poll while another list of the account is under way. Its end enqueues every member.
var ErrPolling = errors.New("another connection to the same account is listing")

// errReplaced is returned by Poll when the member's client was replaced while it listed.
var errReplaced = errors.New("the client was replaced while it listed")

// Poll lists all webhooks of the account through this member and takes over what the list may speak about. When it
// fails, nothing of the snapshot changes, writes wait, and the error says why; if the failure is the member's own, the
// account is due to be listed through another one.
func (m *Member) Poll(ctx context.Context) (Changes, error) {
	f := m.fleet
	f.mu.Lock()
	if f.polling {
		f.mu.Unlock()
		return Changes{}, ErrPolling
	}
	began, started, api, before := f.moment, f.clock.Now(), m.api, f.polled
	f.polling, f.polled, m.polled = true, started, started
	f.mu.Unlock()

	listing, err := api.List(ctx, f.known)

	f.mu.Lock()
	changes, err := m.finishPoll(listing, err, pollStart{began: began, at: started, api: api, before: before})
	f.mu.Unlock()
	f.enqueueOthers(m)
	return changes, err
}

// pollStart is what was so when a list began.
type pollStart struct {
	began uint64
	at    time.Time
	api   API
	// before is when the list before it began.
	before time.Time
}

func (m *Member) finishPoll(listing platform.Listing, err error, start pollStart) (Changes, error) {
	f := m.fleet
	f.polling = false
	switch {
	case start.api != m.api || f.members[m.name] != m:
		f.polled = time.Time{}
		return Changes{}, errReplaced
	case err != nil && (platform.IsConnectionTrouble(err) || platform.IsForbidden(err)):
		f.polled = start.before
		m.listed = start.at
		m.fail(err)
		m.outcome = err
		return Changes{}, err
	case pacedByItself(err):
		f.polled = start.before
		wait, _ := platform.IsRateLimited(err)
		m.throttledUntil = f.clock.Now().Add(wait)
		return Changes{}, err
	case err != nil:
		if _, limited := platform.IsRateLimited(err); !limited {
			// Whatever was wrong with the credentials, the trouble is the account's now.
			m.failure, m.outcome, m.failures, m.listed = nil, nil, 0, start.at
		}
		f.failList(err)
		return Changes{}, err
	}
	f.moment++
	m.failure, m.outcome, m.failures, m.listed, m.throttledUntil = nil, nil, 0, start.at, time.Time{}
	f.failures, f.throttledUntil, f.outcome = 0, time.Time{}, nil
	f.listed, f.merged = start.at, f.moment
	f.expireClaims()
	f.listCount++
	changes := Changes{Webhooks: f.merge(listing, start.began), Released: f.pace.Released()}
	if f.issues = listing.Issues; f.proves(listing) {
		f.complete, f.incomplete = start.at, 0
		changes.Waiting = f.takeWaiting(start.at)
	} else {
		f.incomplete++
		changes.Waiting = f.takeWaiting(time.Time{})
	}
	// What went wrong after this list began is not excused by it.
	if f.failedAt <= start.began {
		f.failure = nil
	}
	return changes, nil
}

// pacedByItself reports whether a list found no slot within the limits of its own member, while other members may find
// one.
func pacedByItself(err error) bool {
	pacing, own := errors.AsType[*platform.ThrottledError](err)
	return own && pacing.Own
}

func (f *Fleet) failList(err error) {
	if wait, limited := platform.IsRateLimited(err); limited {
		f.throttledUntil = f.clock.Now().Add(wait)
		pacing, own := errors.AsType[*platform.ThrottledError](err)
		switch {
		case !own:
			f.outcome = err
		case pacing.Closed && f.outcome == nil && wait > max(f.cadence().Interval, maxPollPause):
			// A list that is a little late is nothing to report. The answer that asked for the pause says more than the
			// pause: it may be another one than 429.
			f.outcome = cmp.Or(f.failure, err)
		}
		return
	}
	f.failures++
	f.outcome = err
	f.fail(err)
}

// proves reports whether a list proves that what it lacks is absent. One with an entry that may be any webhook does
// not: it has no id, or no callback that would show which create made it.
func (f *Fleet) proves(listing platform.Listing) bool {
	return !listing.Incomplete && !slices.ContainsFunc(listing.Unreadable, func(w platform.Webhook) bool {
		e := f.entries[platform.CanonicalID(w.ID)]
		return e == nil || e.webhook.CallbackURL == "" && w.CallbackURL == ""
	})
}

// takeWaiting returns the keys that wait for a list that began at started.
func (f *Fleet) takeWaiting(started time.Time) (keys []string) {
	for key, since := range f.waiting {
		if !since.After(started) {
			keys = append(keys, key)
			delete(f.waiting, key)
		}
	}
	return keys
}

const (
	// minPollPause lies between two lists even when one is asked for.
	minPollPause = time.Second
	// maxPollPause bounds the pause after credentials were refused again and again.
	maxPollPause = 5 * time.Minute
	// defaultInterval is for accounts whose members are all closed.
	defaultInterval = time.Minute
	// absentLists is for how many lists it is remembered that a webhook does not exist.
	absentLists = 10
)

// PollIn is how long to wait until this member should list: the account's interval, which is its members' shortest,
// after the last list; earlier when one is awaited. A list that found no slot within the rate limit is due as soon as
// there may be one. After failures the pauses grow: 1 s, 2 s, 4 s … up to the interval, or to 5 minutes where the
// member's own credentials fail, which seldom heals by itself. No member lists more often than its own Pause allows.
// One that may list less often than another lists only when that one cannot, or has not although it could.
func (m *Member) PollIn() time.Duration {
	f := m.fleet
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.clock.Now()
	return max(m.pollAt(now).Sub(now), 0)
}

func (m *Member) pollAt(now time.Time) time.Time {
	if m.failure != nil {
		return later(m.polled.Add(pause(m.failures, maxPollPause)), m.readyAt())
	}
	at := later(m.fleet.due(now), m.readyAt())
	for _, other := range m.fleet.members {
		if other.sound() && other.cadence.Pause < m.cadence.Pause && !other.readyAt().After(at) {
			return at.Add(m.cadence.Pause)
		}
	}
	return at
}

// readyAt is when the member's own limits allow its next list.
func (m *Member) readyAt() time.Time {
	if m.listed.IsZero() {
		return m.throttledUntil
	}
	return later(m.listed.Add(m.cadence.Pause), m.throttledUntil)
}

// listsBefore reports whether a member can make a list that is due sooner than another member; if both can at the same
// time, whether it may list more often.
func (m *Member) listsBefore(other *Member, due time.Time) bool {
	return cmp.Or(
		later(due, m.readyAt()).Compare(later(due, other.readyAt())),
		cmp.Compare(m.cadence.Pause, other.cadence.Pause),
		cmp.Compare(m.name, other.name),
	) < 0
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// pause is how long to wait after so many failures in a row.
func pause(failures int, longest time.Duration) time.Duration {
	return backoff.Doubling{First: minPollPause, Longest: longest}.After(max(failures, 1))
}

// cadence is the fastest that a member in use asks for.
func (f *Fleet) cadence() Cadence {
	fastest, used := Cadence{Interval: defaultInterval}, false
	for _, m := range f.members {
		switch {
		case m.closed != nil:
		case !used:
			fastest, used = m.cadence, true
		default:
			fastest.Interval = min(fastest.Interval, m.cadence.Interval)
			fastest.Pause = min(fastest.Pause, m.cadence.Pause)
		}
	}
	fastest.Pause = max(fastest.Pause, minPollPause)
	return fastest
}

// due is when the account should be listed, by any member.
func (f *Fleet) due(now time.Time) time.Time {
	if !f.throttledUntil.IsZero() && f.failures == 0 {
		return f.throttledUntil
	}
	return later(f.scheduled(now), f.throttledUntil)
}

func (f *Fleet) scheduled(now time.Time) time.Time {
	if f.polled.IsZero() {
		return now
	}
	cadence := f.cadence()
	interval := cadence.Interval
	if f.failures > 0 {
		return f.polled.Add(pause(f.failures, interval))
	}
	due := f.polled.Add(interval)
	sooner := func(t time.Time) {
		earliest := f.polled.Add(cadence.Pause)
		if f.incomplete > 0 {
			earliest = f.polled.Add(max(cadence.Pause, pause(f.incomplete, interval)))
		}
		if t.Before(earliest) {
			t = earliest
		}
		if t.Before(due) {
			due = t
		}
	}
	for _, since := range f.waiting {
		if !since.IsZero() {
			sooner(since)
		}
	}
	if f.failure != nil {
		sooner(f.failedTime)
	}
	return due
}

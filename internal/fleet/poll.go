package fleet

import (
	"context"
	"errors"
	"slices"
	"time"

	"webhook-operator.io/itwin/internal/platform"
)

// Changes is what a list found.
type Changes struct {
	// Webhooks whose remote side differs from the snapshot before, as they are now; of one that is missing, as it was.
	Webhooks []platform.Webhook
	// Waiting are the keys that awaited a successful list.
	Waiting []string
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

	listing, err := api.List(ctx)

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
	case err != nil && platform.IsConnectionTrouble(err):
		f.polled = start.before
		m.fail(err)
		return Changes{}, err
	case err != nil:
		if _, limited := platform.IsRateLimited(err); !limited {
			// Whatever was wrong with the credentials, the trouble is the account's now.
			m.failure, m.failures = nil, 0
		}
		f.failList(err)
		return Changes{}, err
	}
	f.moment++
	m.failure, m.failures = nil, 0
	f.failures, f.throttledUntil, f.outcome = 0, time.Time{}, nil
	f.listed, f.merged = start.at, f.moment
	f.listCount++
	changes := Changes{Webhooks: f.merge(listing, start.began)}
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

func (f *Fleet) failList(err error) {
	if wait, limited := platform.IsRateLimited(err); limited {
		f.throttledUntil = f.clock.Now().Add(wait)
		if pacing, own := errors.AsType[*platform.ThrottledError](err); !own || pacing.Closed {
			f.outcome = err
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
// after the last list; earlier when one is awaited. A list that found no place within the rate limit is due as soon as
// there may be one. After failures the pauses grow: 1 s, 2 s, 4 s … up to the interval, or to 5 minutes where the
// member's own credentials fail, which seldom heals by itself.
func (m *Member) PollIn() time.Duration {
	f := m.fleet
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.clock.Now()
	if m.failure != nil {
		return max(m.polled.Add(pause(m.failures, maxPollPause)).Sub(now), 0)
	}
	if !f.throttledUntil.IsZero() && f.failures == 0 {
		return max(f.throttledUntil.Sub(now), 0)
	}
	return max(f.due(now).Sub(now), f.throttledUntil.Sub(now), 0)
}

// pause is how long to wait after so many failures in a row.
func pause(failures int, longest time.Duration) time.Duration {
	return min(minPollPause<<min(max(failures-1, 0), 16), longest)
}

// cadence is the fastest that a member in use asks for.
func (f *Fleet) cadence() Cadence {
	var fastest Cadence
	for _, m := range f.members {
		if m.closed != nil {
			continue
		}
		if fastest.Interval == 0 || m.cadence.Interval < fastest.Interval {
			fastest.Interval = m.cadence.Interval
		}
		if fastest.Pause == 0 || m.cadence.Pause < fastest.Pause {
			fastest.Pause = m.cadence.Pause
		}
	}
	if fastest.Interval == 0 {
		fastest.Interval = defaultInterval
	}
	fastest.Pause = max(fastest.Pause, minPollPause)
	return fastest
}

func (f *Fleet) due(now time.Time) time.Time {
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

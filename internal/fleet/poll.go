package fleet

import (
	"context"
	"errors"
	"slices"
	"time"

	"webhook-operator.io/itwin/internal/platform"
)

// Changes is what a poll found.
type Changes struct {
	// IDs of the webhooks whose remote side differs from the picture before.
	IDs []string
	// Woken are the keys that awaited a successful list.
	Woken []string
}

// Poll lists all webhooks and takes over what the list may speak about. When it fails, nothing of the picture changes,
// writes wait, and the error says why.
func (f *Fleet) Poll(ctx context.Context) (Changes, error) {
	f.mu.Lock()
	began, started, api := f.moment, f.clock.Now(), f.api
	f.polled = started
	f.mu.Unlock()

	webhooks, err := api.List(ctx)

	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case api != f.api:
		return Changes{}, errReplaced
	case began < f.merged:
		return Changes{}, errOvertaken
	}
	if err != nil {
		f.failed(err)
		return Changes{}, err
	}
	f.moment++
	f.failures, f.held, f.listed, f.merged = 0, time.Time{}, started, f.moment
	f.heard++
	changes := Changes{IDs: f.merge(webhooks, began), Woken: f.wake(started)}
	// What went wrong after this list began is not excused by it.
	if f.shaken <= began {
		f.trouble = nil
	}
	return changes, nil
}

var (
	errReplaced  = errors.New("the client was replaced while it listed")
	errOvertaken = errors.New("another list ended while it listed")
)

func (f *Fleet) failed(err error) {
	if wait, limited := platform.IsRateLimited(err); limited {
		f.held = f.clock.Now().Add(wait)
		return
	}
	f.failures++
	f.distrust(err)
}

// wake returns those who wait for a list that began at started.
func (f *Fleet) wake(started time.Time) (keys []string) {
	for key, since := range f.waiting {
		if !since.After(started) {
			keys = append(keys, key)
			delete(f.waiting, key)
		}
	}
	return keys
}

const (
	// minPollPause lies between two lists even when somebody is in a hurry.
	minPollPause = time.Second
	// maxPollPause bounds the pause after credentials were refused again and again.
	maxPollPause = 5 * time.Minute
	// goneLists is for how many lists it is remembered that a webhook does not exist; who asks later confirms it again.
	goneLists = 10
)

// PollIn is how long to wait until the next list is due: an interval after the last one, earlier when somebody awaits
// one. One that found no place within the rate limit is due as soon as there may be one. After failures the pauses
// grow: 1 s, 2 s, 4 s … up to the interval, or to 5 minutes when the credentials are refused, which seldom heals by
// itself.
func (f *Fleet) PollIn(interval time.Duration) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.clock.Now()
	if !f.held.IsZero() && f.failures == 0 {
		return max(f.held.Sub(now), 0)
	}
	return max(f.due(interval, now).Sub(now), f.held.Sub(now), 0)
}

func (f *Fleet) due(interval time.Duration, now time.Time) time.Time {
	if f.polled.IsZero() {
		return now
	}
	if f.failures > 0 {
		longest := interval
		if platform.IsUnauthorized(f.trouble) {
			longest = maxPollPause
		}
		return f.polled.Add(min(minPollPause<<min(f.failures-1, 16), longest))
	}
	due := f.polled.Add(interval)
	sooner := func(t time.Time) {
		if earliest := f.polled.Add(minPollPause); t.Before(earliest) {
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
	if f.trouble != nil {
		sooner(f.troubled)
	}
	return due
}

// merge takes over a list that began at the given moment and returns the ids that changed by it.
func (f *Fleet) merge(webhooks []platform.Webhook, began uint64) (changed []string) {
	listed := make(map[string]bool, len(webhooks))
	for _, w := range webhooks {
		listed[w.ID] = true
		e := f.entries[w.ID]
		if e == nil {
			e = &entry{missing: true}
			f.entries[w.ID] = e
		}
		if e.mute(began) {
			continue
		}
		if e.missing || !same(e.webhook, w) {
			changed = append(changed, w.ID)
		}
		e.webhook, e.missing, e.hush, e.patience = w, false, 0, 0
		delete(f.gone, w.ID)
	}
	for id, e := range f.entries {
		if listed[id] || e.mute(began) {
			continue
		}
		if e.hush > 0 {
			e.hush--
			continue
		}
		if !e.missing {
			e.missing = true
			changed = append(changed, id)
		}
		if e.patience == 0 || f.isGone(id) {
			delete(f.entries, id)
		}
	}
	for id, since := range f.gone {
		if f.heard-since > goneLists {
			delete(f.gone, id)
		}
	}
	return changed
}

// mute tells whether a list that began at a moment has nothing to say about this webhook.
func (e *entry) mute(began uint64) bool { return e.writing > 0 || e.written > began }

func same(a, b platform.Webhook) bool {
	return a.Active == b.Active && a.CallbackURL == b.CallbackURL && a.Scope == b.Scope && a.ScopeID == b.ScopeID &&
		a.Created.Equal(b.Created) && a.Modified.Equal(b.Modified) && sameSet(a.EventTypes, b.EventTypes)
}

// sameSet compares lists whose order means nothing; in general it is the same.
func sameSet(a, b []string) bool {
	return slices.Equal(a, b) || slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

package fleet

import (
	"slices"
	"strings"
	"time"

	"webhook-operator.io/itwin/internal/platform"
)

// merge takes over a list that began at the given moment and returns the webhooks that changed by it.
// What it shows but does not describe keeps the state that was last known. An incomplete list makes nothing missing.
func (f *Fleet) merge(listing platform.Listing, began uint64) (changed []platform.Webhook) {
	first := len(f.entries) == 0
	if first {
		f.entries = make(map[string]*entry, len(listing.Webhooks))
	}
	known, moved := 0, 0
	for _, w := range listing.Webhooks {
		key := platform.CanonicalID(w.ID)
		e := f.entry(key)
		e.listed = f.listCount
		if e.mute(began) || e.outdates(w, f.clock.Now()) {
			continue
		}
		if !e.missing && !e.unknown {
			known++
			if movedOnly(e.webhook, w) {
				moved++
			}
		}
		if !first && (e.missing || e.unknown || !same(e.webhook, w)) {
			changed = append(changed, w)
		}
		if e.missing || !same(e.webhook, w) {
			e.called = time.Time{}
		}
		f.show(key, e, w)
		e.suppressPolls, e.suppressed = 0, 0
	}
	if f.noteRestless(known, moved) || first {
		// What was held back because of it is decided again. Of the first list, all is new.
		changed = slices.Clip(listing.Webhooks)
	}
	for _, w := range listing.Unreadable {
		changed = append(changed, f.mergeUnreadable(w, began)...)
	}
	if !listing.Incomplete {
		changed = append(changed, f.mergeUnlisted(began)...)
		f.confirmAbsences(began)
	}
	return changed
}

// mergeUnreadable notes that a webhook exists of which a list does not say more. One that was missing is present again,
// with an unknown state.
func (f *Fleet) mergeUnreadable(w platform.Webhook, began uint64) (changed []platform.Webhook) {
	key := platform.CanonicalID(w.ID)
	e := f.entry(key)
	e.listed = f.listCount
	if e.mute(began) || !e.missing && !e.unknown {
		return nil
	}
	known := !e.missing && e.webhook.Mark == w.Mark
	f.show(key, e, w)
	e.unknown, e.suppressPolls, e.suppressed = true, 0, 0
	if known {
		return nil
	}
	return []platform.Webhook{w}
}

// mergeUnlisted calls missing what the last list lacks, if that may speak about it.
func (f *Fleet) mergeUnlisted(began uint64) (changed []platform.Webhook) {
	for key, e := range f.entries {
		if e.listed == f.listCount || e.mute(began) {
			continue
		}
		if e.suppressPolls > 0 {
			e.suppressPolls--
			continue
		}
		if !e.missing {
			f.hide(key, e)
			changed = append(changed, e.webhook)
		}
		if _, absent := f.absent[key]; e.suppressed == 0 || absent {
			delete(f.entries, key)
		}
	}
	return changed
}

// confirmAbsences makes the absences that a read found before this list began certain, if the list lacks the webhook
// too; what it shows is present again. Old ones are forgotten.
func (f *Fleet) confirmAbsences(began uint64) {
	for key, read := range f.absent {
		if e := f.entries[key]; e != nil && !e.missing {
			delete(f.absent, key)
			continue
		}
		if read.moment <= began {
			read.confirmed = true
		}
		if f.absent[key] = read; f.listCount-read.listCount > absentLists {
			delete(f.absent, key)
		}
	}
}

const (
	// restlessLists is how many lists in a row must show that most webhooks moved for modified to be ignored. Where that
	// is fewer than restlessFew webhooks, which another client might have changed, it takes restlessListsOfFew.
	restlessLists      = 3
	restlessFew        = 3
	restlessListsOfFew = 6
)

// noteRestless counts the lists in a row in which most webhooks differ in nothing but modified. It reports whether that
// was found now to be how the platform is.
func (f *Fleet) noteRestless(known, moved int) (found bool) {
	switch {
	case f.restless:
		return false
	case moved == 0 || 2*moved <= known:
		f.moved, f.movedMany = 0, false
		return false
	}
	f.moved++
	f.movedMany = moved >= restlessFew
	f.restless = f.movedMany && f.moved >= restlessLists || f.moved >= restlessListsOfFew
	return f.restless
}

// Restlessness says how far the platform's times of modification can be relied on.
type Restlessness int

const (
	// Steady: they move when a webhook is changed.
	Steady Restlessness = iota
	// Suspect: most webhooks of the account moved at once and nothing else about them changed; wait for the next list.
	Suspect
	// Restless: they move by themselves, and say nothing.
	Restless
)

// Restlessness returns how far the platform's times of modification can be relied on. Once they were found to move by
// themselves they are not relied on any more.
func (f *Fleet) Restlessness() Restlessness {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.restless:
		return Restless
	case f.movedMany:
		return Suspect
	}
	return Steady
}

// entry returns what is known of a webhook, and makes it when nothing is.
func (f *Fleet) entry(key string) *entry {
	e := f.entries[key]
	if e == nil {
		e = &entry{missing: true}
		f.entries[key] = e
	}
	return e
}

// show makes a webhook present as the platform described it.
func (f *Fleet) show(key string, e *entry, w platform.Webhook) {
	if e.webhook.Mark != w.Mark {
		f.unmark(key, e.webhook.Mark)
	}
	e.webhook, e.missing, e.unknown = w, false, false
	f.mark(key, w.Mark)
}

// hide makes a webhook missing.
func (f *Fleet) hide(key string, e *entry) {
	f.unmark(key, e.webhook.Mark)
	e.missing = true
}

// outdatedFor is for how long a list may show a webhook as it was before the last call about it.
const outdatedFor = 5 * time.Minute

// outdates reports whether a list shows a webhook as it was before the last call about it, whose answer is known.
func (e *entry) outdates(listed platform.Webhook, now time.Time) bool {
	return !e.missing && !e.called.IsZero() && now.Sub(e.called) < outdatedFor && older(listed, e.webhook)
}

// older reports whether a is an earlier state than b, by the platform's own times. One that is told without a fraction
// is compared to the second.
func older(a, b platform.Webhook) bool {
	at, bt := a.Modified, b.Modified
	if at.Nanosecond() == 0 || bt.Nanosecond() == 0 {
		at, bt = at.Truncate(time.Second), bt.Truncate(time.Second)
	}
	return !a.Modified.IsZero() && !b.Modified.IsZero() && at.Before(bt)
}

// mute reports whether a list that began at a moment has nothing to say about this webhook.
func (e *entry) mute(began uint64) bool { return e.writing > 0 || e.written > began }

func same(a, b platform.Webhook) bool { return sameButModified(a, b) && a.Modified.Equal(b.Modified) }

func movedOnly(a, b platform.Webhook) bool {
	return sameButModified(a, b) && !a.Modified.Equal(b.Modified)
}

func sameButModified(a, b platform.Webhook) bool {
	return a.Active == b.Active && a.CallbackURL == b.CallbackURL && a.Scope == b.Scope && a.ScopeID == b.ScopeID &&
		a.Created.Equal(b.Created) && sameSet(a.EventTypes, b.EventTypes)
}

// sameSet compares lists whose order means nothing; in general it is the same.
func sameSet(a, b []string) bool {
	return slices.Equal(a, b) || slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// sortByAge sorts the oldest first; of two that are equally old, by id.
func sortByAge(webhooks []platform.Webhook) {
	slices.SortFunc(webhooks, func(a, b platform.Webhook) int {
		if c := a.Created.Compare(b.Created); c != 0 {
			return c
		}
		return compareNames(a.ID, b.ID)
	})
}

func compareNames(a, b string) int { return strings.Compare(a, b) }

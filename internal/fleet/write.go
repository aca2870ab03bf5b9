package fleet

import (
	"context"
	"fmt"

	"webhook-operator.io/itwin/internal/platform"
)

// Ready reports whether a change would be sent now: nil, or the error that it would be answered with. It sends nothing.
func (m *Member) Ready(priority platform.Priority) error {
	m.fleet.mu.Lock()
	err, api := m.admit(true), m.api
	m.fleet.mu.Unlock()
	if err != nil {
		return err
	}
	return api.Ready(priority)
}

// Create makes a remote webhook for an owner and enters it into the snapshot. The caller has made sure that no earlier
// attempt of the same owner left one behind.
func (m *Member) Create(
	ctx context.Context, priority platform.Priority, owner Owner, r platform.CreateRequest,
) (platform.Webhook, error) {
	f := m.fleet
	f.mu.Lock()
	err, api := m.admit(true), m.api
	f.mu.Unlock()
	if err != nil {
		return platform.Webhook{}, err
	}

	w, err := api.Create(ctx, priority, r)

	f.mu.Lock()
	merged := false
	if err == nil {
		key := platform.CanonicalID(w.ID)
		current, taken := f.claimed(key)
		known := f.entries[key] != nil && !f.entries[key].missing
		if merged = taken && current != owner || known && w.Mark != string(owner); !merged {
			f.claims[key] = claim{owner, f.clock.Now()}
		}
		f.record(w)
	}
	if err = m.after(api, err); err == nil && merged {
		return w, &MergedError{w.ID}
	}
	return w, err
}

// MergedError says that the platform answered a create with a webhook that was there before.
type MergedError struct{ ID string }

func (e *MergedError) Error() string {
	return fmt.Sprintf("the platform created no webhook but answered with %s, which exists already", e.ID)
}

// Update changes a remote webhook and enters its new state into the snapshot. After an error for which
// platform.IsAccepted holds the webhook is Unseen until it is read, or listed by a list that began later.
func (m *Member) Update(
	ctx context.Context, priority platform.Priority, id string, p platform.Patch,
) (platform.Webhook, error) {
	return m.write(id, changing, func(api API, id string) (platform.Webhook, error) {
		return api.Update(ctx, priority, id, p)
	})
}

// Confirm reads one webhook, to find out whether it exists. Not existing is an answer, not an error: the webhook is
// Absent then, and Gone once a list that begins later lacks it too.
func (m *Member) Confirm(ctx context.Context, priority platform.Priority, id string) error {
	_, presence := m.fleet.Lookup(id)
	_, err := m.write(id, reading, func(api API, id string) (platform.Webhook, error) {
		return api.Get(ctx, priority, id)
	})
	if platform.IsNotFound(err) {
		return nil
	}
	if err == nil && presence == Missing {
		m.fleet.noteUnlisted(id)
	}
	return err
}

// Delete removes a remote webhook. After an error for which platform.IsAccepted holds it is Missing. An answer of 404
// is an error: the webhook may be one that the credentials may not see, so its absence is unconfirmed.
func (m *Member) Delete(ctx context.Context, priority platform.Priority, id string) error {
	_, err := m.write(id, deleting, func(api API, id string) (platform.Webhook, error) {
		return platform.Webhook{}, api.Delete(ctx, priority, id)
	})
	return err
}

// kind of a call about one webhook.
type kind int

const (
	reading kind = iota
	changing
	deleting
)

// write brackets a call about one webhook, so that no list that began before its end speaks about it. Only a change is
// refused by a closed member.
func (m *Member) write(
	id string, what kind, call func(api API, id string) (platform.Webhook, error),
) (platform.Webhook, error) {
	f, key := m.fleet, platform.CanonicalID(id)
	f.mu.Lock()
	if err := m.admit(what == changing); err != nil {
		f.mu.Unlock()
		return platform.Webhook{}, err
	}
	e := f.entry(key)
	if platform.SameID(e.webhook.ID, id) {
		id = e.webhook.ID // the platform's own spelling
	}
	e.writing++
	began, api := f.moment, m.api
	f.mu.Unlock()

	w, err := call(api, id)

	f.mu.Lock()
	e.writing--
	overtaken := e.written > began
	f.moment++
	e.written = f.moment
	f.entries[key] = e
	switch {
	case platform.IsNotFound(err):
		f.hide(key, e)
		if what == reading {
			f.absent[key] = absence{moment: f.moment, listCount: f.listCount}
		}
	case platform.IsAccepted(err) && what == deleting:
		f.hide(key, e)
	case platform.IsAccepted(err):
		e.unknown = true
	case err == nil && what == deleting:
		f.hide(key, e)
		f.absent[key] = absence{moment: f.moment, listCount: f.listCount, confirmed: true}
	case err == nil && what == reading && e.outdates(w, f.clock.Now()):
		// It shows what was so before the last call.
	case err == nil && overtaken && (what == reading || f.absent[key].confirmed):
		// Another call about it ended meanwhile, and this answer may be older: a read says nothing then, and nothing
		// brings back what was deleted.
	case err == nil:
		f.record(w)
	}
	return w, m.after(api, err)
}

// after unlocks what the caller locked, and asks for a list when the answer cannot be trusted.
func (m *Member) after(api API, err error) error {
	if api == m.api {
		m.note(err)
	}
	poll := m.fleet.failure != nil
	m.fleet.mu.Unlock()
	if poll {
		m.fleet.requestPoll()
	}
	if unreliable(err) && platform.IsConnectionTrouble(err) {
		m.enqueue()
	}
	return err
}

// record enters what a write returned.
func (f *Fleet) record(w platform.Webhook) {
	key := platform.CanonicalID(w.ID)
	e := f.entry(key)
	f.moment++
	e.written, e.called = f.moment, f.clock.Now()
	f.show(key, e, w)
	delete(f.absent, key)
}

// noteUnlisted notes that a webhook exists although the lists lack it. It is not called missing again at each list, but
// after 1, 2, 4 … 64 of them.
func (f *Fleet) noteUnlisted(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if e := f.entries[platform.CanonicalID(id)]; e != nil {
		e.suppressed = min(max(2*e.suppressed, 1), 64)
		e.suppressPolls = e.suppressed
	}
}

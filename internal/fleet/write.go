package fleet

import (
	"context"
	"slices"
	"strings"

	"webhook-operator.io/itwin/internal/platform"
)

// Ready tells whether a change would be sent now: nil, or the error that it would be answered with. It sends nothing.
func (f *Fleet) Ready(ctx context.Context) error {
	f.mu.Lock()
	err, api := f.admit(true), f.api
	f.mu.Unlock()
	if err != nil {
		return err
	}
	return api.Ready(ctx)
}

// Create makes a remote webhook for an owner and enters it into the picture. Whoever calls has made sure that no
// earlier attempt of the same owner left one behind.
func (f *Fleet) Create(ctx context.Context, owner Owner, r platform.CreateRequest) (platform.Webhook, error) {
	shape := shapeOf(r)
	f.mu.Lock()
	if err := f.admit(true); err != nil {
		f.mu.Unlock()
		return platform.Webhook{}, err
	}
	f.creating[shape]++
	api := f.api
	f.mu.Unlock()

	w, err := api.Create(ctx, r)

	f.mu.Lock()
	if f.creating[shape]--; f.creating[shape] == 0 {
		delete(f.creating, shape)
	}
	if err == nil {
		f.record(w)
		f.owners[w.ID] = owner
	}
	return w, f.after(err)
}

// Update changes a remote webhook and enters its new state into the picture.
func (f *Fleet) Update(ctx context.Context, id string, p platform.Patch) (platform.Webhook, error) {
	return f.write(id, true, func() (platform.Webhook, error) { return f.client().Update(ctx, id, p) })
}

// Confirm reads one webhook, to find out whether it exists. Not existing is an answer, not an error.
func (f *Fleet) Confirm(ctx context.Context, id string) error {
	_, presence := f.Lookup(id)
	_, err := f.write(id, false, func() (platform.Webhook, error) { return f.client().Get(ctx, id) })
	if platform.IsNotFound(err) {
		return nil
	}
	if err == nil && presence == Missing {
		f.unlisted(id)
	}
	return err
}

// Delete removes a remote webhook. One that is gone already is no error.
func (f *Fleet) Delete(ctx context.Context, id string) error {
	_, err := f.write(id, false, func() (platform.Webhook, error) {
		return platform.Webhook{}, f.client().Delete(ctx, id)
	})
	if platform.IsNotFound(err) {
		return nil
	}
	return err
}

// write brackets a call about one webhook, so that no list that began before its end speaks about it. Only a change is
// refused by a closed connection.
func (f *Fleet) write(id string, change bool, call func() (platform.Webhook, error)) (platform.Webhook, error) {
	f.mu.Lock()
	if err := f.admit(change); err != nil {
		f.mu.Unlock()
		return platform.Webhook{}, err
	}
	e := f.entries[id]
	if e == nil {
		e = &entry{missing: true}
		f.entries[id] = e
	}
	e.writing++
	began := f.moment
	f.mu.Unlock()

	w, err := call()

	f.mu.Lock()
	e.writing--
	overtaken := e.written > began
	f.moment++
	e.written = f.moment
	switch {
	case platform.IsNotFound(err) || err == nil && w.ID == "":
		e.missing = true
		f.gone[id] = f.heard
	case err == nil && overtaken && (!change || f.isGone(id)):
		// Another call about it ended meanwhile, and this answer may be older: a read says nothing then, and nothing
		// brings back what is gone.
	case err == nil:
		f.record(w)
	}
	return w, f.after(err)
}

// after unlocks what the caller locked, and asks for a poll when the answer was suspect.
func (f *Fleet) after(err error) error {
	f.suspect(err)
	nudge := f.trouble != nil
	f.mu.Unlock()
	if nudge {
		f.nudge()
	}
	return err
}

// record enters what a write returned.
func (f *Fleet) record(w platform.Webhook) {
	e := f.entries[w.ID]
	if e == nil {
		e = &entry{}
		f.entries[w.ID] = e
	}
	f.moment++
	e.webhook, e.missing, e.written = w, false, f.moment
	delete(f.gone, w.ID)
}

// unlisted notes that a webhook exists although the lists lack it. Such a rumour is not raised again at each list, but
// after 1, 2, 4 … 64 of them.
func (f *Fleet) unlisted(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if e := f.entries[id]; e != nil {
		e.patience = min(max(2*e.patience, 1), 64)
		e.hush = e.patience
	}
}

// Claim makes an owner the one owner of a webhook, unless another is already.
func (f *Fleet) Claim(id string, owner Owner) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if current, taken := f.owners[id]; taken && current != owner {
		return false
	}
	f.owners[id] = owner
	return true
}

// Owned tells whether an owner of this process claims a webhook.
func (f *Fleet) Owned(id string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, owned := f.owners[id]
	return owned
}

// Release forgets what was known of a webhook on behalf of its owner, who no longer wants it.
func (f *Fleet) Release(id string, owner Owner) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if current, taken := f.owners[id]; taken && current != owner {
		return
	}
	delete(f.owners, id)
	delete(f.gone, id)
	if e := f.entries[id]; e != nil {
		e.hush, e.patience = 0, 0
	}
}

// Unowned returns the webhooks that nobody of this process owns and that match, oldest first. ok is false while a
// create of the same callback and scope is under way: its webhook may be among them.
func (f *Fleet) Unowned(
	r platform.CreateRequest, match func(platform.Webhook) bool,
) (found []platform.Webhook, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.creating[shapeOf(r)] > 0 {
		return nil, false
	}
	for id, e := range f.entries {
		if _, owned := f.owners[id]; !owned && !e.missing && match(e.webhook) {
			found = append(found, e.webhook)
		}
	}
	slices.SortFunc(found, func(a, b platform.Webhook) int {
		if c := a.Created.Compare(b.Created); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return found, true
}

// shapeOf is what a webhook has in common with all that may be taken for it. An adopter does not mind event types, and
// ids are the same in either case.
func shapeOf(r platform.CreateRequest) string {
	return strings.Join([]string{r.CallbackURL, r.Scope, strings.ToLower(r.ScopeID)}, "\n")
}

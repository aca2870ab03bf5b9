package fleet

import "webhook-operator.io/itwin/internal/platform"

// Claim makes an owner the one owner of a webhook in this process. It reports false when another owns it already.
func (f *Fleet) Claim(id string, owner Owner) bool {
	key := platform.CanonicalID(id)
	f.mu.Lock()
	defer f.mu.Unlock()
	if current, taken := f.owners[key]; taken && current != owner {
		return false
	}
	f.owners[key] = owner
	return true
}

// Owned reports whether an owner of this process claims a webhook.
func (f *Fleet) Owned(id string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, owned := f.owners[platform.CanonicalID(id)]
	return owned
}

// Release forgets what was known of a webhook on behalf of its owner, which no longer wants it.
func (f *Fleet) Release(id string, owner Owner) {
	key := platform.CanonicalID(id)
	f.mu.Lock()
	defer f.mu.Unlock()
	if current, taken := f.owners[key]; taken && current != owner {
		return
	}
	delete(f.owners, key)
	if e := f.entries[key]; e != nil {
		e.suppressPolls, e.suppressed = 0, 0
	}
}

// Unowned returns the webhooks that no owner of this process claims and that match, the oldest first.
func (f *Fleet) Unowned(match func(platform.Webhook) bool) (found []platform.Webhook) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for key, e := range f.entries {
		if _, owned := f.owners[key]; !owned && !e.missing && !e.unknown && match(e.webhook) {
			found = append(found, e.webhook)
		}
	}
	sortByAge(found)
	return found
}

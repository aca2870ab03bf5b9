package fleet

import (
	"time"

	"webhook-operator.io/itwin/internal/platform"
)

// claimFor is how long a claim counts: until the caches of this process show who owns the webhook by what was written
// down. From then on that counts.
const claimFor = 30 * time.Second

// claim says who takes a webhook over, and since when.
type claim struct {
	owner Owner
	since time.Time
}

// Claim makes an owner the one owner of a webhook in this process, until that is written down and seen. It reports
// false when another owner's claim counts.
func (f *Fleet) Claim(id string, owner Owner) bool {
	key := platform.CanonicalID(id)
	f.mu.Lock()
	defer f.mu.Unlock()
	if current, claimed := f.claimed(key); claimed && current != owner {
		return false
	}
	f.claims[key] = claim{owner, f.clock.Now()}
	return true
}

// claimed returns whose claim to a webhook counts.
func (f *Fleet) claimed(key string) (Owner, bool) {
	c, found := f.claims[key]
	if found && f.clock.Since(c.since) >= claimFor {
		delete(f.claims, key)
		return "", false
	}
	return c.owner, found
}

// expireClaims drops those that count no more.
func (f *Fleet) expireClaims() {
	for key := range f.claims {
		f.claimed(key)
	}
}

// Owned reports whether an owner of this process claims a webhook.
func (f *Fleet) Owned(id string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, claimed := f.claimed(platform.CanonicalID(id))
	return claimed
}

// Release forgets what was known of a webhook on behalf of its owner, which no longer wants it.
func (f *Fleet) Release(id string, owner Owner) {
	key := platform.CanonicalID(id)
	f.mu.Lock()
	defer f.mu.Unlock()
	if current, claimed := f.claimed(key); claimed && current != owner {
		return
	}
	delete(f.claims, key)
	if e := f.entries[key]; e != nil {
		e.suppressPolls, e.suppressed = 0, 0
	}
}

// EachUnowned calls do for each webhook that no owner of this process claims, also where its state is not known, in no
// order. The snapshot is locked meanwhile: do must not ask it for anything.
func (f *Fleet) EachUnowned(do func(w platform.Webhook)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for key, e := range f.entries {
		if _, claimed := f.claimed(key); !claimed && !e.missing {
			do(e.webhook)
		}
	}
}

// Unowned returns the webhooks that no owner of this process claims and that match, the oldest first.
func (f *Fleet) Unowned(match func(platform.Webhook) bool) (found []platform.Webhook) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for key, e := range f.entries {
		if _, claimed := f.claimed(key); !claimed && !e.missing && !e.unknown && match(e.webhook) {
			found = append(found, e.webhook)
		}
	}
	sortByAge(found)
	return found
}

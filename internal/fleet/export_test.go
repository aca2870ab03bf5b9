package fleet

import "webhook-operator.io/itwin/internal/platform"

// Size counts what the fleet remembers, for tests of what it forgets.
func (f *Fleet) Size() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.entries) + len(f.absent) + len(f.marks) + len(f.claims) + len(f.waiting)
}

// Webhooks returns all webhooks of the snapshot, in no order.
func (f *Fleet) Webhooks() (all []platform.Webhook) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.entries {
		if !e.missing {
			all = append(all, e.webhook)
		}
	}
	return all
}

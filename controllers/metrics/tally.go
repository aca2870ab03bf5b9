package metrics

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
)

var (
	// Reactivations counts, by Webhook, what the operator turned on again.
	Reactivations tally[types.NamespacedName]
	// RefusedStatusWrites counts, by namespace, the writes of Webhook statuses that the API server refused.
	RefusedStatusWrites tally[string]
)

// tally counts something by a key. A key that was never counted takes no memory, and its count is 0: a scrape tells it
// for every object that there is, so that an increase shows the first step of each.
type tally[K comparable] struct {
	mu sync.Mutex
	of map[K]uint64
}

// Inc counts one more.
func (t *tally[K]) Inc(key K) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of == nil {
		t.of = map[K]uint64{}
	}
	t.of[key]++
}

func (t *tally[K]) count(key K) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.of[key]
}

func (t *tally[K]) forget(key K) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.of, key)
}

// ForgetWebhook drops what was counted of a Webhook that is gone, or that another process serves.
func ForgetWebhook(name types.NamespacedName) { Reactivations.forget(name) }

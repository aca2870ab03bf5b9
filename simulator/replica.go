package simulator

import (
	"slices"
	"time"
)

// replica is a copy of the webhooks that follows the simulator with a delay of virtual time. It needs no goroutine:
// changes are applied when they are old enough and the replica is used.
type replica struct {
	webhooks []*webhook // oldest first
	byID     map[string]*webhook
	pending  []replicaChange // oldest first
}

// replicaChange is the state of one webhook after a change.
type replicaChange struct {
	at      time.Time
	id      string
	webhook *webhook // nil: deleted
}

func newReplica(webhooks []*webhook) *replica {
	r := &replica{byID: map[string]*webhook{}}
	for _, w := range webhooks {
		r.put(w.ID, copyForReplica(w))
	}
	return r
}

func copyForReplica(w *webhook) *webhook { return &webhook{Webhook: w.view()} }

// put stores the state of one webhook; nil removes it.
func (r *replica) put(id string, w *webhook) {
	old, found := r.byID[id]
	switch {
	case w == nil && found:
		delete(r.byID, id)
		i := slices.Index(r.webhooks, old)
		r.webhooks = slices.Delete(r.webhooks, i, i+1)
	case w == nil:
	case found:
		*old = *w
	default:
		r.byID[id] = w
		r.webhooks = append(r.webhooks, w)
	}
}

// catchUp applies the changes that were made by the given time.
func (r *replica) catchUp(to time.Time) {
	applied := 0
	for _, change := range r.pending {
		if change.at.After(to) {
			break
		}
		r.put(change.id, change.webhook)
		applied++
	}
	r.pending = slices.Delete(r.pending, 0, applied)
}

// recordChange notes a change of a webhook for the answers that lag behind; deleted reports whether it is gone.
func (s *Simulator) recordChange(w *webhook, deleted bool) {
	now := s.clock.now()
	for _, active := range s.variants {
		if active.replica == nil {
			continue
		}
		change := replicaChange{at: now, id: w.ID}
		if !deleted {
			change.webhook = copyForReplica(w)
		}
		active.replica.pending = append(active.replica.pending, change)
		active.replica.catchUp(now.Add(-active.duration))
	}
}

// replicaOf returns what the answers of a lagging variant show now, or nil when the variant is off.
func (s *Simulator) replicaOf(name string) *replica {
	active := s.variants[name]
	if active == nil {
		return nil
	}
	active.replica.catchUp(s.clock.now().Add(-active.duration))
	return active.replica
}

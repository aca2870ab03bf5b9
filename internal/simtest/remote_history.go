package simtest

import (
	"slices"
	"time"

	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/simulator"
)

// remoteHistory is what each webhook of the platform has been, by its canonical id. It is noted after each request that
// the platform answers: what lay between two answers no process has been told.
type remoteHistory map[string][]remoteState

// remoteState is a webhook from a moment on; absent from then on where there is none.
type remoteState struct {
	from   time.Time
	exists bool
	simulator.Webhook
}

// note adds what has changed.
func (h remoteHistory) note(webhooks []simulator.Webhook) {
	now, present := time.Now(), make(map[string]bool, len(webhooks))
	for _, w := range webhooks {
		id := platform.CanonicalID(w.ID)
		present[id] = true
		if states := h[id]; len(states) == 0 || !states[len(states)-1].is(w) {
			h[id] = append(states, remoteState{from: now, exists: true, Webhook: w})
		}
	}
	for id, states := range h {
		if !present[id] && states[len(states)-1].exists {
			h[id] = append(states, remoteState{from: now})
		}
	}
}

// is reports whether a webhook is in this state, as far as a status tells of it.
func (s remoteState) is(w simulator.Webhook) bool {
	return s.exists && s.Active == w.Active && s.CallbackURL == w.CallbackURL && s.Scope == w.Scope &&
		s.ScopeID == w.ScopeID && slices.Equal(s.EventTypes, w.EventTypes)
}

// ever reports whether a webhook was, at some moment since a time, in a state that holds.
func (h remoteHistory) ever(id string, since time.Time, holds func(remoteState) bool) bool {
	for _, s := range slices.Backward(h[platform.CanonicalID(id)]) {
		if s.exists && holds(s) {
			return true
		}
		if !s.from.After(since) {
			break
		}
	}
	return false
}

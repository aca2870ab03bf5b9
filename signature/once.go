package signature

import (
	"errors"
	"sync"
)

// DefaultRemembered is how many events a Once remembers unless it is told otherwise.
const DefaultRemembered = 10_000

// ErrInProgress is returned about an event that is being processed already: answer 503, so that the platform tries
// again later.
var ErrInProgress = errors.New("process the event: another delivery of it is being processed")

// Once processes each event once, by its Event.Key: the platform delivers an event again when an answer was late or
// was lost. An event has the same MessageID for each webhook that it is delivered for: by that alone, a handler that
// serves several webhooks would process it for one of them. The zero value is ready to use; it is safe for concurrent
// use.
//
// It remembers in memory, and the last events only. Replicas of a receiver, and one that was restarted, process an
// event again: where that does harm, keep the Key with what the event changed, in the same transaction.
type Once struct {
	// Remembered is how many processed events are remembered; zero is DefaultRemembered. It must not be changed later.
	Remembered int

	mu    sync.Mutex
	begun map[string]bool // whether it was processed, or is being
	done  []string        // a ring of those processed, whose oldest is at next
	next  int
}

// Do calls process unless the event with this key was processed before, and reports whether it did. When process fails
// or panics, the event counts as not processed, so that its next delivery is. Without a key, it is always processed.
func (o *Once) Do(key string, process func() error) (processed bool, err error) {
	if key == "" {
		return true, process()
	}
	switch known, done := o.begin(key); {
	case done:
		return false, nil
	case known:
		return false, ErrInProgress
	}
	succeeded := false
	defer func() { o.end(key, succeeded) }()
	err = process()
	succeeded = err == nil
	return true, err
}

// begin notes that an event is being processed, unless it is known already.
func (o *Once) begin(key string) (known, done bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if done, known = o.begun[key]; known {
		return known, done
	}
	if o.begun == nil {
		o.begun = map[string]bool{}
	}
	o.begun[key] = false
	return false, false
}

// end remembers an event that was processed, in place of the oldest one, and forgets one that was not.
func (o *Once) end(key string, processed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !processed {
		delete(o.begun, key)
		return
	}
	o.begun[key] = true
	limit := o.Remembered
	if limit <= 0 {
		limit = DefaultRemembered
	}
	if len(o.done) < limit {
		o.done = append(o.done, key)
		return
	}
	delete(o.begun, o.done[o.next])
	o.done[o.next] = key
	o.next = (o.next + 1) % limit
}

// Package receiver is a small receiver of events, as a team may write it, with its manifest beside it.
package receiver

import (
	"io"
	"net/http"
	"sync"

	"webhook-operator.io/itwin/signature"
)

// Receiver counts the deletions of iModels, each once.
type Receiver struct {
	// Secrets are those that events may be signed with.
	Secrets func(*http.Request) ([]string, error)

	once    signature.Once
	mu      sync.Mutex
	deleted int
}

// Deleted is how many deletions it has counted.
func (r *Receiver) Deleted() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.deleted
}

// ServeHTTP takes one event.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	handler := signature.Handler{Secrets: r.Secrets, Next: http.HandlerFunc(r.take)}
	handler.ServeHTTP(w, request)
}

// take counts an event whose signature is verified.
func (r *Receiver) take(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		http.Error(w, "the event is not complete", http.StatusBadRequest)
		return
	}
	event, err := signature.ParseEvent(body)
	if err != nil {
		http.Error(w, "this is no event", http.StatusBadRequest)
		return
	}
	if event.Synthetic() {
		return // a test of the route by kubectl itwin test
	}
	_, err = r.once.Do(event.Key(), func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.deleted++
		return nil
	})
	if err != nil {
		http.Error(w, "the event is being processed", http.StatusServiceUnavailable)
	}
}

package simulator

import (
	"net/url"
	"time"
)

// Attempt is one attempt to deliver an event to a callback.
type Attempt struct {
	MessageID string    `json:"messageId"`
	WebhookID string    `json:"webhookId"`
	EventType string    `json:"eventType"`
	Attempt   int       `json:"attempt"` // 1 is the first, 13 the last
	Time      Timestamp `json:"time"`    // virtual, of its begin
	URL       string    `json:"url"`
	Status    int       `json:"status"`    // of the answer; 0: there was none
	LatencyMS int64     `json:"latencyMs"` // in real time
	Outcome   Outcome   `json:"outcome"`
	Error     string    `json:"error,omitempty"`
	// Next is when the event is tried again; absent when it is not.
	Next *Timestamp `json:"next,omitempty"`
}

// Outcome is what came of an attempt.
type Outcome string

const (
	// Delivered: the answer was 200, complete and in time.
	Delivered Outcome = "delivered"
	// Failed: it was not; there may be another attempt.
	Failed Outcome = "failed"
	// GaveUp: it was not, that was the last attempt, and the webhook has been deactivated.
	GaveUp Outcome = "gaveUp"
)

// delivery is a message in the queue of a webhook.
type delivery struct {
	webhook *webhook
	message *message
	failed  int // attempts so far
	due     time.Time
	task    *task
}

// enqueue plans the next attempt of a delivery.
func (s *Simulator) enqueue(w *webhook, d *delivery) {
	if _, queued := w.queue[d]; !queued {
		w.queue[d] = struct{}{}
		s.queuedBytes += d.message.size()
	}
	d.task = s.scheduler.at(d.due, func() { s.dispatch(d) })
}

func (s *Simulator) dequeue(d *delivery) {
	delete(d.webhook.queue, d)
	s.queuedBytes -= d.message.size()
	s.scheduler.cancel(d.task)
}

// dropQueue forgets what waits for a webhook. Attempts under way end as they end, and are not repeated.
func (s *Simulator) dropQueue(w *webhook) {
	for d := range w.queue {
		s.dequeue(d)
	}
}

// dispatch hands a delivery that is due to the workers.
func (s *Simulator) dispatch(d *delivery) {
	s.mu.Lock()
	host := callbackHost(d.webhook.CallbackURL)
	s.mu.Unlock()
	s.dispatcher.submit(host, d.webhook.ID, func() { s.attempt(d) })
}

// callbackHost is the host and port of a callback.
func callbackHost(callbackURL string) string {
	parsed, err := url.Parse(callbackURL)
	if err != nil {
		panic("simulator: a callback URL that was not checked: " + err.Error())
	}
	return parsed.Host
}

// attempt tries to deliver once, with the callback and the secret that the webhook has now, and records how it went.
func (s *Simulator) attempt(d *delivery) {
	s.mu.Lock()
	w, begun := d.webhook, s.clock.now()
	if _, queued := w.queue[d]; !queued || s.closed.Err() != nil {
		s.mu.Unlock()
		return
	}
	target, body, secret, accepts := w.CallbackURL, w.body(d.message), w.Secret, w.accepts
	s.mu.Unlock()

	result := s.sender.post(s.closed, target, body, secret, accepts)
	if s.closed.Err() != nil {
		return // broken off by the end of the simulator: not an attempt
	}

	defer s.state.later()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record(d, result, Attempt{
		MessageID: d.message.ID, WebhookID: w.ID, EventType: d.message.Type, Attempt: d.failed + 1,
		Time: Timestamp{begun}, URL: target,
		Status: result.status, LatencyMS: result.latency.Milliseconds(), Outcome: Delivered,
	})
}

// record writes an attempt down and draws the consequence.
func (s *Simulator) record(d *delivery, result result, a Attempt) {
	if result.err != nil {
		a.Outcome, a.Error = Failed, result.err.Error()
		d.failed++
	}
	if _, queued := d.webhook.queue[d]; queued {
		s.conclude(d, &a)
	}
	s.attempts.add(a)
	s.note("event "+string(a.Outcome), "eventType", a.EventType, "webhook", a.WebhookID, "attempt", a.Attempt,
		"status", a.Status, "latencyMs", a.LatencyMS, "reason", a.Error)
}

// conclude ends a delivery, or plans the next attempt, or gives the webhook up.
func (s *Simulator) conclude(d *delivery, a *Attempt) {
	if a.Outcome == Delivered {
		s.dequeue(d)
		return
	}
	due, again := retryDue(d.failed, a.Time.Time)
	if !again {
		a.Outcome = GaveUp
		s.setActive(d.webhook, false, "the platform")
		return
	}
	d.due, a.Next = due, &Timestamp{due}
	s.enqueue(d.webhook, d)
}

// Deliveries returns the attempts of the latest past, oldest first.
func (s *Simulator) Deliveries() []Attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.attempts.list()
}

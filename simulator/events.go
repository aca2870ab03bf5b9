package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Event is something that happens on the platform.
type Event struct {
	// ClientID is the account in which it happens; empty is all of them.
	ClientID string `json:"clientId"`
	// EventType is api.action.version. For webhooks of version 1 the action counts: they subscribe to the event
	// iModels.iModelDeleted.v1 as iModelDeletedEvent.
	EventType string `json:"eventType"`
	// ITwinID is the UUID of the iTwin in which it happens. Webhooks of scope iTwin get only events of their own.
	ITwinID string `json:"iTwinId"`
	// Content is a JSON object, which differs by event type; nil is an empty one.
	Content json.RawMessage `json:"content"`
}

// Published tells what became of an event.
type Published struct {
	// MessageID identifies the event in every attempt to deliver it, to whichever webhook.
	MessageID string `json:"messageId"`
	// Webhooks are the ids of those it is being delivered to, oldest first.
	Webhooks []string `json:"webhooks"`
}

// Bounds of what waits to be delivered. Content is counted once for every webhook it waits for.
const (
	maxContent      = 64 << 10
	maxQueuedBytes  = 64 << 20
	deliveryMinSize = 512 // of what is kept besides the content
)

// ErrQueueFull refuses an event because too much waits to be delivered already.
var ErrQueueFull = errors.New("too many events wait to be delivered: advance the clock, or fix or delete webhooks")

// message is an event on its way to the webhooks that subscribe to it.
type message struct {
	ID       string          `json:"id"`
	Type     string          `json:"type"`
	ITwinID  string          `json:"iTwinId"`
	Content  json.RawMessage `json:"content"`
	Enqueued time.Time       `json:"enqueued"`
}

func (m *message) size() int { return len(m.Content) + deliveryMinSize }

// Publish delivers an event to every active webhook that subscribes to it. It does not wait for the callbacks.
func (s *Simulator) Publish(e Event) (Published, error) {
	if err := e.complete(); err != nil {
		return Published{}, err
	}
	if !s.known.has(e.EventType) {
		return Published{}, fmt.Errorf("%q is no event type of the platform, as the simulator was told them", e.EventType)
	}
	defer s.state.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	m := &message{ID: uuid.NewString(), Type: e.EventType, ITwinID: e.ITwinID, Content: e.Content, Enqueued: s.clock.now()}
	subscribers := s.subscribers(e)
	if s.queuedBytes+len(subscribers)*m.size() > maxQueuedBytes {
		return Published{}, ErrQueueFull
	}
	published := Published{MessageID: m.ID, Webhooks: []string{}}
	for _, w := range subscribers {
		s.enqueue(w, &delivery{webhook: w, message: m, due: m.Enqueued})
		published.Webhooks = append(published.Webhooks, w.ID)
	}
	s.note("event published", "eventType", e.EventType, "messageId", m.ID, "webhooks", len(subscribers))
	return published, nil
}

// complete checks an event and gives it a content.
func (e *Event) complete() error {
	if !eventTypePatternV2.MatchString(e.EventType) {
		return fmt.Errorf("eventType must be like iModels.iModelDeleted.v1, api.action.version, and not %q", e.EventType)
	}
	if !isUUID(e.ITwinID) {
		return fmt.Errorf("iTwinId must be a UUID, and not %q", e.ITwinID)
	}
	if len(e.Content) == 0 || string(e.Content) == "null" {
		e.Content = json.RawMessage("{}")
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, e.Content); err != nil || compact.Bytes()[0] != '{' {
		return errors.New("content must be a JSON object")
	}
	if compact.Len() > maxContent {
		return fmt.Errorf("content must have at most %d bytes", maxContent)
	}
	e.Content = compact.Bytes()
	return nil
}

func (s *Simulator) subscribers(e Event) []*webhook {
	var all []*webhook
	for _, w := range s.webhooks {
		if w.receives() && (e.ClientID == "" || e.ClientID == w.ClientID) && w.subscribesTo(e) {
			all = append(all, w)
		}
	}
	return all
}

func (w *webhook) subscribesTo(e Event) bool {
	switch w.Scope {
	case scopeITwin:
		return strings.EqualFold(w.ScopeID, e.ITwinID) && slices.Contains(w.EventTypes, e.EventType)
	case scopeIModel:
		return strings.EqualFold(w.ScopeID, e.iModelID()) && w.typeV1(e.EventType) != ""
	}
	return slices.Contains(w.EventTypes, e.EventType)
}

// iModelID is the iModel that an event is about, if any.
func (e Event) iModelID() string {
	var content struct {
		IModelID string `json:"imodelId"`
	}
	_ = json.Unmarshal(e.Content, &content) // an imodelId that is no string is none
	return content.IModelID
}

// typeV1 is the name under which a webhook of version 1 subscribes to an event type; empty when it does not.
func (w *webhook) typeV1(eventType string) string {
	action := strings.Split(eventType, ".")[1]
	for _, t := range w.EventTypes {
		if strings.EqualFold(t, action+"Event") {
			return t
		}
	}
	return ""
}

// enqueuedLayout is how the platform writes the time of an event, in UTC.
const enqueuedLayout = "1/2/2006 3:04:05 PM"

// eventBodyV2 is the body of a delivery, its fields in the order of the platform's example.
type eventBodyV2 struct {
	Content          json.RawMessage `json:"content"`
	EventType        string          `json:"eventType"`
	ITwinID          string          `json:"iTwinId"`
	EnqueuedDateTime string          `json:"enqueuedDateTime"`
	MessageID        string          `json:"messageId"`
	WebhookID        string          `json:"webhookId"`
}

// eventBodyV1 is the same of version 1.
type eventBodyV1 struct {
	Content          json.RawMessage `json:"content"`
	ContentType      string          `json:"contentType"`
	EnqueuedDateTime string          `json:"enqueuedDateTime"`
	MessageID        string          `json:"messageId"`
	SubscriptionID   string          `json:"subscriptionId"`
}

// body is what a webhook is sent about a message: the same bytes at every attempt.
func (w *webhook) body(m *message) []byte {
	enqueued := m.Enqueued.UTC().Format(enqueuedLayout)
	if w.V1 != nil {
		return encodeJSON(eventBodyV1{
			Content:          m.Content,
			ContentType:      w.typeV1(m.Type),
			EnqueuedDateTime: enqueued,
			MessageID:        m.ID,
			SubscriptionID:   w.ID,
		})
	}
	return encodeJSON(eventBodyV2{
		Content:          m.Content,
		EventType:        m.Type,
		ITwinID:          m.ITwinID,
		EnqueuedDateTime: enqueued,
		MessageID:        m.ID,
		WebhookID:        w.ID,
	})
}

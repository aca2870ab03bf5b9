package signature

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Event is what the platform delivers, of version 2 of the Webhooks API.
type Event struct {
	// Content is a JSON object that differs by event type.
	Content json.RawMessage `json:"content"`
	// EventType is api.action.version, such as iModels.iModelDeleted.v1.
	EventType string `json:"eventType"`
	// ITwinID is the iTwin in which the event happened.
	ITwinID string `json:"iTwinId"`
	// EnqueuedDateTime is when, as the platform writes it; see EnqueuedTime.
	EnqueuedDateTime string `json:"enqueuedDateTime"`
	// MessageID is the same in each attempt to deliver the event, and for each webhook that it is delivered for; see Key.
	MessageID string `json:"messageId"`
	// WebhookID is the webhook that it is delivered for.
	WebhookID string `json:"webhookId"`
}

// syntheticITwinID is the iTwin of events that did not happen.
const syntheticITwinID = "00000000-0000-0000-0000-000000000000"

// Key identifies a delivery of an event for a webhook, for Once.Do: the platform sends an event to each webhook that
// asks for it, with the same MessageID. It is "" without a MessageID.
func (e Event) Key() string {
	if e.MessageID == "" {
		return ""
	}
	return e.WebhookID + "/" + e.MessageID
}

// Synthetic reports whether the event is a test of the route by `kubectl itwin test`: nothing happened. Answer 200, so
// that the test succeeds, and do nothing more. The platform sends no such event.
func (e Event) Synthetic() bool {
	var marker struct {
		Synthetic bool `json:"synthetic"`
	}
	return e.ITwinID == syntheticITwinID && json.Unmarshal(e.Content, &marker) == nil && marker.Synthetic
}

// byteOrderMark is what some programs write before UTF-8.
var byteOrderMark = []byte("\uFEFF")

// ParseEvent decodes a body. Fields that it does not know are ignored, and those that are absent are empty: later
// versions of the platform may add some. Only what is no JSON object of such fields is an error. Verify first.
func ParseEvent(body []byte) (event Event, err error) {
	body = bytes.TrimPrefix(body, byteOrderMark)
	if trimmed := bytes.TrimSpace(body); len(trimmed) == 0 || trimmed[0] != '{' {
		return event, errors.New("decode the event: the body is no JSON object")
	}
	if err := json.Unmarshal(body, &event); err != nil {
		return Event{}, fmt.Errorf("decode the event: %w", err)
	}
	return event, nil
}

// enqueuedLayouts are how a time may be written: as the platform's example shows it, and as its other times are.
var enqueuedLayouts = []string{"1/2/2006 3:04:05 PM", time.RFC3339Nano}

// oneSpace replaces the spaces that programs with newer tables of locales write before AM and PM.
var oneSpace = strings.NewReplacer("\u202F", " ", "\u00A0", " ")

// EnqueuedTime reads EnqueuedDateTime, such as "10/12/2023 6:25:39 PM": month, day and year. No zone is documented; it
// is taken for UTC. Its resolution is a second, so it does not order events.
func (e Event) EnqueuedTime() (time.Time, error) {
	text := oneSpace.Replace(e.EnqueuedDateTime)
	for _, layout := range enqueuedLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("read enqueuedDateTime: %q is not a time such as %q", e.EnqueuedDateTime,
		"10/12/2023 6:25:39 PM")
}

package delivery

import (
	"cmp"
	"encoding/json"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/uuid"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/signature"
)

const (
	// nothing is the iTwin of the event, so that no receiver looks for what it is about, and stands for an id that is
	// not known. signature.Event.Synthetic looks for it.
	nothing = "00000000-0000-0000-0000-000000000000"
	// enqueuedLayout is how the platform writes a time.
	enqueuedLayout = "1/2/2006 3:04:05 PM"
)

// content is the marker of a synthetic event.
type content struct {
	Synthetic bool   `json:"synthetic"`
	SentBy    string `json:"sentBy"`
	Note      string `json:"note"`
}

// eventFor is an event of a Webhook that says that it is synthetic, and concerns no iTwin.
func eventFor(w *itwinv1alpha1.Webhook, now time.Time) signature.Event {
	marker, _ := json.Marshal(content{ // plain texts always marshal
		Synthetic: true, SentBy: "kubectl itwin test",
		Note: "No such event happened: this is a test of the route to the receiver.",
	})
	return signature.Event{
		Content: marker, EventType: harmless(w.Spec.EventTypes), ITwinID: nothing,
		EnqueuedDateTime: now.UTC().Format(enqueuedLayout), MessageID: string(uuid.NewUUID()),
		WebhookID: cmp.Or(w.Status.WebhookID, w.Spec.WebhookID, nothing),
	}
}

// harmless is the first event type that tells of no deletion; where all do, it is the first one.
func harmless(eventTypes []string) string {
	for _, name := range eventTypes {
		parts := strings.Split(name, ".")
		if len(parts) > 1 && !strings.HasSuffix(strings.ToLower(parts[1]), "deleted") {
			return name
		}
	}
	return eventTypes[0]
}

package delivery

import (
	"cmp"
	"encoding/json"
	"time"

	"k8s.io/apimachinery/pkg/util/uuid"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/signature"
)

const (
	// nothing stands for an id that is not known.
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

// eventFor is an event of the first event type of a Webhook that says that it is synthetic.
func eventFor(w *itwinv1alpha1.Webhook, now time.Time) signature.Event {
	marker, _ := json.Marshal(content{ // plain texts always marshal
		Synthetic: true, SentBy: "kubectl itwin test",
		Note: "No such event happened: this is a test of the route to the receiver.",
	})
	return signature.Event{
		Content: marker, EventType: w.Spec.EventTypes[0], ITwinID: cmp.Or(w.Spec.ScopeID, nothing),
		EnqueuedDateTime: now.UTC().Format(enqueuedLayout), MessageID: string(uuid.NewUUID()),
		WebhookID: cmp.Or(w.Status.WebhookID, w.Spec.WebhookID, nothing),
	}
}

package plan

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/platform"
)

// DeliveredTo is the callback that the platform has for a Webhook, as far as its status tells; "" when it has none.
func DeliveredTo(w *itwinv1alpha1.Webhook) string {
	switch {
	case w.Status.WebhookID == "":
		return ""
	case w.Status.CallbackURL == "" && appliedGeneration(&w.Status) == w.Generation:
		return w.Spec.CallbackURL // a status of an earlier version
	}
	return w.Status.CallbackURL
}

// DeliveryKey is how the index names the namespace, scope and callback of a remote webhook; "" for a Webhook that has
// none, and for one of another shard, of which the cache does not hold them.
func DeliveryKey(w *itwinv1alpha1.Webhook) string { return KeyOfDelivery(w, DeliveredTo(w)) }

// KeyOfDelivery is DeliveryKey with another callback.
func KeyOfDelivery(w *itwinv1alpha1.Webhook, callback string) string {
	if callback == "" || w.Spec.Scope == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{
		w.Namespace, string(w.Spec.Scope), platform.CanonicalID(w.Spec.ScopeID), canonicalURL(callback)}, "\n")))
	return string(sum[:16])
}

// Duplicate is another Webhook of the same namespace and account whose events are delivered to the same callback.
type Duplicate struct {
	Name    string
	Created time.Time
	// EventTypes that both Webhooks name.
	EventTypes []string
}

// Delivers reports whether events are delivered for a Webhook, as the platform said last.
func Delivers(w *itwinv1alpha1.Webhook) bool {
	return w.Status.Active != nil && *w.Status.Active && w.DeletionTimestamp.IsZero()
}

// SharedTypes are the event types that two Webhooks name.
func SharedTypes(a, b *itwinv1alpha1.Webhook) (shared []string) {
	for _, name := range a.Spec.EventTypes {
		if slices.Contains(b.Spec.EventTypes, name) {
			shared = append(shared, name)
		}
	}
	slices.Sort(shared)
	return shared
}

// maxNamed bounds how many other objects, or event types, a message names. How many more there are is not said: each
// further one would change the message of all.
const maxNamed = 3

// DuplicateDelivery says which events are delivered more than once, and because of which Webhooks; "" when none are.
func (f *Facts) DuplicateDelivery() string {
	if len(f.Duplicates) == 0 {
		return ""
	}
	var names, eventTypes []string
	for _, other := range f.Duplicates {
		names, eventTypes = append(names, "Webhook "+other.Name), append(eventTypes, other.EventTypes...)
	}
	slices.Sort(eventTypes)
	return fmt.Sprintf("events of %s %s for %s, which has the same scope",
		enumerate(slices.Compact(eventTypes)), AlsoDelivered, enumerate(names))
}

// AlsoDelivered is what all messages about duplicates have in common.
const AlsoDelivered = "are also delivered to this callbackUrl"

// enumerate lists the first few of some names.
func enumerate(names []string) string {
	if len(names) > maxNamed {
		return strings.Join(names[:maxNamed], ", ") + " and more"
	}
	return strings.Join(names, " and ")
}

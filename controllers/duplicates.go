package controllers

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/kube"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/internal/platform"
)

// Two Webhooks with the same scope and callbackUrl have a remote webhook each, so the platform delivers each event of a
// type that both name twice. That may be meant; both are told, if they are of one namespace. What another namespace
// holds is not for the users of this one, and must cause no write to its objects.

// deliveredTo is the callback that the platform has for a Webhook, as far as its status tells; "" when it has none.
func deliveredTo(w *v1alpha1.Webhook) string {
	switch {
	case w.Status.WebhookID == "":
		return ""
	case w.Status.CallbackURL == "" && appliedGeneration(&w.Status) == w.Generation:
		return w.Spec.CallbackURL // a status of an earlier version
	}
	return w.Status.CallbackURL
}

// deliveryKey is how the index names the namespace, scope and callback of a remote webhook; "" for a Webhook that has
// none, and for one of another shard, of which the cache does not hold them.
func deliveryKey(w *v1alpha1.Webhook) string { return keyOfDelivery(w, deliveredTo(w)) }

func keyOfDelivery(w *v1alpha1.Webhook, callback string) string {
	if callback == "" || w.Spec.Scope == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{
		w.Namespace, string(w.Spec.Scope), platform.CanonicalID(w.Spec.ScopeID), canonicalURL(callback)}, "\n")))
	return string(sum[:16])
}

// duplicate is another Webhook of the same namespace and account whose events are delivered to the same callback.
type duplicate struct {
	name    string
	created time.Time
	// eventTypes that both Webhooks name.
	eventTypes []string
}

// observeDuplicates finds the Webhooks that have the same events delivered to the same callback.
func (r *WebhookReconciler) observeDuplicates(ctx context.Context, f *facts) error {
	var others v1alpha1.WebhookList
	own := f.webhook.Spec.CallbackURL
	if f.spelling.sent != "" && sameURL(f.spelling.sent, own) {
		own = f.spelling.answered
	}
	key := keyOfDelivery(f.webhook, own)
	if key == "" || !f.webhook.WantsActive() {
		return nil
	}
	if err := r.List(ctx, &others, client.MatchingFields{kube.ByDelivery: key}, client.UnsafeDisableDeepCopy); err != nil {
		return err
	}
	for i := range others.Items {
		other := &others.Items[i]
		if other.UID == f.webhook.UID || !delivers(other) || other.Status.Account != f.connection.account {
			continue
		}
		if shared := sharedTypes(f.webhook, other); len(shared) > 0 {
			f.duplicates = append(f.duplicates, duplicate{other.Name, other.CreationTimestamp.Time, shared})
		}
	}
	// The oldest are named, so that one more changes what is said of few.
	slices.SortFunc(f.duplicates, func(a, b duplicate) int {
		return cmp.Or(a.created.Compare(b.created), cmp.Compare(a.name, b.name))
	})
	return nil
}

// delivers reports whether events are delivered for a Webhook, as the platform said last.
func delivers(w *v1alpha1.Webhook) bool {
	return w.Status.Active != nil && *w.Status.Active && w.DeletionTimestamp.IsZero()
}

// sharedTypes are the event types that two Webhooks name.
func sharedTypes(a, b *v1alpha1.Webhook) (shared []string) {
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

// duplicateDelivery says which events are delivered more than once, and because of which Webhooks; "" when none are.
func (f *facts) duplicateDelivery() string {
	if len(f.duplicates) == 0 {
		return ""
	}
	var names, eventTypes []string
	for _, other := range f.duplicates {
		names, eventTypes = append(names, "Webhook "+other.name), append(eventTypes, other.eventTypes...)
	}
	slices.Sort(eventTypes)
	return fmt.Sprintf("events of %s %s for %s, which has the same scope",
		enumerate(slices.Compact(eventTypes)), alsoDelivered, enumerate(names))
}

// alsoDelivered is what all messages about duplicates have in common.
const alsoDelivered = "are also delivered to this callbackUrl"

// announceDuplicates records an Event when events come to be delivered twice; not once more for each further Webhook.
func (r *executor) announceDuplicates() {
	told := r.facts.duplicateDelivery()
	if ready := status.ReadyOf(r.object()); told == "" || ready != nil && strings.Contains(ready.Message, alsoDelivered) {
		return
	}
	r.warn("DeliveredTwice", "Observe", "%s", strings.ToUpper(told[:1])+told[1:])
}

// enumerate lists the first few of some names.
func enumerate(names []string) string {
	if len(names) > maxNamed {
		return strings.Join(names[:maxNamed], ", ") + " and more"
	}
	return strings.Join(names, " and ")
}

// maxAlike bounds how many Webhooks are looked at again when another one with the same scope and callback changes: with
// thousands of them, each change would keep the operator from the Webhooks of other namespaces. So many were told
// already when they were looked at last.
const maxAlike = 50

// sameDelivery finds the other Webhooks with the scope and callback of one that appeared, changed or went; none where
// there are too many.
func (r *WebhookReconciler) sameDelivery(ctx context.Context, changed client.Object) []reconcile.Request {
	w := changed.(*v1alpha1.Webhook)
	key := deliveryKey(w)
	if key == "" {
		return nil
	}
	bounded := &client.ListOptions{Limit: maxAlike + 1}
	client.MatchingFields{kube.ByDelivery: key}.ApplyToList(bounded)
	requests := r.matching(ctx, bounded)
	if len(requests) > maxAlike {
		return nil
	}
	return slices.DeleteFunc(requests, func(request reconcile.Request) bool {
		return request.NamespacedName == client.ObjectKeyFromObject(w)
	})
}

// deliveryChanged lets through what changes which events are delivered where.
func deliveryChanged() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, isWebhook := e.ObjectOld.(*v1alpha1.Webhook)
			now, stillIs := e.ObjectNew.(*v1alpha1.Webhook)
			return isWebhook && stillIs && (delivers(before) != delivers(now) ||
				!equality.Semantic.DeepEqual(before.Spec.EventTypes, now.Spec.EventTypes) ||
				deliveredTo(before) != deliveredTo(now) || before.Status.Account != now.Status.Account)
		},
		GenericFunc: func(event.GenericEvent) bool { return false },
	}
}

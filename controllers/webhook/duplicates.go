package webhook

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/kube"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/controllers/webhook/plan"
)

// Two Webhooks with the same scope and callbackUrl have a remote webhook each, so the platform delivers each event of a
// type that both name twice. That may be meant; both are told, if they are of one namespace. What another namespace
// holds is not for the users of this one, and must cause no write to its objects.

// observeDuplicates finds the Webhooks that have the same events delivered to the same callback.
func (r *Reconciler) observeDuplicates(ctx context.Context, f *plan.Facts) error {
	var others itwinv1alpha1.WebhookList
	own := f.Webhook.Spec.CallbackURL
	if f.Spelling.Sent != "" && plan.SameURL(f.Spelling.Sent, own) {
		own = f.Spelling.Answered
	}
	key := plan.KeyOfDelivery(f.Webhook, own)
	if key == "" || !f.Webhook.WantsActive() {
		return nil
	}
	alike := client.MatchingFields{kube.ByDelivery: key}
	if err := r.Kube.List(ctx, &others, alike, client.UnsafeDisableDeepCopy); err != nil {
		return err
	}
	for _, other := range others.Items {
		if other.UID == f.Webhook.UID || !plan.Delivers(other) || other.Status.Account != f.Connection.Account {
			continue
		}
		if shared := plan.SharedTypes(f.Webhook, other); len(shared) > 0 {
			f.Duplicates = append(f.Duplicates, plan.Duplicate{
				Name: other.Name, Created: other.CreationTimestamp.Time, EventTypes: shared,
			})
		}
	}
	// The oldest are named, so that one more changes what is said of few.
	slices.SortFunc(f.Duplicates, func(a, b plan.Duplicate) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Name, b.Name))
	})
	return nil
}

// announceDuplicates records an Event when events come to be delivered twice; not once more for each further Webhook.
func (e *executor) announceDuplicates() {
	told := e.facts.DuplicateDelivery()
	ready := status.ReadyOf(e.object())
	if told == "" || ready != nil && strings.Contains(ready.Message, plan.AlsoDelivered) {
		return
	}
	e.warn("DeliveredTwice", "Observe", "%s", strings.ToUpper(told[:1])+told[1:])
}

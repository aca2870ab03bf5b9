package connection

import (
	"context"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/identity"
	"webhook-operator.io/itwin/controllers/kube"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/proof"
)

// Enqueuer queues objects of another controller.
type Enqueuer interface {
	Enqueue(priority int, names ...types.NamespacedName)
}

// enqueueUsers enqueues the Webhooks that may use a connection whose account is listed: those that refer to it, and
// those that own or gave up a remote webhook of its account. After a restart that is every one: they come behind what
// people ask for. The controller of Webhooks drops those of other shards.
func (r *Reconciler) enqueueUsers(ctx context.Context, member *fleet.Member) error {
	var names []types.NamespacedName
	err := r.eachUser(ctx, member, func(w *itwinv1alpha1.Webhook) {
		names = append(names, client.ObjectKeyFromObject(w))
	})
	r.Webhooks.Enqueue(kube.PriorityBulk, names...)
	return err
}

// eachUser calls do for each Webhook that may have to do with a connection: it refers to the connection, or owns or
// gave up a remote webhook of its account and lives where the connection does.
func (r *Reconciler) eachUser(ctx context.Context, member *fleet.Member, do func(*itwinv1alpha1.Webhook)) error {
	var all itwinv1alpha1.WebhookList
	namespace, _, _ := strings.Cut(member.Name(), "/")
	if err := r.Kube.List(ctx, &all, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return err
	}
	for _, w := range all.Items {
		if kube.ConnectionOf(w) == member.Name() || identity.Mentions(w, member.Fleet().Account()) {
			do(w)
		}
	}
	return nil
}

// named are the names of the objects that waited for a list.
func named(waiting []string) []types.NamespacedName {
	names := make([]types.NamespacedName, len(waiting))
	for i, w := range waiting {
		names[i].Namespace, names[i].Name, _ = strings.Cut(w, "/")
	}
	return names
}

// enqueueChanged enqueues the Webhooks whose remote side changed: those that own, gave up or ask for what changed, and
// those whose creates made it; and those that waited for a list, or for a limit that has grown.
func (r *Reconciler) enqueueChanged(ctx context.Context, account *fleet.Fleet, changes fleet.Changes) {
	names := named(changes.Waiting)
	marks := map[string]bool{}
	for _, owner := range changes.Released {
		marks[owner] = true
	}
	for _, w := range changes.Webhooks {
		if w.Mark != "" {
			marks[w.Mark] = true
		}
		remote := proof.Remote{Account: account.Account(), ID: w.ID}
		anyAccount := identity.ClaimKey(proof.Remote{ID: w.ID})
		for _, key := range []string{identity.ClaimKey(remote), anyAccount, identity.RequestKey(w.ID)} {
			names = append(names, r.find(ctx, client.MatchingFields{kube.ByClaim: key})...)
		}
	}
	if len(marks) > 0 {
		names = append(names, r.markers(ctx, marks)...)
	}
	r.Webhooks.Enqueue(kube.PriorityRemote, names...)
}

func (r *Reconciler) find(ctx context.Context, option client.ListOption) (names []types.NamespacedName) {
	var found itwinv1alpha1.WebhookList
	if err := r.Kube.List(ctx, &found, option, client.UnsafeDisableDeepCopy); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Failed to find the Webhooks of a changed remote webhook")
	}
	for _, w := range found.Items {
		names = append(names, client.ObjectKeyFromObject(w))
	}
	return names
}

// markers are the Webhooks whose creates leave the marks. There are few marks, of creates that are under way or were
// interrupted, unless a limit has grown.
func (r *Reconciler) markers(ctx context.Context, marks map[string]bool) (names []types.NamespacedName) {
	var all itwinv1alpha1.WebhookList
	if err := r.Kube.List(ctx, &all, client.UnsafeDisableDeepCopy); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Failed to find the Webhooks whose creates were interrupted")
	}
	for _, w := range all.Items {
		if marks[identity.MarkOf(w)] {
			names = append(names, client.ObjectKeyFromObject(w))
		}
	}
	return names
}

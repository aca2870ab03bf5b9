package connection

import (
	"context"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/identity"
	"webhook-operator.io/itwin/controllers/kube"
	"webhook-operator.io/itwin/controllers/tenancy"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

// countUnmanaged counts, once for all connections to an account, the remote webhooks that no Webhook claims, and logs
// those that interrupted creates left behind. A request to import one claims it as far as its connection allows.
func (r *Reconciler) countUnmanaged(ctx context.Context, account *fleet.Fleet) error {
	var all itwinv1alpha1.WebhookList
	if err := r.Kube.List(ctx, &all, client.UnsafeDisableDeepCopy); err != nil {
		return err
	}
	claimed := make(map[string]struct{}, len(all.Items))
	for _, w := range all.Items {
		for _, remote := range identity.Claims(w, r.Key) {
			if remote.Account == account.Account() || remote.Account == "" {
				claimed[platform.CanonicalID(remote.ID)] = struct{}{}
			}
		}
		if id := r.requestedOf(ctx, w, account); id != "" {
			claimed[platform.CanonicalID(id)] = struct{}{}
		}
	}
	unmanaged, marked := 0, map[string][]platform.Webhook{}
	account.EachUnowned(func(w platform.Webhook) {
		if _, is := claimed[platform.CanonicalID(w.ID)]; is {
			return
		}
		unmanaged++
		if w.Mark != "" {
			marked[w.Mark] = append(marked[w.Mark], w)
		}
	})
	for _, w := range all.Items {
		if len(marked) == 0 {
			break
		}
		// Creates that are under way, or were interrupted, have made these.
		mark := identity.MarkOf(w)
		unmanaged -= len(marked[mark])
		delete(marked, mark)
	}
	for mark, left := range marked {
		for _, w := range left {
			ctrl.LoggerFrom(ctx).V(1).Info("A create of a Webhook that is gone left a remote webhook behind",
				"account", account.Account(), "webhookId", w.ID, "uid", mark, "active", w.Active)
		}
	}
	account.SetUnmanaged(unmanaged)
	return nil
}

// requestedOf is the remote webhook of an account that a Webhook asks to import, through a connection that lets it; ""
// when there is none. One that is suspended asks for it too.
func (r *Reconciler) requestedOf(ctx context.Context, w *itwinv1alpha1.Webhook, account *fleet.Fleet) string {
	id := identity.Requests(w, r.Key)
	if id == "" {
		return ""
	}
	key := kube.ConnectionOf(w)
	member := r.Fleets.Member(key)
	if member == nil || member.Fleet().Account() != account.Account() {
		return ""
	}
	connection, err := kube.ConnectionNamed(ctx, r.Kube, key)
	if err != nil || !connection.AllowsAdoption() ||
		!tenancy.CallbackAllowed(connection.ConnectionSpec().AllowedCallbackHosts, w.Spec.CallbackURL) {
		return ""
	}
	if connection.GetNamespace() != "" {
		return id
	}
	labels, err := kube.NamespaceLabels(ctx, r.Kube, w.Namespace)
	if err != nil || !tenancy.NamespaceAllowed(connection.ConnectionSpec().AllowedNamespaces, labels) {
		return ""
	}
	return id
}

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
	imports := imports{r: r, account: account.Account(), usable: map[usage]*itwinv1alpha1.ConnectionSpec{}}
	for _, w := range all.Items {
		claims, requested := identity.Claims(w, r.Key)
		for _, remote := range claims {
			if remote.Account == account.Account() || remote.Account == "" {
				claimed[platform.CanonicalID(remote.ID)] = struct{}{}
			}
		}
		if requested != "" && imports.allow(ctx, w) {
			claimed[platform.CanonicalID(requested)] = struct{}{}
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

// imports finds out which Webhooks may import from an account. What many Webhooks share is read once.
type imports struct {
	r       *Reconciler
	account string
	// usable has the connections that import from the account, for those that may use them; nil for others.
	usable map[usage]*itwinv1alpha1.ConnectionSpec
}

// usage is a connection and a namespace whose Webhooks name it.
type usage struct{ connection, namespace string }

// allow reports whether a Webhook may import a remote webhook of the account through its connection. One that is
// suspended may, too. What cannot be found out is logged, and found out by the count after the next list.
func (i *imports) allow(ctx context.Context, w *itwinv1alpha1.Webhook) bool {
	u := usage{kube.ConnectionOf(w), w.Namespace}
	spec, known := i.usable[u]
	if !known {
		var err error
		if spec, err = i.find(ctx, u); err != nil {
			ctrl.LoggerFrom(ctx).V(1).Info("Failed to find out whether a connection lets Webhooks import",
				"connection", u.connection, "namespace", u.namespace, "error", err.Error())
		}
		i.usable[u] = spec
	}
	return spec != nil && tenancy.CallbackAllowed(spec.AllowedCallbackHosts, w.Spec.CallbackURL)
}

// find returns the spec of a connection that imports from the account and lets a namespace use it; nil otherwise.
func (i *imports) find(ctx context.Context, u usage) (*itwinv1alpha1.ConnectionSpec, error) {
	member := i.r.Fleets.Member(u.connection)
	if member == nil || member.Fleet().Account() != i.account {
		return nil, nil
	}
	connection, err := kube.ConnectionNamed(ctx, i.r.Kube, u.connection)
	if err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	spec := connection.ConnectionSpec()
	switch {
	case !connection.AllowsAdoption():
		return nil, nil
	case connection.GetNamespace() != "":
		return spec, nil
	}
	labels, err := kube.NamespaceLabels(ctx, i.r.Kube, u.namespace)
	if err != nil || !tenancy.NamespaceAllowed(spec.AllowedNamespaces, labels) {
		return nil, err
	}
	return spec, nil
}

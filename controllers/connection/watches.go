package connection

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"webhook-operator.io/itwin/controllers/kube"
)

// SetupWithManager registers the controller of the kind that is served.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	r.Init()
	b := ctrl.NewControllerManagedBy(mgr).Named(r.Kind.Name).WatchesRawSource(&r.Enqueuer).
		WithOptions(kube.Options(connectionWorkers))
	for _, watch := range r.Watches() {
		b = watch.AddTo(b)
	}
	return b.Complete(r)
}

// Watches are all that makes the controller look at connections, beside the ends of lists.
func (r *Reconciler) Watches() []kube.Watch {
	return []kube.Watch{
		{Object: r.Kind.new(), Changes: predicate.GenerationChangedPredicate{}},
		{Object: &corev1.Secret{}, MetadataOnly: true, Find: r.usersOfSecret},
	}
}

// usersOfSecret finds the connections whose credentials or certificates a Secret holds.
func (r *Reconciler) usersOfSecret(ctx context.Context, secret client.Object) []reconcile.Request {
	list := r.Kind.newList()
	key := secret.GetNamespace() + "/" + secret.GetName()
	if err := r.Kube.List(ctx, list, client.MatchingFields{kube.BySecret: key}); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Cannot list the connections that use a Secret")
		return nil
	}
	var requests []reconcile.Request
	_ = apimeta.EachListItem(list, func(o runtime.Object) error {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(o.(client.Object))})
		return nil
	})
	return requests
}

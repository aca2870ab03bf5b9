package webhook

import (
	"context"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/identity"
	"webhook-operator.io/itwin/controllers/kube"
	"webhook-operator.io/itwin/controllers/webhook/plan"
)

// connectionChanged lets through what changes the answer to "may I, and can I, use this connection".
func connectionChanged() predicate.Predicate {
	ready := predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		return readyReason(e.ObjectOld) != readyReason(e.ObjectNew)
	}}
	return predicate.Or[client.Object](predicate.GenerationChangedPredicate{}, ready)
}

func readyReason(o client.Object) string {
	c, ok := o.(itwinv1alpha1.ConnectionObject)
	if !ok {
		return ""
	}
	ready := apimeta.FindStatusCondition(c.ConnectionStatus().Conditions, itwinv1alpha1.ReadyCondition)
	switch {
	case ready == nil:
		return ""
	case ready.Reason == itwinv1alpha1.SecretNotFoundReason:
		return ready.Message // the next step of a setup: which Secret, or which key, is missing now
	}
	return ready.Reason
}

// SetupWithManager registers the controller.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager, workers int) error {
	r.Init()
	b := ctrl.NewControllerManagedBy(mgr).Named("webhook").WatchesRawSource(&r.Enqueuer).WithOptions(kube.Options(workers))
	for _, watch := range r.Watches() {
		b = watch.AddTo(b)
	}
	return b.Complete(r)
}

// Watches are all that makes the controller look at Webhooks, beside the lists of the remote webhooks.
func (r *Reconciler) Watches() []kube.Watch {
	watches := []kube.Watch{
		{Object: &itwinv1alpha1.Webhook{}, Changes: r.specOrRequestChanged()},
		{Object: &itwinv1alpha1.Webhook{}, Changes: released(), Find: r.claimants},
		{Object: &itwinv1alpha1.Webhook{}, Changes: deliveryChanged(), Find: r.sameDelivery},
		{Object: &corev1.Secret{}, MetadataOnly: true, Find: r.usersOfSecret},
		{Object: &itwinv1alpha1.Connection{}, Changes: connectionChanged(), Find: r.usersOfConnection},
	}
	if !r.Cluster {
		return watches
	}
	return slices.Concat(watches, []kube.Watch{
		{Object: &itwinv1alpha1.ClusterConnection{}, Changes: connectionChanged(), Find: r.usersOfConnection},
		{Object: &corev1.Namespace{}, MetadataOnly: true, Changes: predicate.LabelChangedPredicate{}, Find: r.inNamespace},
	})
}

// specOrRequestChanged lets through what asks for something to be done: an edit of the spec, a deletion, the operator's
// annotations. Writes of the status are the operator's own, unless a process that was deposed, or a person, wrote over
// one.
func (r *Reconciler) specOrRequestChanged() predicate.Predicate {
	watched := []string{
		itwinv1alpha1.WebhookIDAnnotation, itwinv1alpha1.OwnerAnnotation, itwinv1alpha1.FormerAnnotation,
		itwinv1alpha1.ReactivateRequestedAtAnnotation,
		itwinv1alpha1.ReconcileRequestedAtAnnotation, itwinv1alpha1.RotateRequestedAtAnnotation,
	}
	annotated := predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		for _, annotation := range watched {
			if e.ObjectOld.GetAnnotations()[annotation] != e.ObjectNew.GetAnnotations()[annotation] {
				return true
			}
		}
		return len(e.ObjectOld.GetFinalizers()) > len(e.ObjectNew.GetFinalizers()) || r.overwritten(e)
	}}
	return predicate.Or[client.Object](
		predicate.GenerationChangedPredicate{}, predicate.LabelChangedPredicate{}, annotated)
}

// overwritten reports whether another client wrote the status.
func (r *Reconciler) overwritten(e event.UpdateEvent) bool {
	before, isWebhook := e.ObjectOld.(*itwinv1alpha1.Webhook)
	now, stillIs := e.ObjectNew.(*itwinv1alpha1.Webhook)
	return isWebhook && stillIs && !r.writes.Own(now) && !equality.Semantic.DeepEqual(before.Status, now.Status)
}

// released lets through that an object is gone or going, or may own other remote webhooks than before.
func released() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, isWebhook := e.ObjectOld.(*itwinv1alpha1.Webhook)
			now, stillIs := e.ObjectNew.(*itwinv1alpha1.Webhook)
			going := e.ObjectOld.GetDeletionTimestamp().IsZero() && !e.ObjectNew.GetDeletionTimestamp().IsZero()
			return isWebhook && stillIs && (going || lost(before, now, itwinv1alpha1.OwnerAnnotation) ||
				lost(before, now, itwinv1alpha1.FormerAnnotation) || len(before.Status.Former) > len(now.Status.Former) ||
				before.Status.WebhookID != "" && identity.Reported(&before.Status) != identity.Reported(&now.Status))
		},
		GenericFunc: func(event.GenericEvent) bool { return false },
	}
}

// lost reports whether an annotation was there and is another now.
func lost(before, now *itwinv1alpha1.Webhook, annotation string) bool {
	value := before.Annotations[annotation]
	return value != "" && value != now.Annotations[annotation]
}

// claimants finds the other Webhooks that waited for a remote webhook to become free.
func (r *Reconciler) claimants(ctx context.Context, gone client.Object) []reconcile.Request {
	i := identity.Of(gone.(*itwinv1alpha1.Webhook), r.Key)
	var requests []reconcile.Request
	for _, remote := range append(i.Former, i.Owned) {
		if remote.ID != "" {
			requests = append(requests, r.matching(ctx, client.MatchingFields{kube.ByClaim: identity.ClaimKey(remote)})...)
			requests = append(requests, r.matching(ctx, client.MatchingFields{kube.ByClaim: identity.RequestKey(remote.ID)})...)
		}
	}
	itself := client.ObjectKeyFromObject(gone)
	return slices.DeleteFunc(requests, func(other reconcile.Request) bool { return other.NamespacedName == itself })
}

// usersOfSecret finds the Webhooks that refer to a Secret, and the one that it was generated for.
func (r *Reconciler) usersOfSecret(ctx context.Context, secret client.Object) []reconcile.Request {
	users := r.matching(ctx, client.MatchingFields{kube.BySecret: secret.GetNamespace() + "/" + secret.GetName()})
	if name, generated := strings.CutSuffix(secret.GetName(), itwinv1alpha1.GeneratedSecretSuffix); generated {
		owner := types.NamespacedName{Namespace: secret.GetNamespace(), Name: name}
		users = append(users, reconcile.Request{NamespacedName: owner})
	}
	return users
}

// usersOfConnection finds the Webhooks that refer to a connection, and those that own or gave up a remote webhook in
// its account: they may use it, or may no longer.
func (r *Reconciler) usersOfConnection(ctx context.Context, c client.Object) []reconcile.Request {
	key := kube.ConnectionKey(c.GetNamespace(), c.GetName())
	users := r.matching(ctx, client.MatchingFields{kube.ByConnection: key})
	member := r.Fleets.Member(key)
	if member == nil {
		return users
	}
	account := member.Fleet().Account()
	return append(users, r.thatMatch(ctx, func(w *itwinv1alpha1.Webhook) bool {
		return kube.ConnectionOf(w) != key && identity.Mentions(w, account)
	}, client.InNamespace(c.GetNamespace()))...)
}

func (r *Reconciler) inNamespace(ctx context.Context, namespace client.Object) []reconcile.Request {
	if len(r.Namespaces) > 0 && !slices.Contains(r.Namespaces, namespace.GetName()) {
		return nil
	}
	return r.matching(ctx, client.InNamespace(namespace.GetName()))
}

func (r *Reconciler) matching(ctx context.Context, option client.ListOption) []reconcile.Request {
	return r.thatMatch(ctx, r.Serves, option)
}

// thatMatch finds the Webhooks among those of an option that this process serves and that match.
func (r *Reconciler) thatMatch(
	ctx context.Context, match func(*itwinv1alpha1.Webhook) bool, option client.ListOption,
) []reconcile.Request {
	var webhooks itwinv1alpha1.WebhookList
	if err := r.Kube.List(ctx, &webhooks, option, client.UnsafeDisableDeepCopy); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Cannot list the Webhooks that an event is about")
		return nil
	}
	requests := make([]reconcile.Request, 0, len(webhooks.Items))
	for _, w := range webhooks.Items {
		if r.Serves(w) && match(w) {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(w)})
		}
	}
	return requests
}

// MaxAlike bounds how many Webhooks are looked at again when another one with the same scope and callback changes: with
// thousands of them, each change would keep the operator from the Webhooks of other namespaces. So many were told
// already when they were looked at last.
const MaxAlike = 50

// sameDelivery finds the other Webhooks with the scope and callback of one that appeared, changed or went; none where
// there are too many.
func (r *Reconciler) sameDelivery(ctx context.Context, changed client.Object) []reconcile.Request {
	w := changed.(*itwinv1alpha1.Webhook)
	key := plan.DeliveryKey(w)
	if key == "" {
		return nil
	}
	bounded := &client.ListOptions{Limit: MaxAlike + 1}
	client.MatchingFields{kube.ByDelivery: key}.ApplyToList(bounded)
	requests := r.matching(ctx, bounded)
	if len(requests) > MaxAlike {
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
			before, isWebhook := e.ObjectOld.(*itwinv1alpha1.Webhook)
			now, stillIs := e.ObjectNew.(*itwinv1alpha1.Webhook)
			return isWebhook && stillIs && (plan.Delivers(before) != plan.Delivers(now) ||
				!equality.Semantic.DeepEqual(before.Spec.EventTypes, now.Spec.EventTypes) ||
				plan.DeliveredTo(before) != plan.DeliveredTo(now) || before.Status.Account != now.Status.Account)
		},
		GenericFunc: func(event.GenericEvent) bool { return false },
	}
}

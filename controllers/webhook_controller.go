package controllers

import (
	"context"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

// +kubebuilder:rbac:groups=itwin.webhook-operator.io,resources=webhooks,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=itwin.webhook-operator.io,resources=webhooks/status,verbs=patch
// +kubebuilder:rbac:groups=itwin.webhook-operator.io,resources=webhooks/finalizers,verbs=update
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// SettleTime is how long after it was sent a create of unknown outcome may still take effect: the request's timeout.
const SettleTime = platform.DefaultRequestTimeout

const (
	firstRetry  = 500 * time.Millisecond
	longestWait = 5 * time.Minute
)

// WebhookReconciler keeps remote webhooks equal to Webhooks.
type WebhookReconciler struct {
	client.Client
	// APIReader reads past the cache: signing secrets, and an object whose id could not be recorded.
	APIReader client.Reader
	Recorder  events.EventRecorder
	Fleets    *fleet.Registry
	Clock     clock.PassiveClock
	// Selector bounds the Webhooks that this process serves; nil serves all.
	Selector labels.Selector
	// Namespaces that the cache is bound to; none is all.
	Namespaces []string
	// SettleTime overrides the constant of the same name when not 0.
	SettleTime time.Duration
	// Cluster is false in a namespaced installation, which knows no ClusterConnections and reads no Namespaces.
	Cluster bool

	memory *memory
	// writes are those of Webhooks, secretWrites those of generated Secrets.
	writes, secretWrites *writes
	waker                waker
}

// Reconcile makes the platform have what one Webhook says, and its status say what the platform has.
func (r *WebhookReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var webhook v1alpha1.Webhook
	if err := r.Get(ctx, request.NamespacedName, &webhook); err != nil {
		if apierrors.IsNotFound(err) {
			r.forget(request.NamespacedName)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !r.serves(&webhook) {
		// Whoever serves it now may change what was remembered.
		r.memory.forget(request.NamespacedName)
		return ctrl.Result{}, nil
	}
	if r.writes.behind(&webhook) {
		return ctrl.Result{RequeueAfter: cacheLag}, nil
	}
	facts, remote, err := r.observe(ctx, &webhook)
	if err != nil {
		return ctrl.Result{}, err
	}
	run := &run{
		WebhookReconciler: r, log: ctrl.LoggerFrom(ctx), facts: facts, plan: decide(facts), fleet: remote,
	}
	if facts.presence == fleet.Present && facts.rival == "" && !facts.misfit() {
		run.remote = &facts.remote
	}
	if err := run.act(ctx); err != nil {
		return settle(err)
	}
	if err := run.report(ctx); err != nil {
		return settle(err)
	}
	return run.next(), nil
}

// settle turns a lost race for an object into one more look at it.
func settle(err error) (ctrl.Result, error) {
	if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
		return ctrl.Result{RequeueAfter: firstRetry}, nil
	}
	return ctrl.Result{}, client.IgnoreNotFound(err)
}

// forget drops all that was remembered of an object that is gone.
func (r *WebhookReconciler) forget(name types.NamespacedName) {
	last := r.memory.forget(name)
	r.writes.forget(name)
	r.secretWrites.forget(types.NamespacedName{
		Namespace: name.Namespace, Name: name.Name + v1alpha1.GeneratedSecretSuffix,
	})
	forgetWebhook(name.Namespace, name.Name)
	r.Fleets.Each(func(_ string, f *fleet.Fleet) {
		f.Forget(name.String())
		if last.id != "" {
			f.Release(last.id, fleet.Owner(last.uid))
		}
	})
}

// again is when to look again at once.
const again = time.Millisecond

// next says when to look again, and asks the fleet to be woken.
func (r *run) next() ctrl.Result {
	v := r.plan.verdict
	switch {
	case r.fleet == nil:
	case !v.since.IsZero():
		r.fleet.AwaitSince(v.since, r.key().String())
	case v.await && !r.fleet.Await(r.key().String(), r.facts.heard):
		return ctrl.Result{RequeueAfter: again}
	}
	return ctrl.Result{RequeueAfter: v.retry}
}

func (r *WebhookReconciler) serves(w *v1alpha1.Webhook) bool {
	return r.Selector == nil || r.Selector.Matches(labels.Set(w.Labels))
}

// prepare makes what the process remembers.
func (r *WebhookReconciler) prepare() {
	settleTime := r.SettleTime
	if settleTime == 0 {
		settleTime = SettleTime
	}
	r.memory = newMemory(r.Clock, settleTime)
	r.writes, r.secretWrites = newWrites(), newWrites()
}

// SetupWithManager registers the controller.
func (r *WebhookReconciler) SetupWithManager(mgr ctrl.Manager, workers int) error {
	r.prepare()
	b := ctrl.NewControllerManagedBy(mgr).Named("webhook").
		For(&v1alpha1.Webhook{}, builder.WithPredicates(r.askedFor())).
		Watches(&v1alpha1.Webhook{}, handler.EnqueueRequestsFromMapFunc(r.rivals), builder.WithPredicates(ended())).
		WatchesMetadata(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(r.usersOfSecret)).
		Watches(&v1alpha1.Connection{}, handler.EnqueueRequestsFromMapFunc(r.usersOfConnection),
			builder.WithPredicates(connectionChanged())).
		WatchesRawSource(&r.waker).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: workers,
			RateLimiter: workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](
				firstRetry, longestWait),
		})
	if r.Cluster {
		b = b.Watches(&v1alpha1.ClusterConnection{}, handler.EnqueueRequestsFromMapFunc(r.usersOfConnection),
			builder.WithPredicates(connectionChanged())).
			WatchesMetadata(&corev1.Namespace{}, handler.EnqueueRequestsFromMapFunc(r.inNamespace),
				builder.WithPredicates(predicate.LabelChangedPredicate{}))
	}
	return b.Complete(r)
}

// askedFor lets through what somebody may want to be acted on: the spec, a deletion, the operator's annotations. Writes
// of the status are the operator's own, unless a process that was deposed, or a person, wrote over one.
func (r *WebhookReconciler) askedFor() predicate.Predicate {
	watched := []string{
		v1alpha1.WebhookIDAnnotation, v1alpha1.ReactivateRequestedAtAnnotation,
		v1alpha1.ReconcileRequestedAtAnnotation, v1alpha1.RotateRequestedAtAnnotation,
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

// overwritten tells whether somebody else wrote the status.
func (r *WebhookReconciler) overwritten(e event.UpdateEvent) bool {
	before, isWebhook := e.ObjectOld.(*v1alpha1.Webhook)
	now, stillIs := e.ObjectNew.(*v1alpha1.Webhook)
	return isWebhook && stillIs && !r.writes.own(now) && !equality.Semantic.DeepEqual(before.Status, now.Status)
}

// ended lets through that an object is gone.
func ended() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc:  func(event.CreateEvent) bool { return false },
		UpdateFunc:  func(event.UpdateEvent) bool { return false },
		GenericFunc: func(event.GenericEvent) bool { return false },
	}
}

// rivals finds the Webhooks that waited for a remote webhook to become free.
func (r *WebhookReconciler) rivals(ctx context.Context, gone client.Object) []reconcile.Request {
	id := claimOf(gone.(*v1alpha1.Webhook))
	if id == "" {
		return nil
	}
	return r.matching(ctx, client.MatchingFields{byWebhookID: id})
}

// usersOfSecret finds the Webhooks that refer to a Secret, and the one that it was generated for.
func (r *WebhookReconciler) usersOfSecret(ctx context.Context, secret client.Object) []reconcile.Request {
	users := r.matching(ctx, client.MatchingFields{bySecret: secret.GetNamespace() + "/" + secret.GetName()})
	if name, generated := strings.CutSuffix(secret.GetName(), v1alpha1.GeneratedSecretSuffix); generated {
		owner := types.NamespacedName{Namespace: secret.GetNamespace(), Name: name}
		users = append(users, reconcile.Request{NamespacedName: owner})
	}
	return users
}

func (r *WebhookReconciler) usersOfConnection(ctx context.Context, c client.Object) []reconcile.Request {
	return r.matching(ctx, client.MatchingFields{byConnection: connectionKey(c.GetNamespace(), c.GetName())})
}

func (r *WebhookReconciler) inNamespace(ctx context.Context, namespace client.Object) []reconcile.Request {
	if len(r.Namespaces) > 0 && !slices.Contains(r.Namespaces, namespace.GetName()) {
		return nil
	}
	return r.matching(ctx, client.InNamespace(namespace.GetName()))
}

func (r *WebhookReconciler) matching(ctx context.Context, option client.ListOption) []reconcile.Request {
	var webhooks v1alpha1.WebhookList
	if err := r.List(ctx, &webhooks, option, client.UnsafeDisableDeepCopy); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Cannot list the Webhooks that an event is about")
		return nil
	}
	requests := make([]reconcile.Request, 0, len(webhooks.Items))
	for i := range webhooks.Items {
		if r.serves(&webhooks.Items[i]) {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&webhooks.Items[i])})
		}
	}
	return requests
}

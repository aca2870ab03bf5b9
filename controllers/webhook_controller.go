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
	"webhook-operator.io/itwin/controllers/kube"
	"webhook-operator.io/itwin/controllers/metrics"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/internal/proof"
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
	// firstRetry follows the first failure of the API server; each further one doubles it, up to kubernetesPause.
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
	// Key is the operator key, which proves ownership.
	Key proof.Key
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
	writes, secretWrites *kube.WrittenVersions
	enqueuer             kube.Enqueuer
}

// Reconcile makes the platform have what one Webhook says, and its status say what the platform has.
func (r *WebhookReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	work, cancel := context.WithTimeout(ctx, kubernetesBudget)
	defer cancel()
	webhook, err := r.current(work, request.NamespacedName)
	if err != nil || webhook == nil {
		return ctrl.Result{}, err
	}
	if wait := r.undone(ctx, webhook); wait > 0 {
		return ctrl.Result{RequeueAfter: wait}, nil
	}
	facts, via, err := r.observe(work, webhook)
	if err != nil {
		return r.unobserved(ctx, facts, err)
	}
	plan, err := r.plan(work, &facts)
	if err != nil {
		return r.unobserved(ctx, facts, err)
	}
	e := newExecutor(r, ctrl.LoggerFrom(ctx), facts, plan, via)
	if err := e.execute(work); err != nil {
		return settle(err)
	}
	return e.finish(ctx)
}

// current reads the Webhook from the cache; past it while the cache does not show what this process wrote last. It
// returns nil for one that is gone, or that another shard serves.
func (r *WebhookReconciler) current(ctx context.Context, name types.NamespacedName) (*v1alpha1.Webhook, error) {
	webhook := &v1alpha1.Webhook{}
	err := r.Get(ctx, name, webhook)
	if err == nil && r.writes.Behind(webhook) {
		if err = r.APIReader.Get(ctx, name, webhook); err == nil || apierrors.IsNotFound(err) {
			r.writes.Reached(name, webhook, err)
		}
	}
	if err != nil {
		if apierrors.IsNotFound(err) {
			r.forget(name)
		}
		return nil, client.IgnoreNotFound(err)
	}
	if r.memory.replaced(name, webhook.UID) {
		r.forget(name)
	}
	if !r.serves(webhook) {
		// The shard that serves it now may change what was remembered.
		r.memory.forget(name)
		return nil, nil
	}
	return webhook, nil
}

// plan decides; once more with the value of the signing secret if an update has to carry it.
func (r *WebhookReconciler) plan(ctx context.Context, f *facts) (plan, error) {
	p := decide(*f)
	if !p.needsSecret(f) {
		return p, nil
	}
	if err := r.loadSecret(ctx, f); err != nil {
		return p, err
	}
	f.holdSecret()
	return decide(*f), nil
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
	r.writes.Forget(name)
	r.secretWrites.Forget(types.NamespacedName{
		Namespace: name.Namespace, Name: name.Name + v1alpha1.GeneratedSecretSuffix,
	})
	metrics.ForgetWebhook(name.Namespace, name.Name)
	r.Fleets.EachAccount(func(f *fleet.Fleet) {
		f.Forget(name.String())
		if last.remote.ID != "" && last.remote.Account == f.Account() {
			f.Release(last.remote.ID, fleet.Owner(last.uid))
		}
	})
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
	r.writes, r.secretWrites = kube.NewWrittenVersions(), kube.NewWrittenVersions()
}

// SetupWithManager registers the controller.
func (r *WebhookReconciler) SetupWithManager(mgr ctrl.Manager, workers int) error {
	r.prepare()
	b := ctrl.NewControllerManagedBy(mgr).Named("webhook").
		For(&v1alpha1.Webhook{}, builder.WithPredicates(r.specOrRequestChanged())).
		Watches(&v1alpha1.Webhook{}, handler.EnqueueRequestsFromMapFunc(r.rivals), builder.WithPredicates(released())).
		Watches(&v1alpha1.Webhook{}, handler.EnqueueRequestsFromMapFunc(r.sameDelivery),
			builder.WithPredicates(deliveryChanged())).
		WatchesMetadata(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(r.usersOfSecret)).
		Watches(&v1alpha1.Connection{}, handler.EnqueueRequestsFromMapFunc(r.usersOfConnection),
			builder.WithPredicates(connectionChanged())).
		WatchesRawSource(&r.enqueuer).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: workers,
			RateLimiter: workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](
				firstRetry, status.KubernetesPause),
		})
	if r.Cluster {
		b = b.Watches(&v1alpha1.ClusterConnection{}, handler.EnqueueRequestsFromMapFunc(r.usersOfConnection),
			builder.WithPredicates(connectionChanged())).
			WatchesMetadata(&corev1.Namespace{}, handler.EnqueueRequestsFromMapFunc(r.inNamespace),
				builder.WithPredicates(predicate.LabelChangedPredicate{}))
	}
	return b.Complete(r)
}

// specOrRequestChanged lets through what asks for something to be done: an edit of the spec, a deletion, the operator's
// annotations. Writes of the status are the operator's own, unless a process that was deposed, or a person, wrote over
// one.
func (r *WebhookReconciler) specOrRequestChanged() predicate.Predicate {
	watched := []string{
		v1alpha1.WebhookIDAnnotation, v1alpha1.OwnerAnnotation, v1alpha1.FormerAnnotation,
		v1alpha1.ReactivateRequestedAtAnnotation,
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

// overwritten reports whether another client wrote the status.
func (r *WebhookReconciler) overwritten(e event.UpdateEvent) bool {
	before, isWebhook := e.ObjectOld.(*v1alpha1.Webhook)
	now, stillIs := e.ObjectNew.(*v1alpha1.Webhook)
	return isWebhook && stillIs && !r.writes.Own(now) && !equality.Semantic.DeepEqual(before.Status, now.Status)
}

// released lets through that an object is gone, or may own other remote webhooks than before.
func released() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, isWebhook := e.ObjectOld.(*v1alpha1.Webhook)
			now, stillIs := e.ObjectNew.(*v1alpha1.Webhook)
			return isWebhook && stillIs && (lost(before, now, v1alpha1.OwnerAnnotation) ||
				lost(before, now, v1alpha1.FormerAnnotation) || len(before.Status.Former) > len(now.Status.Former) ||
				before.Status.WebhookID != "" && reportedRemote(&before.Status) != reportedRemote(&now.Status))
		},
		GenericFunc: func(event.GenericEvent) bool { return false },
	}
}

// lost reports whether an annotation was there and is another now.
func lost(before, now *v1alpha1.Webhook, annotation string) bool {
	value := before.Annotations[annotation]
	return value != "" && value != now.Annotations[annotation]
}

// rivals finds the Webhooks that waited for a remote webhook to become free.
func (r *WebhookReconciler) rivals(ctx context.Context, gone client.Object) []reconcile.Request {
	i := identityOf(gone.(*v1alpha1.Webhook), r.Key)
	var requests []reconcile.Request
	for _, remote := range append(i.former, i.owned) {
		if remote.ID != "" {
			requests = append(requests, r.matching(ctx, client.MatchingFields{kube.ByClaim: claimKey(remote)})...)
			requests = append(requests, r.matching(ctx, client.MatchingFields{kube.ByClaim: requestKey(remote.ID)})...)
		}
	}
	return requests
}

// usersOfSecret finds the Webhooks that refer to a Secret, and the one that it was generated for.
func (r *WebhookReconciler) usersOfSecret(ctx context.Context, secret client.Object) []reconcile.Request {
	users := r.matching(ctx, client.MatchingFields{kube.BySecret: secret.GetNamespace() + "/" + secret.GetName()})
	if name, generated := strings.CutSuffix(secret.GetName(), v1alpha1.GeneratedSecretSuffix); generated {
		owner := types.NamespacedName{Namespace: secret.GetNamespace(), Name: name}
		users = append(users, reconcile.Request{NamespacedName: owner})
	}
	return users
}

// usersOfConnection finds the Webhooks that refer to a connection, and those that own or gave up a remote webhook in
// its account: they may use it, or may no longer.
func (r *WebhookReconciler) usersOfConnection(ctx context.Context, c client.Object) []reconcile.Request {
	key := kube.ConnectionKey(c.GetNamespace(), c.GetName())
	users := r.matching(ctx, client.MatchingFields{kube.ByConnection: key})
	member := r.Fleets.Member(key)
	if member == nil {
		return users
	}
	account := member.Fleet().Account()
	return append(users, r.thatMatch(ctx, func(w *v1alpha1.Webhook) bool {
		return kube.ConnectionOf(w) != key && mentions(w, account)
	}, client.InNamespace(c.GetNamespace()))...)
}

func (r *WebhookReconciler) inNamespace(ctx context.Context, namespace client.Object) []reconcile.Request {
	if len(r.Namespaces) > 0 && !slices.Contains(r.Namespaces, namespace.GetName()) {
		return nil
	}
	return r.matching(ctx, client.InNamespace(namespace.GetName()))
}

func (r *WebhookReconciler) matching(ctx context.Context, option client.ListOption) []reconcile.Request {
	return r.thatMatch(ctx, r.serves, option)
}

// thatMatch finds the Webhooks among those of an option that this process serves and that match.
func (r *WebhookReconciler) thatMatch(
	ctx context.Context, match func(*v1alpha1.Webhook) bool, option client.ListOption,
) []reconcile.Request {
	var webhooks v1alpha1.WebhookList
	if err := r.List(ctx, &webhooks, option, client.UnsafeDisableDeepCopy); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Cannot list the Webhooks that an event is about")
		return nil
	}
	requests := make([]reconcile.Request, 0, len(webhooks.Items))
	for i := range webhooks.Items {
		if r.serves(&webhooks.Items[i]) && match(&webhooks.Items[i]) {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&webhooks.Items[i])})
		}
	}
	return requests
}

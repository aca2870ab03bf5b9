package webhook

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/kube"
	"webhook-operator.io/itwin/controllers/metrics"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/controllers/webhook/ledger"
	"webhook-operator.io/itwin/controllers/webhook/plan"
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

// GracePeriod is how long after it was sent a create of unknown outcome may still take effect: the request's timeout.
const GracePeriod = platform.DefaultRequestTimeout

// Reconciler keeps remote webhooks equal to Webhooks.
type Reconciler struct {
	// Kube is the API server, read through the cache.
	Kube client.Client
	// Live reads past the cache: signing secrets, and an object whose id could not be recorded.
	Live     client.Reader
	Recorder events.EventRecorder
	Fleets   fleet.View
	Clock    clock.PassiveClock
	// Key is the operator key, which proves ownership.
	Key proof.Key
	// Selector bounds the Webhooks that this process serves; nil serves all.
	Selector labels.Selector
	// Namespaces that the cache is bound to; none is all.
	Namespaces []string
	// GracePeriod overrides the constant of the same name when not 0.
	GracePeriod time.Duration
	// Cluster is false in a namespaced installation, which knows no ClusterConnections and reads no Namespaces.
	Cluster bool

	ledger *ledger.Ledger
	// writes are those of Webhooks, secretWrites those of generated Secrets.
	writes, secretWrites *kube.WrittenVersions
	Enqueuer             kube.Enqueuer
}

// Reconcile makes the platform have what one Webhook says, and its status say what the platform has.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	work, cancel := context.WithTimeout(ctx, kubernetesBudget)
	defer cancel()
	webhook, err := r.current(work, request.NamespacedName)
	if err != nil || webhook == nil {
		return ctrl.Result{}, err
	}
	if wait := r.undone(ctx, webhook); wait > 0 {
		return ctrl.Result{RequeueAfter: wait}, nil
	}
	observed, err := r.observe(work, webhook)
	if err != nil {
		return r.unobserved(ctx, observed, err)
	}
	plan, err := r.plan(work, observed)
	if err != nil {
		return r.unobserved(ctx, observed, err)
	}
	e := newExecutor(r, ctrl.LoggerFrom(ctx), observed, plan)
	if err := e.execute(work); err != nil {
		return settle(ctx, err)
	}
	return e.finish(ctx)
}

// current reads the Webhook from the cache; past it while the cache does not show what this process wrote last. It
// returns nil for one that is gone, or that another shard serves.
func (r *Reconciler) current(ctx context.Context, name types.NamespacedName) (*itwinv1alpha1.Webhook, error) {
	webhook := &itwinv1alpha1.Webhook{}
	err := r.Kube.Get(ctx, name, webhook)
	if err == nil && r.writes.Behind(webhook) {
		if err = r.Live.Get(ctx, name, webhook); err == nil || apierrors.IsNotFound(err) {
			r.writes.Reached(name, webhook, err)
		}
	}
	if err != nil {
		if apierrors.IsNotFound(err) {
			r.forget(name)
		}
		return nil, client.IgnoreNotFound(err)
	}
	if r.ledger.Of(webhook).Replaced() {
		r.forget(name)
	}
	if !r.Serves(webhook) {
		// The shard that serves it now may change what was remembered.
		r.ledger.Forget(name)
		metrics.ForgetWebhook(name)
		ctrl.LoggerFrom(ctx).V(1).Info("Left the Webhook to the process whose selector matches it")
		return nil, nil
	}
	return webhook, nil
}

// plan decides; once more with the value of the signing secret if an update has to carry it.
func (r *Reconciler) plan(ctx context.Context, o *observation) (plan.Plan, error) {
	f := &o.facts
	p := plan.Decide(*f)
	if !p.NeedsSecret(f) {
		return p, nil
	}
	if err := r.loadSecret(ctx, o); err != nil {
		return p, err
	}
	f.HoldSecret()
	return plan.Decide(*f), nil
}

// settle turns a lost race for an object into one more look at it.
func settle(ctx context.Context, err error) (ctrl.Result, error) {
	log := ctrl.LoggerFrom(ctx).V(1)
	switch {
	case apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err):
		log.Info("Another client wrote the object meanwhile",
			"error", err.Error(), "requeueAfter", status.FirstRetry.String())
		return ctrl.Result{RequeueAfter: status.FirstRetry}, nil
	case apierrors.IsNotFound(err):
		log.Info("The object is gone", "error", err.Error())
		return ctrl.Result{}, nil
	}
	return ctrl.Result{}, err
}

// forget drops all that was remembered of an object that is gone.
func (r *Reconciler) forget(name types.NamespacedName) {
	last := r.ledger.Forget(name)
	r.writes.Forget(name)
	r.secretWrites.Forget(types.NamespacedName{
		Namespace: name.Namespace, Name: name.Name + itwinv1alpha1.GeneratedSecretSuffix,
	})
	metrics.ForgetWebhook(name)
	r.Fleets.EachAccount(func(f *fleet.Fleet) {
		f.Forget(name.String())
		if last.Remote.ID != "" && last.Remote.Account == f.Account() {
			f.Release(last.Remote.ID, fleet.Owner(last.UID))
		}
	})
}

// Serves reports whether a Webhook is one of those that this process serves.
func (r *Reconciler) Serves(w *itwinv1alpha1.Webhook) bool {
	return r.Selector == nil || r.Selector.Matches(labels.Set(w.Labels))
}

// Init makes what the process remembers.
func (r *Reconciler) Init() {
	gracePeriod := r.GracePeriod
	if gracePeriod == 0 {
		gracePeriod = GracePeriod
	}
	r.ledger = ledger.New(r.Clock, gracePeriod)
	r.writes, r.secretWrites = kube.NewWrittenVersions(), kube.NewWrittenVersions()
}

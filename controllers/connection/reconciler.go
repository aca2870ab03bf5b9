package connection

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/identity"
	"webhook-operator.io/itwin/controllers/kube"
	"webhook-operator.io/itwin/controllers/metrics"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/internal/proof"
)

// +kubebuilder:rbac:groups=itwin.webhook-operator.io,resources=connections;clusterconnections,verbs=list;watch
// +kubebuilder:rbac:groups=itwin.webhook-operator.io,resources=connections/status;clusterconnections/status,verbs=patch

const (
	// connectionWorkers bounds how many connections log in or are polled at the same time.
	connectionWorkers = 256

	defaultPollInterval = time.Minute
	// cacheLag is how long the cache is given to show what this process wrote.
	cacheLag = 50 * time.Millisecond
)

// Reconciler makes connections members of their accounts: it logs in, lists the account's remote webhooks
// every poll interval, and enqueues the Webhooks whose remote side changed. One serves Connections, another
// ClusterConnections.
type Reconciler struct {
	// Kube is the API server, read through the cache.
	Kube     client.Client
	Live     client.Reader
	Recorder events.EventRecorder
	Fleets   *fleet.Registry
	Clock    clock.PassiveClock
	// Webhooks is the queue of the Webhooks' controller.
	Webhooks Enqueuer
	// Key is the operator key, which proves ownership.
	Key proof.Key
	// New makes an empty object of the kind that is served.
	New func() v1alpha1.ConnectionObject
	// NewList makes an empty list of that kind.
	NewList func() client.ObjectList
	// UserAgent of every request to the platform.
	UserAgent string
	// AllowHost returns an error for a host that the installation does not allow; nil allows any.
	AllowHost func(host string) error

	Enqueuer kube.Enqueuer
	writes   *kube.WrittenVersions
	links    links
	troubles troubles
	polls    *polls
	// announced is what the log was told last of each connection.
	announced sync.Map
	// Dial makes the client of a connection.
	Dial func(platform.Options) (API, error)
}

// Enqueuer queues objects of another controller.
type Enqueuer interface {
	Enqueue(priority int, names ...types.NamespacedName)
}

// Reconcile connects one connection, polls it when a poll is due, and reports.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	connection := r.New()
	if err := r.Kube.Get(ctx, request.NamespacedName, connection); apierrors.IsNotFound(err) {
		return r.retire(ctx, request.NamespacedName)
	} else if err != nil {
		return ctrl.Result{}, err
	}
	if r.writes.Behind(connection) {
		return unchanged(ctx, "the cache does not show the last write yet", cacheLag)
	}
	leave, wait := r.polls.begin(kube.KeyOf(connection), r.Clock.Now())
	if wait > 0 {
		return unchanged(ctx, noWorker, wait)
	}
	defer func() { leave(r.Clock.Now()) }()
	member, err := r.connect(ctx, connection)
	if err != nil {
		return r.unconnected(ctx, connection, err)
	}
	return r.poll(ctx, connection, member)
}

// noWorker is why a connection waits for its turn.
const noWorker = "all workers that connections like this one may have are busy"

// unchanged logs why nothing is done, and when the next look is; 0 when something else enqueues the connection.
func unchanged(ctx context.Context, why string, wait time.Duration) (ctrl.Result, error) {
	ctrl.LoggerFrom(ctx).V(1).Info("Left the connection as it is", "why", why, "requeueAfter", wait.String())
	return ctrl.Result{RequeueAfter: wait}, nil
}

// cadenceOf is how often the remote side is listed: as pollInterval says, or before its time when something waits for a
// list, but never so often that the lists alone use more than half of the rate limit.
func cadenceOf(spec *v1alpha1.ConnectionSpec) fleet.Cadence {
	pace := limitsOf(spec).HalfPace()
	wanted := cmp.Or(spec.PollInterval.Duration, defaultPollInterval)
	return fleet.Cadence{Interval: max(wanted, pace), Pause: pace}
}

// unconnected reports why a connection, or a change of it, cannot be used. What it created before can still be deleted;
// credentials that proved themselves before stay in use until they are taken away.
func (r *Reconciler) unconnected(
	ctx context.Context, c v1alpha1.ConnectionObject, err error,
) (ctrl.Result, error) {
	key, member := kube.KeyOf(c), r.Fleets.Member(kube.KeyOf(c))
	ready, own := r.whyUnconnected(c, err)
	if own && member != nil && !loginFailed(err) {
		member.Close(err)
	}
	var unwritten time.Duration
	if !own { // the API server failed
		words, told := status.LastingWords(err, r.Clock.Now(), r.troubles.since(key, r.Clock.Now()))
		if ready = status.KubernetesRefused(platform.Clean(words)); !told {
			ctrl.LoggerFrom(ctx).Error(err, "Failed to read what the connection needs")
			ready = status.RequeueAfter(time.Second, "the API server failed a request")
		}
	}
	if !ready.Silent {
		unwritten = r.tell(ctx, c, nil, ready)
	}
	result, err := r.pollForDeletions(ctx, key)
	result.RequeueAfter = earliest(result.RequeueAfter, ready.Retry, unwritten)
	return result, err
}

func loginFailed(err error) bool {
	_, failed := errors.AsType[*platform.Error](err)
	return failed
}

// earliest is the shortest of some times to wait, of which 0 stands for none.
func earliest(waits ...time.Duration) (first time.Duration) {
	for _, wait := range waits {
		if wait > 0 && (first == 0 || wait < first) {
			first = wait
		}
	}
	return first
}

// whyUnconnected is what a connection says of an error that keeps it from its account; own is false for errors of the
// API server.
func (r *Reconciler) whyUnconnected(c v1alpha1.ConnectionObject, err error) (ready status.Outcome, own bool) {
	if problem, is := errors.AsType[*errCredentials](err); is {
		return status.Waiting(v1alpha1.SecretNotFoundReason, problem.message).After(defaultPollInterval), true
	}
	if host, is := errors.AsType[*platform.HostError](err); is {
		return status.Stalled(v1alpha1.HostNotAllowedReason, host.Error()), true
	}
	if ready = status.OfConnection(err); ready.Reason == "" {
		return ready, false
	}
	ready.Retry = max(r.links.get(kube.KeyOf(c)).retryAt.Sub(r.Clock.Now()), status.Again)
	return ready, true
}

// retire handles a connection that is gone: its membership stays while Webhooks may have to be deleted through it.
func (r *Reconciler) retire(ctx context.Context, name types.NamespacedName) (ctrl.Result, error) {
	key := kube.ConnectionKey(name.Namespace, name.Name)
	member := r.Fleets.Member(key)
	if member == nil {
		r.drop(key, name)
		return ctrl.Result{}, nil
	}
	needed, err := r.needed(ctx, member, isHeld)
	if err != nil {
		return ctrl.Result{}, err
	}
	if !needed {
		r.Fleets.Leave(key)
		r.drop(key, name)
		return ctrl.Result{}, nil
	}
	member.Close(fmt.Errorf("the connection %q was deleted", key))
	leave, wait := r.polls.begin(key, r.Clock.Now())
	if wait > 0 {
		return unchanged(ctx, noWorker, wait)
	}
	defer func() { leave(r.Clock.Now()) }()
	return r.pollForDeletions(ctx, key)
}

// drop forgets a connection that is gone.
func (r *Reconciler) drop(key string, name types.NamespacedName) {
	r.links.forget(key)
	r.troubles.forget(key)
	r.announced.Delete(key)
	r.polls.forget(key)
	r.writes.Forget(name)
	metrics.ForgetConnection(key)
}

// pollForDeletions keeps the snapshot of an account usable for the Webhooks that wait for deletion through a closed
// connection. For nothing else are credentials used that were taken away.
func (r *Reconciler) pollForDeletions(ctx context.Context, key string) (ctrl.Result, error) {
	member := r.Fleets.Member(key)
	if member == nil {
		return ctrl.Result{}, nil
	}
	needed, err := r.needed(ctx, member, isDeleting)
	if err != nil {
		return ctrl.Result{}, err
	}
	if member.Closed() != nil && !needed {
		return unchanged(ctx, "no Webhook has anything to delete through the closed connection", defaultPollInterval)
	}
	if wait := member.PollIn(); wait > 0 {
		return unchanged(ctx, "the next list is not due yet", wait)
	}
	if changes, err := member.Poll(ctx); err == nil {
		r.enqueueChanged(ctx, member.Fleet(), changes)
	}
	return ctrl.Result{RequeueAfter: max(member.PollIn(), time.Second)}, nil
}

// needed reports whether a Webhook that fits may have something to delete through a closed connection: it refers to the
// connection, or owns or gave up a remote webhook of its account and lives where the connection does.
func (r *Reconciler) needed(
	ctx context.Context, member *fleet.Member, fits func(v1alpha1.Webhook) bool,
) (bool, error) {
	var all v1alpha1.WebhookList
	namespace, _, _ := strings.Cut(member.Name(), "/")
	if err := r.Kube.List(ctx, &all, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return false, err
	}
	return slices.ContainsFunc(all.Items, func(w v1alpha1.Webhook) bool {
		return fits(w) && (kube.ConnectionOf(&w) == member.Name() || identity.Mentions(&w, member.Fleet().Account()))
	}), nil
}

func isDeleting(w v1alpha1.Webhook) bool { return !w.DeletionTimestamp.IsZero() }

func isHeld(w v1alpha1.Webhook) bool {
	return controllerutil.ContainsFinalizer(&w, v1alpha1.WebhookFinalizer)
}

// poll lists the account when that is due, enqueues the Webhooks that the list concerns, and reports what came of it,
// or of a list that another connection to the account made.
func (r *Reconciler) poll(
	ctx context.Context, c v1alpha1.ConnectionObject, member *fleet.Member,
) (ctrl.Result, error) {
	account := member.Fleet()
	var unwritten time.Duration
	synced := account.Synced()
	if !synced || member.Outcome() != nil {
		// After a list that succeeded the report counts them.
		if _, err := r.expect(ctx, c, member); err != nil {
			return ctrl.Result{}, err
		}
	}
	if member.PollIn() <= 0 {
		changes, err := member.Poll(ctx)
		switch {
		case errors.Is(err, fleet.ErrPolling):
			return unchanged(ctx, "another connection lists the account; its end enqueues this one", 0)
		case err != nil:
			ctrl.LoggerFrom(ctx).V(1).Info("Failed to list the remote webhooks", "account", account.Account(),
				"error", err.Error())
		default:
			if err := r.countUnmanaged(ctx, account); err != nil {
				return ctrl.Result{}, err
			}
			if !synced {
				// All are changes of what was not known. What matters is who uses the account.
				changes.Webhooks = nil
			}
			r.enqueueChanged(ctx, account, changes)
		}
	}
	if account.Synced() && !member.Introduced() {
		if err := r.enqueueUsers(ctx, c, account.Account()); err != nil {
			return ctrl.Result{}, err
		}
		member.Introduce()
	}
	if account.Synced() || member.Outcome() != nil {
		ready := status.OfConnection(member.Outcome())
		if ready.Ready && account.Restlessness() == fleet.Restless {
			ready.Message += restlessMessage
		}
		if issues := account.Issues(); ready.Ready && len(issues) > 0 {
			ready.Message += ", except for entries that cannot be read: " + strings.Join(issues, "; ")
		}
		if !ready.Silent {
			unwritten = r.tell(ctx, c, member, ready)
		}
	}
	return ctrl.Result{RequeueAfter: earliest(max(member.PollIn(), status.Again), unwritten)}, nil
}

// enqueueUsers enqueues the Webhooks that may use a connection whose account is listed: those that refer to it, and
// those that own or gave up a remote webhook of its account. After a restart that is every one: they come behind what
// people ask for.
func (r *Reconciler) enqueueUsers(ctx context.Context, c v1alpha1.ConnectionObject, account string) error {
	var all v1alpha1.WebhookList
	if err := r.Kube.List(ctx, &all, client.InNamespace(c.GetNamespace()), client.UnsafeDisableDeepCopy); err != nil {
		return err
	}
	var names []types.NamespacedName
	for i := range all.Items {
		w := &all.Items[i]
		if kube.ConnectionOf(w) == kube.KeyOf(c) || identity.Mentions(w, account) {
			names = append(names, client.ObjectKeyFromObject(w))
		}
	}
	r.Webhooks.Enqueue(kube.PriorityBulk, names...)
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
// those whose creates made it; and those that waited for a list.
func (r *Reconciler) enqueueChanged(ctx context.Context, account *fleet.Fleet, changes fleet.Changes) {
	names := named(changes.Waiting)
	marks := map[string]bool{}
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
	var found v1alpha1.WebhookList
	if err := r.Kube.List(ctx, &found, option, client.UnsafeDisableDeepCopy); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Failed to find the Webhooks of a changed remote webhook")
	}
	for i := range found.Items {
		names = append(names, client.ObjectKeyFromObject(&found.Items[i]))
	}
	return names
}

// markers are the Webhooks whose creates left the marks. There are few marks: of creates that are under way, or that
// were interrupted.
func (r *Reconciler) markers(ctx context.Context, marks map[string]bool) (names []types.NamespacedName) {
	var all v1alpha1.WebhookList
	if err := r.Kube.List(ctx, &all, client.UnsafeDisableDeepCopy); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Failed to find the Webhooks whose creates were interrupted")
	}
	for i := range all.Items {
		if marks[identity.MarkOf(&all.Items[i])] {
			names = append(names, client.ObjectKeyFromObject(&all.Items[i]))
		}
	}
	return names
}

func (r *Reconciler) users(ctx context.Context, key string) ([]v1alpha1.Webhook, error) {
	var users v1alpha1.WebhookList
	err := r.Kube.List(ctx, &users, client.MatchingFields{kube.ByConnection: key}, client.UnsafeDisableDeepCopy)
	return users.Items, err
}

// Prepare makes what the process remembers.
func (r *Reconciler) Prepare() {
	r.writes = kube.NewWrittenVersions()
	r.polls = newPolls(connectionWorkers)
	r.Dial = dial
}

// SetupWithManager registers the controller under a name of its own.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager, name string) error {
	r.Prepare()
	b := ctrl.NewControllerManagedBy(mgr).Named(name).WatchesRawSource(&r.Enqueuer).
		WithOptions(kube.Options(connectionWorkers))
	for _, watch := range r.Watches() {
		b = watch.AddTo(b)
	}
	return b.Complete(r)
}

// Watches are all that makes the controller look at connections, beside the ends of lists.
func (r *Reconciler) Watches() []kube.Watch {
	return []kube.Watch{
		{Object: r.New(), Changes: predicate.GenerationChangedPredicate{}},
		{Object: &corev1.Secret{}, MetadataOnly: true, Find: r.usersOfSecret},
	}
}

// usersOfSecret finds the connections whose credentials or certificates a Secret holds.
func (r *Reconciler) usersOfSecret(ctx context.Context, secret client.Object) []reconcile.Request {
	list := r.NewList()
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

package controllers

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
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

// +kubebuilder:rbac:groups=itwin.webhook-operator.io,resources=connections;clusterconnections,verbs=list;watch
// +kubebuilder:rbac:groups=itwin.webhook-operator.io,resources=connections/status;clusterconnections/status,verbs=patch

const (
	// connectionWorkers bounds how many connections are polled at the same time.
	connectionWorkers = 32

	defaultPollInterval = time.Minute
	// cacheLag is how long the cache is given to show what this process wrote.
	cacheLag = 50 * time.Millisecond
)

// ConnectionReconciler keeps one fleet per connection: it logs in, lists the remote webhooks every poll interval, and
// wakes the Webhooks whose remote side changed. One serves Connections, another ClusterConnections.
type ConnectionReconciler struct {
	client.Client
	APIReader client.Reader
	Fleets    *fleet.Registry
	Clock     clock.PassiveClock
	// Webhooks is told which Webhooks to look at.
	Webhooks *WebhookReconciler
	// New makes an empty object of the kind that is served.
	New func() v1alpha1.ConnectionObject
	// NewList makes an empty list of that kind.
	NewList func() client.ObjectList
	// UserAgent of every request to the platform.
	UserAgent string

	waker  waker
	writes *writes
	mu     sync.Mutex
	// links remembers what each fleet was connected with, by connection.
	links map[string]link
	// dial makes the client of a connection.
	dial func(platform.Options) (fleet.API, error)
}

// link is what a fleet was connected with, and the generation of the connection that was last polled and reported.
type link struct {
	options  platform.Options
	reported int64
}

// Reconcile connects one connection, polls it when a poll is due, and reports.
func (r *ConnectionReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	connection := r.New()
	if err := r.Get(ctx, request.NamespacedName, connection); apierrors.IsNotFound(err) {
		return r.retire(ctx, request.NamespacedName)
	} else if err != nil {
		return ctrl.Result{}, err
	}
	if r.writes.behind(connection) {
		return ctrl.Result{RequeueAfter: cacheLag}, nil
	}
	remote, err := r.connect(ctx, connection)
	if err != nil {
		return r.unconnected(ctx, connection, err)
	}
	interval := interval(connection.ConnectionSpec())
	reported := r.linkOf(connection).reported == connection.GetGeneration()
	if wait := remote.PollIn(interval); wait > 0 && (reported || !remote.Synced()) {
		return ctrl.Result{RequeueAfter: wait}, nil
	}
	if err := r.poll(ctx, connection, remote); err != nil {
		return settle(err)
	}
	return ctrl.Result{RequeueAfter: max(remote.PollIn(interval), again)}, nil
}

// interval is how often the remote side is listed: as it was asked for, but never so often that the lists alone use
// more than half of the rate limit.
func interval(spec *v1alpha1.ConnectionSpec) time.Duration {
	asked := cmp.Or(spec.PollInterval.Duration, defaultPollInterval)
	return max(asked, limitsOf(spec).HalfPace())
}

// unconnected reports that a connection has no usable Secret. What it created before can still be deleted.
func (r *ConnectionReconciler) unconnected(
	ctx context.Context, c v1alpha1.ConnectionObject, err error,
) (ctrl.Result, error) {
	problem, ok := errors.AsType[*errCredentials](err)
	if !ok {
		return ctrl.Result{}, err
	}
	key := keyOf(c)
	if remote := r.Fleets.Get(key); remote != nil {
		remote.Close(problem)
	}
	if err := r.report(ctx, c, nil, verdict{
		reason: v1alpha1.SecretNotFoundReason, stalled: true, message: problem.message,
	}); err != nil {
		return settle(err)
	}
	return r.pollForDeletions(ctx, key)
}

// retire handles a connection that is gone: its fleet stays while Webhooks may have to be deleted through it.
func (r *ConnectionReconciler) retire(ctx context.Context, name types.NamespacedName) (ctrl.Result, error) {
	key := connectionKey(name.Namespace, name.Name)
	remote := r.Fleets.Get(key)
	if remote == nil {
		// A namespaced installation sees no Secrets of other namespaces: it looks again by itself.
		return ctrl.Result{RequeueAfter: defaultPollInterval}, nil
	}
	users, err := r.users(ctx, key)
	if err != nil {
		return ctrl.Result{}, err
	}
	if !slices.ContainsFunc(users, isHeld) {
		r.Fleets.Remove(key)
		r.unlink(key)
		r.writes.forget(name)
		forgetConnection(key)
		return ctrl.Result{}, nil
	}
	remote.Close(fmt.Errorf("the connection %q was deleted", key))
	return r.pollForDeletions(ctx, key)
}

// pollForDeletions keeps the picture of a closed fleet usable for those who wait to be deleted. For nobody else are
// credentials used that somebody took away.
func (r *ConnectionReconciler) pollForDeletions(ctx context.Context, key string) (ctrl.Result, error) {
	remote := r.Fleets.Get(key)
	if remote == nil {
		return ctrl.Result{}, nil
	}
	users, err := r.users(ctx, key)
	if err != nil {
		return ctrl.Result{}, err
	}
	if !slices.ContainsFunc(users, isDeleting) {
		return ctrl.Result{RequeueAfter: defaultPollInterval}, nil
	}
	if wait := remote.PollIn(defaultPollInterval); wait > 0 {
		return ctrl.Result{RequeueAfter: wait}, nil
	}
	if changes, err := remote.Poll(ctx); err == nil {
		r.wakeAll(ctx, key, changes)
	}
	return ctrl.Result{RequeueAfter: max(remote.PollIn(defaultPollInterval), time.Second)}, nil
}

func isDeleting(w v1alpha1.Webhook) bool { return !w.DeletionTimestamp.IsZero() }

func isHeld(w v1alpha1.Webhook) bool {
	return controllerutil.ContainsFinalizer(&w, v1alpha1.WebhookFinalizer)
}

// poll lists the remote side, reports what came of it, and wakes the Webhooks that it concerns.
func (r *ConnectionReconciler) poll(ctx context.Context, c v1alpha1.ConnectionObject, remote *fleet.Fleet) error {
	key, first := keyOf(c), !remote.Synced()
	var users []v1alpha1.Webhook
	if first {
		var err error
		if users, err = r.users(ctx, key); err != nil {
			return err
		}
	}
	changes, err := remote.Poll(ctx)
	switch {
	case err != nil:
	case first:
		// After a restart everything is news: it comes behind what people ask for. So does what came in during the list.
		r.wakeUsers(users, changes.Woken)
	default:
		r.wakeAll(ctx, key, changes)
	}
	ready := readinessOf(err)
	if ready.silent {
		return nil
	}
	return r.report(ctx, c, remote, ready)
}

// wakeUsers wakes all Webhooks of a connection that was just connected.
func (r *ConnectionReconciler) wakeUsers(users []v1alpha1.Webhook, waiting []string) {
	names := named(waiting)
	for i := range users {
		names = append(names, client.ObjectKeyFromObject(&users[i]))
	}
	r.Webhooks.waker.wake(priorityBulk, names...)
}

// named are the names of those who waited for a list.
func named(waiting []string) []types.NamespacedName {
	names := make([]types.NamespacedName, len(waiting))
	for i, w := range waiting {
		names[i].Namespace, names[i].Name, _ = strings.Cut(w, "/")
	}
	return names
}

// wakeAll wakes those whose remote side changed, and those who waited for a list.
func (r *ConnectionReconciler) wakeAll(ctx context.Context, key string, changes fleet.Changes) {
	names := named(changes.Woken)
	for _, id := range changes.IDs {
		var owners v1alpha1.WebhookList
		err := r.List(ctx, &owners, client.MatchingFields{byWebhookID: id}, client.UnsafeDisableDeepCopy)
		if err != nil {
			ctrl.LoggerFrom(ctx).Error(err, "Cannot find the owner of a changed webhook", "webhookId", id)
			continue
		}
		for i := range owners.Items {
			if connectionOf(&owners.Items[i]) == key {
				names = append(names, client.ObjectKeyFromObject(&owners.Items[i]))
			}
		}
	}
	r.Webhooks.waker.wake(priorityRemote, names...)
}

func (r *ConnectionReconciler) users(ctx context.Context, key string) ([]v1alpha1.Webhook, error) {
	var users v1alpha1.WebhookList
	err := r.List(ctx, &users, client.MatchingFields{byConnection: key}, client.UnsafeDisableDeepCopy)
	return users.Items, err
}

// prepare makes what the process remembers.
func (r *ConnectionReconciler) prepare() {
	r.links, r.writes = map[string]link{}, newWrites()
	r.dial = dial
}

// SetupWithManager registers the controller under a name of its own.
func (r *ConnectionReconciler) SetupWithManager(mgr ctrl.Manager, name string) error {
	r.prepare()
	return ctrl.NewControllerManagedBy(mgr).Named(name).
		For(r.New(), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WatchesMetadata(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(r.usersOfSecret)).
		WatchesRawSource(&r.waker).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: connectionWorkers,
			RateLimiter: workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](
				firstRetry, longestWait),
		}).
		Complete(r)
}

// usersOfSecret finds the connections whose credentials or certificates a Secret holds.
func (r *ConnectionReconciler) usersOfSecret(ctx context.Context, secret client.Object) []reconcile.Request {
	list := r.NewList()
	key := secret.GetNamespace() + "/" + secret.GetName()
	if err := r.List(ctx, list, client.MatchingFields{bySecret: key}); err != nil {
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

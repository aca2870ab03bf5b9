package connection

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
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
	// Kind that is served.
	Kind Kind
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

// Kind of connection.
type Kind struct {
	// Name of the controller that serves it.
	Name    string
	new     func() itwinv1alpha1.ConnectionObject
	newList func() client.ObjectList
}

// The kinds, each of which has a controller.
var (
	Namespaced = Kind{
		Name:    "connection",
		new:     func() itwinv1alpha1.ConnectionObject { return &itwinv1alpha1.Connection{} },
		newList: func() client.ObjectList { return &itwinv1alpha1.ConnectionList{} },
	}
	Cluster = Kind{
		Name:    "clusterconnection",
		new:     func() itwinv1alpha1.ConnectionObject { return &itwinv1alpha1.ClusterConnection{} },
		newList: func() client.ObjectList { return &itwinv1alpha1.ClusterConnectionList{} },
	}
)

// Reconcile connects one connection, polls it when a poll is due, and reports.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	connection := r.Kind.new()
	if err := r.Kube.Get(ctx, request.NamespacedName, connection); apierrors.IsNotFound(err) {
		return r.retire(ctx, request.NamespacedName)
	} else if err != nil {
		return ctrl.Result{}, err
	}
	metrics.SeeConnection(kube.KeyOf(connection))
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

// unconnected reports why a connection, or a change of it, cannot be used. What it created before can still be deleted;
// credentials that proved themselves before stay in use until they are taken away.
func (r *Reconciler) unconnected(
	ctx context.Context, c itwinv1alpha1.ConnectionObject, err error,
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
func (r *Reconciler) whyUnconnected(c itwinv1alpha1.ConnectionObject, err error) (ready status.Outcome, own bool) {
	if problem, is := errors.AsType[*errCredentials](err); is {
		return status.Waiting(itwinv1alpha1.SecretNotFoundReason, problem.message).After(defaultPollInterval), true
	}
	if host, is := errors.AsType[*platform.HostError](err); is {
		return status.Stalled(itwinv1alpha1.HostNotAllowedReason, host.Error()), true
	}
	if ready = status.OfConnection(err); ready.Reason == "" {
		return ready, false
	}
	ready.Retry = max(r.links.get(kube.KeyOf(c)).retryAt.Sub(r.Clock.Now()), status.Again)
	return ready, true
}

// poll lists the account when that is due, enqueues the Webhooks that the list concerns, and reports what came of it,
// or of a list that another connection to the account made.
func (r *Reconciler) poll(
	ctx context.Context, c itwinv1alpha1.ConnectionObject, member *fleet.Member,
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
		if err := r.enqueueUsers(ctx, member); err != nil {
			return ctrl.Result{}, err
		}
		member.Introduce()
	}
	if account.Synced() || member.Outcome() != nil {
		if ready := listed(member); !ready.Silent {
			unwritten = r.tell(ctx, c, member, ready)
		}
	}
	return ctrl.Result{RequeueAfter: earliest(max(member.PollIn(), status.Again), unwritten)}, nil
}

// listed is what a connection says of the last list of its account.
func listed(member *fleet.Member) status.Outcome {
	account, ready := member.Fleet(), status.OfConnection(member.Outcome())
	if ready.Ready && account.Restlessness() == fleet.Restless {
		ready.Message += restlessMessage
	}
	if issues := account.Issues(); ready.Ready && len(issues) > 0 {
		ready.Message += ", except for entries that cannot be read: " + strings.Join(issues, "; ")
	}
	return ready
}

func (r *Reconciler) users(ctx context.Context, key string) ([]*itwinv1alpha1.Webhook, error) {
	var users itwinv1alpha1.WebhookList
	err := r.Kube.List(ctx, &users, client.MatchingFields{kube.ByConnection: key}, client.UnsafeDisableDeepCopy)
	return users.Items, err
}

// Init makes what the process remembers.
func (r *Reconciler) Init() {
	r.writes = kube.NewWrittenVersions()
	r.polls = newPolls(connectionWorkers)
	if r.Dial == nil {
		r.Dial = dial
	}
}

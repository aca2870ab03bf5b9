package controllers

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

// clockTolerance is how far a webhook's time of creation may lie before that of its object, after the measured
// difference between the platform's clock and ours. The API server's clock, which dates the object, is not measured.
const clockTolerance = time.Minute

// observe gathers the facts about a Webhook: from the cache, from the picture of the remote side, and from the signing
// Secret when its value must be sent. It makes no remote call. The fleet is nil when the connection has none.
func (r *WebhookReconciler) observe(ctx context.Context, w *v1alpha1.Webhook) (facts, *fleet.Fleet, error) {
	f := facts{now: r.Clock.Now(), webhook: w, generation: w.Generation, asked: maps.Clone(w.Annotations)}
	remote := r.Fleets.Get(connectionOf(w))
	if err := r.observeConnection(ctx, &f, remote); err != nil {
		return f, nil, err
	}
	known := r.memory.of(client.ObjectKeyFromObject(w), w.UID)
	f.id = identity(w, known)
	if err := r.observeRival(ctx, &f); err != nil {
		return f, nil, err
	}
	if remote != nil {
		f.heard = remote.Heard()
		observeRemote(&f, remote)
		r.observeRequest(&f, remote)
		if err := r.observeAttempt(ctx, &f, remote, known); err != nil {
			return f, nil, err
		}
	}
	if !w.DeletionTimestamp.IsZero() || w.Spec.Suspend {
		return f, remote, nil
	}
	f.secret.doubtful = !known.vouched && f.doubtsSecret()
	if err := r.observeSecret(ctx, &f); err != nil {
		return f, nil, err
	}
	if remote != nil {
		r.observeHope(&f, remote)
	}
	return f, remote, nil
}

// identity is the id of the remote webhook that an object owns. What this process made is newer than what the cache
// shows; an id that cannot be one, written by hand, is none.
func identity(w *v1alpha1.Webhook, known attempt) string {
	id := cmp.Or(known.id, claimOf(w))
	if !platform.ValidID(id) {
		return ""
	}
	return id
}

func observeRemote(f *facts, remote *fleet.Fleet) {
	f.connection.synced, f.connection.trouble = remote.Synced(), remote.Trouble()
	if f.id == "" {
		return
	}
	f.remote, f.presence = remote.Lookup(f.id)
}

// observeRequest starts the wait for a list that reconcile-requested-at asks for.
func (r *WebhookReconciler) observeRequest(f *facts, remote *fleet.Fleet) {
	if !f.reconcileRequested() {
		return
	}
	value := f.webhook.Annotations[v1alpha1.ReconcileRequestedAtAnnotation]
	since := r.memory.requested(client.ObjectKeyFromObject(f.webhook), f.webhook.UID, value, f.now)
	if !remote.ListedSince(since) {
		f.refreshSince = since
	}
}

// observeConnection finds out whether the connection exists, allows the object, and is ready.
func (r *WebhookReconciler) observeConnection(ctx context.Context, f *facts, remote *fleet.Fleet) error {
	ref := f.webhook.Spec.ConnectionRef
	if ref.Kind == v1alpha1.ConnectionKindCluster && !r.Cluster {
		f.connection.problem = &problem{v1alpha1.ConnectionNotFoundReason,
			"This installation of the operator is bound to namespaces and serves no ClusterConnections"}
		return nil
	}
	connection, err := getConnection(ctx, r.Client, f.webhook)
	if apierrors.IsNotFound(err) {
		f.connection.problem = &problem{v1alpha1.ConnectionNotFoundReason, fmt.Sprintf(
			"There is no %s %q; create it, or name another in spec.connectionRef", ref.Kind, ref.Name)}
		return nil
	}
	if err != nil {
		return err
	}
	if f.connection.problem, err = r.prohibition(ctx, f.webhook, connection); err != nil {
		return err
	}
	if f.connection.problem != nil {
		f.connection.forbidden = true
		return nil
	}
	f.connection.problem = notReady(connection, ref, remote)
	return nil
}

// getConnection reads the connection that a Webhook uses from the cache.
func getConnection(ctx context.Context, c client.Reader, w *v1alpha1.Webhook) (v1alpha1.ConnectionObject, error) {
	ref := w.Spec.ConnectionRef
	if ref.Kind == v1alpha1.ConnectionKindCluster {
		connection := &v1alpha1.ClusterConnection{}
		return connection, c.Get(ctx, client.ObjectKey{Name: ref.Name}, connection)
	}
	connection := &v1alpha1.Connection{}
	return connection, c.Get(ctx, client.ObjectKey{Namespace: w.Namespace, Name: ref.Name}, connection)
}

// prohibition tells whether a connection refuses this namespace or callback.
func (r *WebhookReconciler) prohibition(
	ctx context.Context, w *v1alpha1.Webhook, connection v1alpha1.ConnectionObject,
) (*problem, error) {
	spec := connection.ConnectionSpec()
	if !hostAllowed(spec.AllowedCallbackHosts, w.Spec.CallbackURL) {
		return &problem{v1alpha1.ConnectionNotAllowedReason, fmt.Sprintf(
			"%s %q allows no callback to this host; its spec.allowedCallbackHosts are %q",
			w.Spec.ConnectionRef.Kind, connection.GetName(), spec.AllowedCallbackHosts)}, nil
	}
	if w.Spec.ConnectionRef.Kind != v1alpha1.ConnectionKindCluster {
		return nil, nil
	}
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	if err := r.Get(ctx, client.ObjectKey{Name: w.Namespace}, namespace); client.IgnoreNotFound(err) != nil {
		return nil, err
	}
	if !namespaceAllowed(spec.AllowedNamespaces, namespace.Labels) {
		return &problem{v1alpha1.ConnectionNotAllowedReason, fmt.Sprintf(
			"ClusterConnection %q does not allow namespace %q; its spec.allowedNamespaces must select the "+
				"namespace's labels", connection.GetName(), w.Namespace)}, nil
	}
	return nil, nil
}

// notReady tells why nothing can be sent through a connection; nil while that is not known.
func notReady(connection v1alpha1.ConnectionObject, ref v1alpha1.ConnectionReference, remote *fleet.Fleet) *problem {
	if remote != nil && remote.Synced() && remote.Closed() == nil {
		return nil
	}
	status := connection.ConnectionStatus()
	ready := apimeta.FindStatusCondition(status.Conditions, v1alpha1.ReadyCondition)
	if ready == nil || ready.Status == metav1.ConditionTrue || status.ObservedGeneration != connection.GetGeneration() {
		return nil
	}
	reason := ready.Reason
	if reason != v1alpha1.RateLimitedReason && reason != v1alpha1.PlatformUnavailableReason {
		reason = v1alpha1.ConnectionNotReadyReason
	}
	return &problem{reason, fmt.Sprintf("%s %q is not ready: %s", ref.Kind, ref.Name, ready.Message)}
}

// observeRival finds a Webhook with a better claim to the same remote webhook.
func (r *WebhookReconciler) observeRival(ctx context.Context, f *facts) error {
	if f.id == "" {
		return nil
	}
	var claims v1alpha1.WebhookList
	err := r.List(ctx, &claims, client.MatchingFields{byWebhookID: f.id}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return err
	}
	for i := range claims.Items {
		if other := &claims.Items[i]; other.UID != f.webhook.UID && precedes(other, f.webhook, f.id) {
			f.rival = other.Namespace + "/" + other.Name
		}
	}
	return nil
}

// precedes tells whether a has the better claim to a remote webhook: whoever has it already by its status, which only
// the operator writes, so that nobody can take a webhook by writing its id; then the older; of two from the same second
// the one that has the id written down.
func precedes(a, b *v1alpha1.Webhook, id string) bool {
	if hasA, hasB := a.Status.WebhookID == id, b.Status.WebhookID == id; hasA != hasB {
		return hasA
	}
	if !a.CreationTimestamp.Equal(&b.CreationTimestamp) {
		return a.CreationTimestamp.Before(&b.CreationTimestamp)
	}
	ofA, ofB := a.Annotations[v1alpha1.WebhookIDAnnotation] == id, b.Annotations[v1alpha1.WebhookIDAnnotation] == id
	if ofA != ofB {
		return ofA
	}
	return a.UID < b.UID
}

// observeAttempt looks for what an earlier create may have left behind, and for a webhook to adopt.
func (r *WebhookReconciler) observeAttempt(
	ctx context.Context, f *facts, remote *fleet.Fleet, known attempt,
) (err error) {
	if f.id != "" && f.presence != fleet.Gone || !f.connection.synced {
		f.attempt.clean = known.clean
		return nil
	}
	if f.finalized() && !known.clean {
		known = r.memory.meet(client.ObjectKeyFromObject(f.webhook), f.webhook.UID)
	}
	f.attempt = attemptFacts{
		clean: known.clean, settled: remote.ListedSince(known.horizon), horizon: known.horizon,
		immature: r.memory.immature(f.now),
	}
	if !f.attempt.clean || f.presence == fleet.Gone {
		sent, skew := intended(f.webhook), remote.Skew()
		f.attempt.orphan, err = r.unclaimed(ctx, f, remote, sent, func(w platform.Webhook) bool {
			return isOrphan(f.webhook, sent, w, skew)
		})
	}
	if err == nil && f.webhook.Spec.AdoptionPolicy == v1alpha1.AdoptMatching {
		every := func(platform.Webhook) bool { return true }
		f.adoptable, err = r.unclaimed(ctx, f, remote, createRequest(f.webhook), every)
	}
	return err
}

// observeHope starts the wait for a list before an object that would rather adopt creates: the webhook that it hopes
// for may be younger than the picture.
func (r *WebhookReconciler) observeHope(f *facts, remote *fleet.Fleet) {
	lost := f.id == "" || f.presence == fleet.Gone
	if !lost || f.secret.problem != nil || f.webhook.Spec.AdoptionPolicy != v1alpha1.AdoptMatching {
		return
	}
	since := r.memory.hoped(client.ObjectKeyFromObject(f.webhook), f.webhook.UID, f.generation, f.now)
	if !remote.ListedSince(since) {
		f.hopeSince = since
	}
}

// unclaimed finds the oldest webhook with the callback and scope of a request that matches and nobody claims.
func (r *WebhookReconciler) unclaimed(
	ctx context.Context, f *facts, remote *fleet.Fleet, wanted platform.CreateRequest, match func(platform.Webhook) bool,
) (*platform.Webhook, error) {
	candidates, ok := remote.Unowned(wanted, func(w platform.Webhook) bool {
		return w.CallbackURL == wanted.CallbackURL && inScope(w, wanted) && match(w)
	})
	f.attempt.busy = f.attempt.busy || !ok
	for _, candidate := range candidates {
		if claimed, err := r.claimed(ctx, candidate.ID); err != nil || !claimed {
			return &candidate, err
		}
	}
	return nil, nil
}

func inScope(w platform.Webhook, wanted platform.CreateRequest) bool {
	// An Account webhook's scopeId is the account's, which the spec does not know.
	return w.Scope == wanted.Scope && (w.Scope == platform.ScopeAccount || sameID(w.ScopeID, wanted.ScopeID))
}

// isOrphan tells whether a create that this object sent can have made the webhook.
func isOrphan(
	w *v1alpha1.Webhook, sent platform.CreateRequest, candidate platform.Webhook, skew time.Duration,
) bool {
	earliest := w.CreationTimestamp.Add(skew - clockTolerance)
	young := candidate.Created.IsZero() || !candidate.Created.Before(earliest)
	return young && sameSet(candidate.EventTypes, sent.EventTypes)
}

// claimed tells whether any Webhook claims a remote webhook.
func (r *WebhookReconciler) claimed(ctx context.Context, id string) (bool, error) {
	var claims v1alpha1.WebhookList
	err := r.List(ctx, &claims, client.MatchingFields{byWebhookID: id}, client.UnsafeDisableDeepCopy)
	return len(claims.Items) > 0, err
}

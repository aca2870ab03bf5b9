package webhook

import (
	"context"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/kube"
	"webhook-operator.io/itwin/controllers/tenancy"
	"webhook-operator.io/itwin/controllers/webhook/plan"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

// members are the connections by which the facts about an object were gathered, by account. Steps call the platform
// through the same.
type members map[string]fleet.Reader

// way is a connection to an account, and how good it is for an object: the lower, the better.
type way struct {
	member fleet.Reader
	rank   int
}

// Ranks of a way. What may be used stands before what may not, and what works before what does not. Through what is
// left of a connection that was closed go deletions alone.
const (
	ownConnection = iota
	allowedAndSound
	allowedAndFailing
	allowedAndClosed
	barredAndSound
	barredAndFailing
	barredAndClosed
	deletedConnection
)

// reachable finds a connection to an account that the object may use; if there is none, one that it may not.
func (r *Reconciler) reachable(
	ctx context.Context, f *plan.Facts, account string, via members,
) (fleet.Reader, plan.Reach, error) {
	snapshot := r.Fleets.Account(account)
	if account == "" || snapshot == nil {
		how, err := r.unconnected(ctx, f, account)
		return nil, how, err
	}
	if _, counted := f.ListCounts[account]; !counted {
		f.ListCounts[account] = snapshot.ListCount()
	}
	var best way
	for _, member := range r.Fleets.Members(snapshot) {
		if !inReach(f.Webhook, member.Name()) {
			continue
		}
		rank, err := r.rank(ctx, f, member)
		if err != nil {
			return nil, plan.Unreachable, err
		}
		if best.member == nil || rank < best.rank {
			best = way{member, rank}
		}
		if rank == ownConnection {
			break
		}
	}
	if best.member == nil || best.rank >= barredAndSound {
		if how, err := r.unconnected(ctx, f, account); err != nil || how != plan.Unreachable || best.member == nil {
			return nil, how, err
		}
	}
	via[account] = best.member
	if best.rank < barredAndSound || best.rank == deletedConnection {
		return best.member, plan.Reachable, nil
	}
	return best.member, plan.Forbidden, nil
}

// inReach reports whether an object and a connection may have to do with each other: one in another namespace is
// another tenant's.
func inReach(w *itwinv1alpha1.Webhook, connection string) bool {
	namespace, _, _ := strings.Cut(connection, "/")
	return namespace == "" || namespace == w.Namespace
}

// unconnected tells an account that no connection reaches from one that a connection which the object may use reached
// before, and will again once it can log in: trouble with credentials withdraws no permission.
func (r *Reconciler) unconnected(ctx context.Context, f *plan.Facts, account string) (plan.Reach, error) {
	if account == "" {
		return plan.Unreachable, nil
	}
	connections, err := r.connectionsFor(ctx, f.Webhook)
	if err != nil {
		return plan.Unreachable, err
	}
	for _, c := range connections {
		key := kube.KeyOf(c)
		if c.ConnectionStatus().Account != account || r.Fleets.Member(key) != nil {
			continue
		}
		if allowed, _, err := r.mayUse(ctx, f.Webhook, key); err != nil || allowed {
			return plan.NotConnected, err
		}
	}
	return plan.Unreachable, nil
}

// connectionsFor are the connections of the object's namespace and of the cluster.
func (r *Reconciler) connectionsFor(
	ctx context.Context, w *itwinv1alpha1.Webhook,
) ([]itwinv1alpha1.ConnectionObject, error) {
	var found []itwinv1alpha1.ConnectionObject
	var namespaced itwinv1alpha1.ConnectionList
	if err := r.Kube.List(ctx, &namespaced, client.InNamespace(w.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, err
	}
	for i := range namespaced.Items {
		found = append(found, &namespaced.Items[i])
	}
	if !r.Cluster {
		return found, nil
	}
	var cluster itwinv1alpha1.ClusterConnectionList
	if err := r.Kube.List(ctx, &cluster, client.UnsafeDisableDeepCopy); err != nil {
		return nil, err
	}
	for i := range cluster.Items {
		found = append(found, &cluster.Items[i])
	}
	return found, nil
}

// callbackForbidden reports whether a remote webhook's callback is on a host that a connection does not allow: what
// counts is where the platform delivers, which a spec that was not sent does not say.
func (r *Reconciler) callbackForbidden(
	ctx context.Context, member fleet.Reader, presence fleet.Presence, remote platform.Webhook,
) (bool, error) {
	if presence != fleet.Present {
		return false, nil
	}
	connection, err := kube.ConnectionNamed(ctx, r.Kube, member.Name())
	if err != nil {
		return false, client.IgnoreNotFound(err)
	}
	return !tenancy.CallbackAllowed(connection.ConnectionSpec().AllowedCallbackHosts, remote.CallbackURL), nil
}

// rank says how good a connection is for an object.
func (r *Reconciler) rank(ctx context.Context, f *plan.Facts, member fleet.Reader) (int, error) {
	own := member.Name() == kube.ConnectionOf(f.Webhook)
	allowed, exists := !f.Connection.Forbidden, !f.Connection.Absent()
	if !own {
		var err error
		if allowed, exists, err = r.mayUse(ctx, f.Webhook, member.Name()); err != nil {
			return 0, err
		}
	}
	deleting, failing := !f.Webhook.DeletionTimestamp.IsZero(), member.Failure() != nil
	own = own && (!deleting || !failing)
	if member.Closed() != nil || !exists {
		return rankClosed(exists && allowed || !exists && deleting, exists), nil
	}
	return rankOpen(allowed, own, failing), nil
}

func rankClosed(allowed, exists bool) int {
	switch {
	case allowed:
		return allowedAndClosed
	case !exists:
		return deletedConnection
	}
	return barredAndClosed
}

func rankOpen(allowed, own, failing bool) int {
	switch {
	case allowed && own:
		return ownConnection
	case allowed && !failing:
		return allowedAndSound
	case allowed:
		return allowedAndFailing
	case !failing:
		return barredAndSound
	}
	return barredAndFailing
}

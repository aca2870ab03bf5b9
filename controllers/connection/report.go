package connection

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/kube"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

// restlessMessage tells what is ignored of an account whose times of modification move by themselves.
const restlessMessage = "; the platform moves their times of modification without a change, so these are ignored: a " +
	"secret that another client replaces is not noticed"

// report writes the status of a connection, if it says anything new.
func (r *Reconciler) report(
	ctx context.Context, c itwinv1alpha1.ConnectionObject, member *fleet.Member, ready status.Outcome,
) error {
	before := c.DeepCopyObject().(client.Object)
	st := c.ConnectionStatus()
	old := st.DeepCopy()
	st.ObservedGeneration = c.GetGeneration()
	status.Set(&st.Conditions, c.GetGeneration(), status.ConditionsOf(ready)...)
	if member != nil {
		st.Account = member.Fleet().Account()
		st.RateLimit = rateLimitOf(member.InForce(), st.RateLimit)
	}
	if ready.Ready {
		if err := r.count(ctx, c, member, st); err != nil {
			return err
		}
	}
	r.announce(ctx, kube.KeyOf(c), st.Account, ready)
	if !equality.Semantic.DeepEqual(old, st) {
		patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
		if err := r.Kube.Status().Patch(ctx, c, patch); err != nil {
			return err
		}
		r.writes.Note(c)
		r.recordChange(c, old, ready)
	}
	return nil
}

// rateLimitOf describes the limits in force. While others use the same credentials the platform's answers show a little
// more or less each time: that is nothing new.
func rateLimitOf(force platform.InForce, before *itwinv1alpha1.RateLimitStatus) *itwinv1alpha1.RateLimitStatus {
	now := itwinv1alpha1.RateLimitStatus{Subscription: force.Tier}
	if force.PerMinute > 0 {
		now.RequestsPerMinute = int32(force.PerMinute) //nolint:gosec // at most a million
		now.RequestsPerMinuteSource = itwinv1alpha1.RateLimitSource(force.MinuteFrom)
	}
	if force.PerHour > 0 {
		now.RequestsPerHour = int32(force.PerHour) //nolint:gosec // at most sixty millions
		now.RequestsPerHourSource = itwinv1alpha1.RateLimitSource(force.HourFrom)
	}
	if before != nil && now.RequestsPerMinuteSource == itwinv1alpha1.RateLimitPlatform &&
		now.RequestsPerMinuteSource == before.RequestsPerMinuteSource &&
		10*max(now.RequestsPerMinute-before.RequestsPerMinute, before.RequestsPerMinute-now.RequestsPerMinute) <=
			before.RequestsPerMinute {
		now.RequestsPerMinute = before.RequestsPerMinute
	}
	return &now
}

// recordChange records an Event when the Ready condition got another reason: one at the beginning of what keeps a
// connection from being ready, and one at its end.
func (r *Reconciler) recordChange(
	c itwinv1alpha1.ConnectionObject, old *itwinv1alpha1.ConnectionStatus, ready status.Outcome,
) {
	before := apimeta.FindStatusCondition(old.Conditions, itwinv1alpha1.ReadyCondition)
	if before != nil && before.Reason == ready.Reason {
		return
	}
	kind := corev1.EventTypeWarning
	if ready.Ready {
		kind = corev1.EventTypeNormal
	}
	r.Recorder.Eventf(c, nil, kind, ready.Reason, "Connect", "%s", status.Shortened(ready.Message, status.MaxNote))
}

// announce logs why a connection is not ready, once while the reason stays the same, and that it is again.
func (r *Reconciler) announce(ctx context.Context, key, account string, ready status.Outcome) {
	text := ready.Reason + ": " + ready.Message
	if ready == status.Connected {
		text = ""
	}
	before, known := r.announced.Swap(key, text)
	switch {
	case known && before == text || !known && text == "":
	case ready.Ready && text != "":
		ctrl.LoggerFrom(ctx).Info(ready.Message, "account", account)
	case text == "":
		ctrl.LoggerFrom(ctx).Info("The connection is ready again", "account", account)
	default:
		ctrl.LoggerFrom(ctx).Info("The connection is not ready", "account", account, "reason", ready.Reason,
			"message", ready.Message)
	}
}

// count counts the Webhooks that use the connection, and takes over how many remote webhooks no Webhook claims.
func (r *Reconciler) count(
	ctx context.Context, c itwinv1alpha1.ConnectionObject, member *fleet.Member, st *itwinv1alpha1.ConnectionStatus,
) error {
	users, err := r.expect(ctx, c, member)
	if err != nil {
		return err
	}
	webhooks := int32(users) //nolint:gosec // a cluster does not hold that many objects
	st.Webhooks = &webhooks
	if n := member.Fleet().Unmanaged(); n >= 0 {
		unmanaged := int32(n) //nolint:gosec // nor an account that many webhooks
		st.UnmanagedWebhooks = &unmanaged
	}
	return nil
}

// expect counts the Webhooks that use a connection: its account has at least as many.
func (r *Reconciler) expect(
	ctx context.Context, c itwinv1alpha1.ConnectionObject, member *fleet.Member,
) (users int, err error) {
	all, err := r.users(ctx, kube.KeyOf(c))
	if err != nil {
		return 0, err
	}
	member.Expect(len(all))
	return len(all), nil
}

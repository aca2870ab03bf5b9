package connection

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/kube"
	"webhook-operator.io/itwin/controllers/metrics"
	"webhook-operator.io/itwin/internal/fleet"
)

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

// needed reports whether a Webhook that fits may have something to delete through a closed connection.
func (r *Reconciler) needed(
	ctx context.Context, member *fleet.Member, fits func(*itwinv1alpha1.Webhook) bool,
) (needed bool, err error) {
	err = r.eachUser(ctx, member, func(w *itwinv1alpha1.Webhook) { needed = needed || fits(w) })
	return needed, err
}

func isDeleting(w *itwinv1alpha1.Webhook) bool { return !w.DeletionTimestamp.IsZero() }

func isHeld(w *itwinv1alpha1.Webhook) bool {
	return controllerutil.ContainsFinalizer(w, itwinv1alpha1.WebhookFinalizer)
}

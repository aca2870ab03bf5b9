package webhook

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/status"
)

const (
	// WritesAtOnce is how many writes to the API server about one object, with one spec, may follow each other. What is
	// asked for needs few: more are those that another client undoes.
	WritesAtOnce = 30
	// writePause is how far apart further ones are.
	writePause = 10 * time.Second

	undoneNote = "Another client of the Kubernetes API server keeps undoing what the operator writes for this Webhook; " +
		"each further write waits 10 s"
)

// countWrite counts a write to the API server about an object.
func (r *Reconciler) countWrite(w *itwinv1alpha1.Webhook) {
	r.ledger.Of(w).CountWrite(r.Clock.Now(), w.Generation, WritesAtOnce, writePause)
}

// undone reports for how long an object is left alone because another client undoes whatever is written for it, as a
// tool does that takes away annotations or finalizers that it does not know. It tells of that once for each spec.
func (r *Reconciler) undone(ctx context.Context, w *itwinv1alpha1.Webhook) (wait time.Duration) {
	if wait = r.ledger.Of(w).WriteIn(r.Clock.Now(), w.Generation); wait <= 0 {
		return 0
	}
	if r.ledger.Of(w).TellUndone() {
		ctrl.LoggerFrom(ctx).Info(undoneNote, "reason", itwinv1alpha1.KubernetesRefusedReason)
		r.Recorder.Eventf(w, nil, corev1.EventTypeWarning, itwinv1alpha1.KubernetesRefusedReason, "Update", "%s", undoneNote)
	}
	ctrl.LoggerFrom(ctx).V(1).Info("Left alone a Webhook whose writes are undone", "requeueAfter", wait.String())
	return max(wait, status.Again)
}

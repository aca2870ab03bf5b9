package controllers

import (
	"context"
	"time"

	"golang.org/x/time/rate"
	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/status"
)

const (
	// writesAtOnce is how many writes to the API server about one object, with one spec, may follow each other. What is
	// asked for needs few: more are those that another client undoes.
	writesAtOnce = 30
	// writePause is how far apart further ones are.
	writePause = 10 * time.Second

	undoneNote = "Another client of the Kubernetes API server keeps undoing what the operator writes for this Webhook; " +
		"each further write waits 10 s"
)

// countWrite counts a write to the API server about an object.
func (r *WebhookReconciler) countWrite(w *v1alpha1.Webhook) {
	now := r.Clock.Now()
	r.memory.change(objectKey(w), w.UID, func(a *attempt) {
		if a.written == nil || a.writtenGeneration != w.Generation {
			a.written, a.undoneTold = rate.NewLimiter(rate.Every(writePause), writesAtOnce), false
			a.writtenGeneration = w.Generation
		}
		a.written.AllowN(now, 1)
	})
}

// undone reports for how long an object is left alone because another client undoes whatever is written for it, as a
// tool does that takes away annotations or finalizers that it does not know. It tells of that once for each spec.
func (r *WebhookReconciler) undone(ctx context.Context, w *v1alpha1.Webhook) (wait time.Duration) {
	known := r.memory.of(objectKey(w), w.UID)
	if known.written == nil || known.writtenGeneration != w.Generation {
		return 0
	}
	missing := 1 - known.written.TokensAt(r.Clock.Now())
	if missing <= 0 {
		return 0
	}
	if !known.undoneTold {
		r.memory.change(objectKey(w), w.UID, func(a *attempt) { a.undoneTold = true })
		ctrl.LoggerFrom(ctx).Info(undoneNote, "reason", v1alpha1.KubernetesRefusedReason)
		r.Recorder.Eventf(w, nil, corev1.EventTypeWarning, v1alpha1.KubernetesRefusedReason, "Update", "%s", undoneNote)
	}
	return max(time.Duration(missing*float64(writePause)), status.Again)
}

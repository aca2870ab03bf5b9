package controllers

import (
	"context"
	"errors"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/platform"
)

const (
	// kubernetesPause is how long what the API server refused is left alone.
	kubernetesPause = 30 * time.Second
	// maxConflicts is how many conflicts in a row are lost races. More than that are told.
	maxConflicts = 10
)

// refusedByKubernetes returns the words in which the API server refused a request: because of a quota, an admission
// policy or webhook, a missing permission, or because an object must not change. What passes by itself, such as a
// conflict, an object that is gone or a server that is overloaded, is no refusal.
func refusedByKubernetes(err error) (words string, refused bool) {
	status, answered := errors.AsType[*apierrors.StatusError](err)
	if !answered {
		return "", false
	}
	words = status.ErrStatus.Message
	switch apierrors.ReasonForError(err) {
	case metav1.StatusReasonForbidden, metav1.StatusReasonInvalid, metav1.StatusReasonBadRequest,
		metav1.StatusReasonMethodNotAllowed, metav1.StatusReasonRequestEntityTooLarge, metav1.StatusReasonUnauthorized:
		return platform.Clean(words), true
	case metav1.StatusReasonInternalError, metav1.StatusReasonUnknown:
		// An admission webhook that fails, or denies with a status of its own.
		return platform.Clean(words), strings.Contains(words, "webhook") || strings.Contains(words, "admission")
	}
	return "", false
}

// kubernetesRefused says in the API server's words what it refused, and when that is tried again.
func kubernetesRefused(words string) verdict {
	return verdict{
		reason: v1alpha1.KubernetesRefusedReason, reconciling: true, retry: jittered(kubernetesPause),
		message: "The Kubernetes API server refused a request that this object needs: " + words,
	}
}

// reportRefused tells of a request that the API server refused while the facts were gathered. ok is false for all other
// errors.
func (r *WebhookReconciler) reportRefused(ctx context.Context, f facts, err error) (result ctrl.Result, ok bool) {
	words, refused := refusedByKubernetes(err)
	if !refused {
		return ctrl.Result{}, false
	}
	run := newRun(r, ctrl.LoggerFrom(ctx), f, plan{verdict: kubernetesRefused(words)}, nil)
	return run.finish(ctx), true
}

// finish writes the status. If the API server refuses that too, an Event, the log and a metric tell of it.
func (r *run) finish(ctx context.Context) ctrl.Result {
	err := r.report(ctx)
	words, refused := refusedByKubernetes(err)
	switch {
	case err == nil:
		r.memory.conflictFree(r.key(), r.object().UID)
		return r.next()
	case apierrors.IsConflict(err) && r.memory.conflict(r.key(), r.object().UID) > maxConflicts:
		words = platform.Clean(err.Error())
	case apierrors.IsConflict(err):
		return ctrl.Result{RequeueAfter: firstRetry}
	case apierrors.IsNotFound(err):
		return ctrl.Result{}
	case !refused:
		r.log.Error(err, "Failed to write the status")
		return ctrl.Result{RequeueAfter: jittered(firstBackoff)}
	}
	refusedStatusWrites.WithLabelValues(r.object().Namespace, r.object().Name).Inc()
	if r.memory.tellOnce(r.key(), r.object().UID, words) {
		r.warn(v1alpha1.KubernetesRefusedReason, "Report", "The Kubernetes API server refused to write the status: %s", words)
	}
	return ctrl.Result{RequeueAfter: jittered(kubernetesPause)}
}

// judgeKubernetes turns an error of the API server into a verdict; ok is false when it passes by itself.
func (r *run) judgeKubernetes(err error) (v verdict, ok bool) {
	if words, refused := refusedByKubernetes(err); refused {
		return kubernetesRefused(words), true
	}
	if apierrors.IsConflict(err) && r.memory.conflict(r.key(), r.object().UID) > maxConflicts {
		return kubernetesRefused(platform.Clean(err.Error())), true
	}
	return verdict{}, false
}

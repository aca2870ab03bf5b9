package request

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/cli/problem"
)

var reactivation = &kind{
	verb: "reactivate", done: "reactivation requested", writes: true,
	annotation: itwinv1alpha1.ReactivateRequestedAtAnnotation, field: "status.lastHandledReactivateAt",
	handled: func(w *itwinv1alpha1.Webhook) string { return w.Status.LastHandledReactivateAt },
	refuses: func(w *itwinv1alpha1.Webhook) *problem.Error {
		if !w.WantsActive() {
			return problem.Newf("Webhook %q is off because its spec says so: set spec.active: true", w.Name)
		}
		return waitsForItsOwner(w)
	},
	needless: func(w *itwinv1alpha1.Webhook) string {
		switch active := condition(w, itwinv1alpha1.ActiveCondition); {
		case active == nil:
			return "was not turned on yet: its condition Ready says why"
		case active.Status == metav1.ConditionTrue:
			return "is active already"
		case active.Reason != itwinv1alpha1.DeactivatedReason:
			return "was not turned off on the platform, but by the operator: its condition Ready says why"
		}
		return ""
	},
	outcome: func(w *itwinv1alpha1.Webhook) (string, bool) {
		if meta.IsStatusConditionTrue(w.Status.Conditions, itwinv1alpha1.ActiveCondition) {
			return "active", true
		}
		return "not active: " + readyText(w), false
	},
}

var reconciliation = &kind{
	verb: "reconcile", done: "reconciliation requested",
	annotation: itwinv1alpha1.ReconcileRequestedAtAnnotation, field: "status.lastHandledReconcileAt",
	handled:  func(w *itwinv1alpha1.Webhook) string { return w.Status.LastHandledReconcileAt },
	refuses:  waitsForItsOwner,
	needless: func(*itwinv1alpha1.Webhook) string { return "" },
	outcome: func(w *itwinv1alpha1.Webhook) (string, bool) {
		if meta.IsStatusConditionTrue(w.Status.Conditions, itwinv1alpha1.ReadyCondition) {
			return "in sync with the platform", true
		}
		return "not in sync: " + readyText(w), false
	},
}

var rotation = &kind{
	verb: "rotate", done: "rotation of its signing secret requested", writes: true,
	annotation: itwinv1alpha1.RotateRequestedAtAnnotation, field: "status.lastHandledRotateAt",
	handled: func(w *itwinv1alpha1.Webhook) string { return w.Status.LastHandledRotateAt },
	refuses: func(w *itwinv1alpha1.Webhook) *problem.Error {
		if !w.GeneratesSecret() {
			return problem.New(
				fmt.Sprintf("the signing secret of Webhook %q is your own Secret %q", w.Name, w.SigningSecret().Name),
				"change its value; the operator sends it to the platform at once")
		}
		return waitsForItsOwner(w)
	},
	needless: func(*itwinv1alpha1.Webhook) string { return "" },
	after:    whereBefore,
	outcome: func(w *itwinv1alpha1.Webhook) (string, bool) {
		if meta.IsStatusConditionTrue(w.Status.Conditions, itwinv1alpha1.ReadyCondition) {
			return fmt.Sprintf("rotated: the platform signs with the new value of Secret %q", w.SigningSecret().Name), true
		}
		return "rotated, but not ready: " + readyText(w), false
	},
}

// waitsForItsOwner refuses a request that the operator would not carry out.
func waitsForItsOwner(w *itwinv1alpha1.Webhook) *problem.Error {
	switch {
	case !w.DeletionTimestamp.IsZero():
		return problem.Newf("Webhook %q is being deleted", w.Name)
	case w.Spec.Suspend:
		return problem.Newf("Webhook %q is suspended, so nothing is done for it: set spec.suspend: false first", w.Name)
	}
	return nil
}

func condition(w *itwinv1alpha1.Webhook, name string) *metav1.Condition {
	return meta.FindStatusCondition(w.Status.Conditions, name)
}

// readyText is the reason and message of Ready.
func readyText(w *itwinv1alpha1.Webhook) string {
	ready := condition(w, itwinv1alpha1.ReadyCondition)
	if ready == nil {
		return "the operator has not read it yet: run `kubectl itwin check`"
	}
	return ready.Reason + ": " + ready.Message
}

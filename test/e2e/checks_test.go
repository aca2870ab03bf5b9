package e2e

import (
	"fmt"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// check is content with a Webhook, or says why not.
type check func(*itwinv1alpha1.Webhook) error

func isReady(w *itwinv1alpha1.Webhook) error {
	return isCondition(itwinv1alpha1.ReadyCondition, metav1.ConditionTrue, itwinv1alpha1.InSyncReason)(w)
}

func isActive(w *itwinv1alpha1.Webhook) error {
	return isCondition(itwinv1alpha1.ActiveCondition, metav1.ConditionTrue, itwinv1alpha1.ActiveReason)(w)
}

func isInactive(w *itwinv1alpha1.Webhook) error {
	return isCondition(itwinv1alpha1.ActiveCondition, metav1.ConditionFalse, itwinv1alpha1.InactiveReason)(w)
}

func isSuspended(w *itwinv1alpha1.Webhook) error {
	return isCondition(itwinv1alpha1.SuspendedCondition, metav1.ConditionTrue, itwinv1alpha1.SuspendedReason)(w)
}

func isNotSuspended(w *itwinv1alpha1.Webhook) error {
	if apimeta.FindStatusCondition(w.Status.Conditions, itwinv1alpha1.SuspendedCondition) != nil {
		return fmt.Errorf("%s is still said to be suspended", w.Name)
	}
	return nil
}

func isNotReady(reason string) check {
	return isCondition(itwinv1alpha1.ReadyCondition, metav1.ConditionFalse, reason)
}

// isCondition compares a condition that speaks of the current spec.
func isCondition(kind string, want metav1.ConditionStatus, reason string) check {
	return func(w *itwinv1alpha1.Webhook) error {
		if w.Status.ObservedGeneration != w.Generation {
			return fmt.Errorf("%s was not read since its spec changed", w.Name)
		}
		return compare(w.Name, w.Status.Conditions, metav1.Condition{
			Type: kind, Status: want, Reason: reason, ObservedGeneration: w.Generation,
		})
	}
}

// compare finds a condition and compares all of it but the words and the time.
func compare(name string, conditions []metav1.Condition, want metav1.Condition) error {
	c := apimeta.FindStatusCondition(conditions, want.Type)
	switch {
	case c == nil:
		return fmt.Errorf("%s has no condition %s", name, want.Type)
	case c.Status != want.Status || c.Reason != want.Reason:
		return fmt.Errorf("%s is %s=%s (%s: %s), not %s (%s)", name, c.Type, c.Status, c.Reason, c.Message,
			want.Status, want.Reason)
	}
	return expect(name+": observedGeneration of "+c.Type, c.ObservedGeneration, want.ObservedGeneration)
}

func hasDeactivations(n int64) check {
	return func(w *itwinv1alpha1.Webhook) error { return expect("deactivations", w.Status.Deactivations, n) }
}

func hasSecretVersion(version string) check {
	return func(w *itwinv1alpha1.Webhook) error { return expect("secretVersion", w.Status.SecretVersion, version) }
}

func expect[T comparable](what string, got, want T) error {
	if got != want {
		return fmt.Errorf("%s is %v, not %v", what, got, want)
	}
	return nil
}

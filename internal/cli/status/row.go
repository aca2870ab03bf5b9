package status

import (
	"cmp"
	"net/url"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/advice"
)

// Row is what is told of a Webhook. Its JSON is documented in docs/cli.md: fields are added, and none is renamed.
type Row struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Connection as kubectl takes it, such as connection/default.
	Connection string `json:"connection"`
	// Ready is the status of the condition Ready, and Reason and Message are its; Unknown without the condition.
	Ready   string `json:"ready"`
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
	// Active is what the platform said last; null when it has not said anything.
	Active *bool `json:"active"`
	// OffSince is when the webhook was turned off on the platform, unless it was by the operator.
	OffSince     *time.Time `json:"offSince,omitempty"`
	CallbackHost string     `json:"callbackHost"`
	WebhookID    string     `json:"webhookId,omitempty"`
	// NextStep is one line, or "InSync".
	NextStep string `json:"nextStep"`
	// Commands are those of the next step.
	Commands []string `json:"commands,omitempty"`
}

// RowOf tells of one Webhook.
func RowOf(w *itwinv1alpha1.Webhook, now time.Time) Row {
	row := Row{
		Namespace: w.Namespace, Name: w.Name, Connection: connection(w), Ready: string(metav1.ConditionUnknown),
		Active: w.Status.Active, OffSince: offSince(w), CallbackHost: callbackHost(w.Spec.CallbackURL),
		WebhookID: w.Status.WebhookID, NextStep: itwinv1alpha1.InSyncReason,
	}
	if ready := condition(w, itwinv1alpha1.ReadyCondition); ready != nil {
		row.Ready, row.Reason, row.Message = string(ready.Status), ready.Reason, ready.Message
	}
	about := adviceOn(w, now)
	if about.Next == "" {
		return row
	}
	secret := w.SigningSecret()
	subject := advice.Subject{
		Namespace: w.Namespace, Name: w.Name, Connection: row.Connection, Secret: secret.Name, Key: secret.Key,
	}
	row.NextStep, row.Commands = subject.Apply(about)
	return row
}

// adviceOn chooses the condition that says what to do next.
func adviceOn(w *itwinv1alpha1.Webhook, now time.Time) advice.Advice {
	ready, active := condition(w, itwinv1alpha1.ReadyCondition), condition(w, itwinv1alpha1.ActiveCondition)
	switch {
	case !w.DeletionTimestamp.IsZero():
		return advice.About(advice.Webhook, itwinv1alpha1.ReadyCondition, itwinv1alpha1.DeletingReason)
	case w.Spec.Suspend && !w.GeneratesSecret():
		return advice.SuspendedWithSecret
	case w.Spec.Suspend:
		return advice.About(advice.Webhook, itwinv1alpha1.SuspendedCondition, itwinv1alpha1.SuspendedReason)
	case ready == nil, w.Status.ObservedGeneration < w.Generation:
		return advice.About(advice.Webhook, itwinv1alpha1.ReadyCondition, "")
	case (ready.Status == metav1.ConditionTrue || turnedOff(ready)) && unanswered(w, now):
		return advice.Unanswered
	case (turnedOff(ready) || ready.Status == metav1.ConditionTrue && turnedOff(active)) && w.SecretUnknown():
		return advice.TurnedOffImport
	case ready.Reason == itwinv1alpha1.SecretNotFoundReason && w.Spec.WebhookID != "":
		return advice.ImportWithoutSecret
	case ready.Status != metav1.ConditionTrue:
		return advice.About(advice.Webhook, itwinv1alpha1.ReadyCondition, ready.Reason)
	case turnedOff(active):
		return advice.About(advice.Webhook, itwinv1alpha1.ActiveCondition, active.Reason)
	}
	if left := condition(w, itwinv1alpha1.LeftBehindCondition); left != nil && left.Status == metav1.ConditionTrue {
		return advice.About(advice.Webhook, itwinv1alpha1.LeftBehindCondition, left.Reason)
	}
	return advice.About(advice.Webhook, itwinv1alpha1.ReadyCondition, itwinv1alpha1.InSyncReason)
}

// turnedOff reports whether a condition, which may be nil, says that the webhook was turned off on the platform.
func turnedOff(c *metav1.Condition) bool {
	return c != nil && c.Status == metav1.ConditionFalse && c.Reason == itwinv1alpha1.DeactivatedReason
}

// offSince is when the webhook was turned off on the platform; nil while it is on, or off because the spec says so.
func offSince(w *itwinv1alpha1.Webhook) *time.Time {
	active := condition(w, itwinv1alpha1.ActiveCondition)
	if !turnedOff(active) {
		return nil
	}
	since := active.LastTransitionTime.Time
	if off := w.Status.LastDeactivationTime; off != nil {
		since = off.Time
	}
	since = since.UTC()
	return &since
}

func condition(w *itwinv1alpha1.Webhook, name string) *metav1.Condition {
	return meta.FindStatusCondition(w.Status.Conditions, name)
}

func connection(w *itwinv1alpha1.Webhook) string {
	ref := w.Spec.ConnectionRef
	kind := cmp.Or(string(ref.Kind), "Connection")
	return strings.ToLower(kind) + "/" + cmp.Or(ref.Name, "default")
}

// callbackHost leaves out path and query, which may hold what should not be shown.
func callbackHost(callback string) string {
	parsed, err := url.Parse(callback)
	if err != nil {
		return ""
	}
	return parsed.Host
}

package status

import (
	"strings"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// Connected is the outcome of a connection whose account was listed.
var Connected = Ready(itwinv1alpha1.ConnectedReason, "The remote webhooks were listed")

// Shortened returns what fits of a text into so many bytes.
func Shortened(text string, longest int) string {
	if len(text) <= longest {
		return text
	}
	return strings.ToValidUTF8(text[:longest-len("…")], "") + "…"
}

// ActiveOf is the Active condition of a Webhook; nil while it has none.
func ActiveOf(status *itwinv1alpha1.WebhookStatus) *metav1.Condition {
	return apimeta.FindStatusCondition(status.Conditions, itwinv1alpha1.ActiveCondition)
}

// ConditionsOf are the conditions of an outcome: Ready always, Reconciling and Stalled while true.
func ConditionsOf(v Outcome) []metav1.Condition {
	ready := metav1.ConditionFalse
	if v.Ready {
		ready = metav1.ConditionTrue
	}
	return []metav1.Condition{
		{Type: itwinv1alpha1.ReadyCondition, Status: ready, Reason: v.Reason, Message: v.Message},
		{Type: itwinv1alpha1.ReconcilingCondition, Status: status(v.Reconciling), Reason: v.Reason, Message: v.Message},
		{Type: itwinv1alpha1.StalledCondition, Status: status(v.Stalled), Reason: v.Reason, Message: v.Message},
	}
}

func status(b bool) metav1.ConditionStatus {
	if b {
		return metav1.ConditionTrue
	}
	return metav1.ConditionFalse
}

// SetSuspended says whether a Webhook is suspended. While it is, the operator waits for nothing and for no one: kstatus
// would take Stalled for a failure.
func SetSuspended(s *itwinv1alpha1.WebhookStatus, generation int64, suspended bool) {
	if !suspended {
		apimeta.RemoveStatusCondition(&s.Conditions, itwinv1alpha1.SuspendedCondition)
		return
	}
	apimeta.RemoveStatusCondition(&s.Conditions, itwinv1alpha1.ReconcilingCondition)
	apimeta.RemoveStatusCondition(&s.Conditions, itwinv1alpha1.StalledCondition)
	SetOnWebhook(s, generation, metav1.Condition{
		Type: itwinv1alpha1.SuspendedCondition, Status: metav1.ConditionTrue, Reason: itwinv1alpha1.SuspendedReason,
		Message: "spec.suspend is set: nothing is written to the platform, and Ready and Active stay as they were",
	})
}

// SetOnWebhook sets conditions of a Webhook.
func SetOnWebhook(s *itwinv1alpha1.WebhookStatus, generation int64, conditions ...metav1.Condition) {
	Set(&s.Conditions, generation, conditions...)
}

// Set sets conditions; Reconciling and Stalled disappear when they are not true. The words of the first answer of an
// outage are kept.
func Set(all *[]metav1.Condition, generation int64, conditions ...metav1.Condition) {
	for _, c := range conditions {
		abnormal := c.Type == itwinv1alpha1.ReconcilingCondition || c.Type == itwinv1alpha1.StalledCondition
		if abnormal && c.Status != metav1.ConditionTrue {
			apimeta.RemoveStatusCondition(all, c.Type)
			continue
		}
		c.ObservedGeneration = generation
		if known := apimeta.FindStatusCondition(*all, c.Type); known != nil && retold(*known, c) {
			c.Message = known.Message
		}
		apimeta.SetStatusCondition(all, c)
	}
}

// MaxNote is the API server's bound for the note of an Event, in bytes.
const MaxNote = 1024

// MaxMessage bounds the message of a condition, for which the API server's bound is 32 KiB, and a log line.
const MaxMessage = 8 << 10

// ReadyOf is the Ready condition of a Webhook; nil while it has none.
func ReadyOf(w *itwinv1alpha1.Webhook) *metav1.Condition {
	return apimeta.FindStatusCondition(w.Status.Conditions, itwinv1alpha1.ReadyCondition)
}

// ReadyAt is the Ready condition of a Webhook if it speaks of a generation of the spec; nil otherwise. The generation
// that a status observed last may be one in which the object was suspended, of which Ready does not speak.
func ReadyAt(w *itwinv1alpha1.Webhook, generation int64) *metav1.Condition {
	if ready := ReadyOf(w); ready != nil && ready.ObservedGeneration == generation {
		return ready
	}
	return nil
}

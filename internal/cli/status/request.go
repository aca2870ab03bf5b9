package status

import (
	"time"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// answerTime is how long an operator that runs may take to answer a request.
const answerTime = 30 * time.Second

// unanswered reports whether the Webhook has a request by an annotation that its status does not echo, and that was not
// made just now. A value that is no time may be of any age.
func unanswered(w *itwinv1alpha1.Webhook, now time.Time) bool {
	open := func(annotation, handled string) bool {
		value := w.Annotations[annotation]
		if value == "" || value == handled {
			return false
		}
		made, err := time.Parse(time.RFC3339, value)
		return err != nil || now.Sub(made) > answerTime
	}
	return open(itwinv1alpha1.ReactivateRequestedAtAnnotation, w.Status.LastHandledReactivateAt) ||
		open(itwinv1alpha1.ReconcileRequestedAtAnnotation, w.Status.LastHandledReconcileAt) ||
		w.GeneratesSecret() && open(itwinv1alpha1.RotateRequestedAtAnnotation, w.Status.LastHandledRotateAt)
}

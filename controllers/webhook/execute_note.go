package webhook

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/controllers/webhook/plan"
	"webhook-operator.io/itwin/internal/platform"
)

// noteDeactivation writes down that the platform turned the webhook off, before anything is done about it: the counter
// stays right even if the process dies in the middle. The report follows with what came of it.
func (e *executor) noteDeactivation(ctx context.Context) error {
	now := metav1.NewMicroTime(e.facts.Now)
	note := func(st *itwinv1alpha1.WebhookStatus) {
		var next *metav1.MicroTime
		if e.object().Spec.ReactivationPolicy != itwinv1alpha1.ReactivateOnRequest {
			next = plan.NextReactivation(e.object(), e.facts.Now)
		}
		st.Deactivations++
		st.LastDeactivationTime, st.NextReactivationTime = &now, next
		// Ready says no longer what was refused: if the report that follows is lost, the request is sent once more.
		st.RefusedRequest, e.noted = "", true
		e.describe(st)
		status.SetOnWebhook(st, e.facts.Generation, status.ConditionsOf(plan.Noticed(e.object()))...)
		status.SetOnWebhook(st, e.facts.Generation, plan.DeactivatedCondition())
		status.SetSuspended(st, e.facts.Generation, e.suspended)
	}
	if err := e.writeStatus(ctx, note); err != nil {
		return err
	}
	e.warn("Deactivated", "Observe",
		"Remote webhook %s was turned off, by the platform after failed deliveries or by another client", e.facts.ID())
	return nil
}

// noteTurningOff writes down that the operator is about to turn the webhook off. If it ends before the report, its
// successor takes what it finds off for no deactivation. The note holds nothing up: what is forbidden must not stay on
// because the API server refuses a status.
func (e *executor) noteTurningOff(ctx context.Context) error {
	err := e.writeStatus(ctx, func(st *itwinv1alpha1.WebhookStatus) {
		status.SetOnWebhook(st, e.facts.Generation, metav1.Condition{
			Type: itwinv1alpha1.ActiveCondition, Status: metav1.ConditionFalse, Reason: itwinv1alpha1.InactiveReason,
			Message: "The operator turns it off",
		})
	})
	if words, refused := status.RefusedByKubernetes(err); refused {
		e.log.Info("Failed to note that the remote webhook is turned off", "error", platform.Clean(words))
		return nil
	}
	return err
}

// noteSecret writes down that an import is about to be sent the Secret's value in place of one that is not known. If
// the operator ends before the report, its successor sends the value again: the platform may have it.
func (e *executor) noteSecret(ctx context.Context) error {
	err := e.writeStatus(ctx, func(st *itwinv1alpha1.WebhookStatus) { st.SecretName = e.facts.Secret.Name })
	if err == nil {
		e.facts.Secret.Unsent = true
		e.entry.NoteSecret()
	}
	return err
}

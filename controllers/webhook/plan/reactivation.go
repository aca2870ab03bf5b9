package plan

import (
	"time"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/status"
)

// withActive adds to an update what the active state needs. It compares the active states, and tells apart: never
// activated, off because the spec said so, and turned off on the platform: by itself after failed deliveries, or by
// another client.
func withActive(f Facts, p Plan) Plan {
	want := f.Webhook.WantsActive()
	if want == f.Remote.Active {
		return p
	}
	noticed := want && f.turnedOffElsewhere()
	off := noticed || want && Deactivated(f.Webhook) && f.Described()
	next := f.Webhook.Status.NextReactivationTime
	if noticed {
		p.Steps = append(p.Steps, NoteDeactivation)
		next = NextReactivation(f.Webhook, f.Now)
	}
	if off && !f.editedSinceDeactivation(noticed) && !f.reactivationRequested() {
		if f.Webhook.Spec.ReactivationPolicy == itwinv1alpha1.ReactivateOnRequest {
			p.Outcome = staysOff
			return p
		}
		if next != nil && f.Now.Before(next.Time) {
			p.Outcome = status.Waiting(itwinv1alpha1.DeactivatedReason,
				"The remote webhook was turned off again soon after it was reactivated; next try at "+
					next.UTC().Format(time.RFC3339)+". Fix the receiver; to try at once, set the annotation "+
					itwinv1alpha1.ReactivateRequestedAtAnnotation+" to a new value").AsApplied().After(next.Sub(f.Now))
			return p
		}
	}
	p.Patch.Active = &want
	switch {
	case off:
		p.Cause = CauseReactivation
	case want && p.Cause == CauseNone:
		p.Cause = CauseActivation
	case p.Cause == CauseNone:
		p.Cause, p.Drift = describeActive(f)
	}
	return p
}

// staysOff is the outcome on a webhook that was turned off on the platform, until a person asks for it.
var staysOff = status.Stalled(itwinv1alpha1.DeactivatedReason, onRequestMessage).AsApplied()

// Noticed is the outcome that is written down when a deactivation is noticed, before anything is done about it.
func Noticed(w *itwinv1alpha1.Webhook) status.Outcome {
	if w.Spec.ReactivationPolicy == itwinv1alpha1.ReactivateOnRequest {
		return staysOff
	}
	return status.Waiting(itwinv1alpha1.DeactivatedReason, DeactivatedMessage)
}

// staysOff reports whether the object's remote webhook was turned off on the platform and no person has asked to turn
// it on again, so that another one in its place stays off, too.
func (f *Facts) staysOff() bool {
	return f.Webhook.WantsActive() && Deactivated(f.Webhook) && !f.editedSinceDeactivation(false) &&
		f.Webhook.Spec.ReactivationPolicy == itwinv1alpha1.ReactivateOnRequest && !f.reactivationRequested()
}

// turnedOffElsewhere reports whether the remote webhook, which is off, was on when the status was written, and the
// operator has not turned it off since.
func (f *Facts) turnedOffElsewhere() bool {
	was := f.Webhook.Status.Active
	return f.Described() && was != nil && *was && !f.TurnedOff && !f.LeftOff()
}

// LeftOff reports whether the status says that the operator left the webhook off, or was about to turn it off.
func (f *Facts) LeftOff() bool {
	active := status.ActiveOf(&f.Webhook.Status)
	return active != nil && active.Reason == itwinv1alpha1.InactiveReason
}

const onRequestMessage = "The remote webhook was turned off on the platform, by itself after failed deliveries or by " +
	"another client; fix the receiver, then set the annotation " + itwinv1alpha1.ReactivateRequestedAtAnnotation +
	" to a new value, or change the spec"

// Deactivated reports whether the status says that the webhook was turned off on the platform.
func Deactivated(w *itwinv1alpha1.Webhook) bool {
	active := apimeta.FindStatusCondition(w.Status.Conditions, itwinv1alpha1.ActiveCondition)
	return active != nil && active.Reason == itwinv1alpha1.DeactivatedReason
}

// editedSinceDeactivation reports whether the spec was changed after the deactivation was noticed, which asks for a
// reactivation. An edit that was waiting then, for the platform or for a Secret, does not.
func (f *Facts) editedSinceDeactivation(noticedNow bool) bool {
	active := apimeta.FindStatusCondition(f.Webhook.Status.Conditions, itwinv1alpha1.ActiveCondition)
	return !noticedNow && active != nil && active.ObservedGeneration != f.Generation
}

func describeActive(f Facts) (Cause, string) {
	if f.Pending() {
		return CauseSpec, ""
	}
	return CauseDrift, "it was active although the spec says that it is not"
}

const (
	// steadyUptime is how long a reactivated webhook must have stayed on for the next deactivation to count as a new
	// one. The platform itself gives up only after 3 days of failed deliveries.
	steadyUptime = time.Hour
	// firstPause follows the second deactivation in a row; each further one doubles it, up to longestPause.
	firstPause   = 10 * time.Second
	longestPause = time.Hour
)

// NextReactivation is when a webhook that was found turned off at now may be turned on again; nil means at once. The
// pause is derived from the times in the status, so that it survives a restart: it doubles the one before, unless the
// webhook has stayed on for long enough.
func NextReactivation(w *itwinv1alpha1.Webhook, now time.Time) *metav1.MicroTime {
	off, on := w.Status.LastDeactivationTime, w.Status.LastReactivationTime
	if off == nil || on == nil || now.Sub(on.Time) >= steadyUptime {
		return nil
	}
	last := on.Sub(off.Time)
	next := metav1.NewMicroTime(now.Add(min(max(2*last, firstPause), longestPause)))
	return &next
}

const DeactivatedMessage = "The webhook was turned off, by the platform after failed deliveries or by another client"

// DeactivatedCondition is the Active condition of a webhook that was turned off on the platform.
func DeactivatedCondition() metav1.Condition {
	return metav1.Condition{
		Type: itwinv1alpha1.ActiveCondition, Status: metav1.ConditionFalse, Reason: itwinv1alpha1.DeactivatedReason,
		Message: DeactivatedMessage,
	}
}

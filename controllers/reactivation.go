package controllers

import (
	"time"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/status"
)

// decideActive compares the active states, and tells apart: never activated, off because the spec said so, and turned
// off on the platform: by itself after failed deliveries, or by another client.
func decideActive(f facts, p *plan) {
	want := f.webhook.WantsActive()
	if want == f.remote.Active {
		return
	}
	noticed := want && f.turnedOffElsewhere()
	off := noticed || want && deactivated(f.webhook) && f.described()
	next := f.webhook.Status.NextReactivationTime
	if noticed {
		p.steps = append(p.steps, noteDeactivation)
		next = nextReactivation(f.webhook, f.now)
	}
	if off && !f.editedSinceDeactivation(noticed) && !f.reactivationRequested() {
		if f.webhook.Spec.ReactivationPolicy == v1alpha1.ReactivateOnRequest {
			p.outcome = staysOff
			return
		}
		if next != nil && f.now.Before(next.Time) {
			p.outcome = status.Outcome{
				Applied: true, Reason: v1alpha1.DeactivatedReason, Reconciling: true, Retry: next.Sub(f.now),
				Message: "The remote webhook was turned off again soon after it was reactivated; next try at " +
					next.UTC().Format(time.RFC3339) + ". Fix the receiver; to try at once, set the annotation " +
					v1alpha1.ReactivateRequestedAtAnnotation + " to a new value",
			}
			return
		}
	}
	p.patch.Active = &want
	switch {
	case off:
		p.cause = causeReactivate
	case want && p.cause == causeNone:
		p.cause = causeActivation
	case p.cause == causeNone:
		p.cause, p.drift = describeActive(f)
	}
}

// staysOff is the outcome on a webhook that was turned off on the platform, until a person asks for it.
var staysOff = status.Outcome{Applied: true, Reason: v1alpha1.DeactivatedReason, Message: onRequestMessage}

// staysOff reports whether the object's remote webhook was turned off on the platform and no person has asked to turn
// it on again, so that another one in its place stays off, too.
func (f *facts) staysOff() bool {
	return f.webhook.WantsActive() && deactivated(f.webhook) && !f.editedSinceDeactivation(false) &&
		f.webhook.Spec.ReactivationPolicy == v1alpha1.ReactivateOnRequest && !f.reactivationRequested()
}

// turnedOffElsewhere reports whether the remote webhook, which is off, was on when the status was written, and the
// operator has not turned it off since.
func (f *facts) turnedOffElsewhere() bool {
	was := f.webhook.Status.Active
	return f.described() && was != nil && *was && !f.turnedOff && !f.turningOff()
}

// turningOff reports whether the operator wrote down that it was about to turn the webhook off itself.
func (f *facts) turningOff() bool {
	active := status.ActiveOf(&f.webhook.Status)
	return active != nil && active.Reason == v1alpha1.InactiveReason
}

const onRequestMessage = "The remote webhook was turned off on the platform, by itself after failed deliveries or by " +
	"another client; fix the receiver, then set the annotation " + v1alpha1.ReactivateRequestedAtAnnotation +
	" to a new value, or change the spec"

// deactivated reports whether the status says that the webhook was turned off on the platform.
func deactivated(w *v1alpha1.Webhook) bool {
	active := apimeta.FindStatusCondition(w.Status.Conditions, v1alpha1.ActiveCondition)
	return active != nil && active.Reason == v1alpha1.DeactivatedReason
}

// editedSinceDeactivation reports whether the spec was changed after the deactivation was noticed, which asks for a
// reactivation. An edit that was waiting then, for the platform or for a Secret, does not.
func (f *facts) editedSinceDeactivation(noticedNow bool) bool {
	active := apimeta.FindStatusCondition(f.webhook.Status.Conditions, v1alpha1.ActiveCondition)
	return !noticedNow && active != nil && active.ObservedGeneration != f.generation
}

func describeActive(f facts) (cause, string) {
	if f.pending() {
		return causeSpec, ""
	}
	return causeDrift, "it was active although the spec says that it is not"
}

const (
	// steadyUptime is how long a reactivated webhook must have stayed on for the next deactivation to count as a new
	// one. The platform itself gives up only after 3 days of failed deliveries.
	steadyUptime = time.Hour
	// firstPause follows the second deactivation in a row; each further one doubles it, up to longestPause.
	firstPause   = 10 * time.Second
	longestPause = time.Hour
)

// nextReactivation is when a webhook that was found turned off at now may be turned on again; nil means at once. The
// pause is derived from the times in the status, so that it survives a restart: it doubles the one before, unless the
// webhook has stayed on for long enough.
func nextReactivation(w *v1alpha1.Webhook, now time.Time) *metav1.MicroTime {
	off, on := w.Status.LastDeactivationTime, w.Status.LastReactivationTime
	if off == nil || on == nil || now.Sub(on.Time) >= steadyUptime {
		return nil
	}
	last := on.Sub(off.Time)
	next := metav1.NewMicroTime(now.Add(min(max(2*last, firstPause), longestPause)))
	return &next
}

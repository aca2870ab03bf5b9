package webhook

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/metrics"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/controllers/webhook/ledger"
	"webhook-operator.io/itwin/controllers/webhook/plan"
	"webhook-operator.io/itwin/internal/platform"
)

// event and warn record Events on the Webhook.
func (e *executor) event(reason, action, note string, args ...any) {
	e.emit(corev1.EventTypeNormal, reason, action, fmt.Sprintf(note, args...))
}

func (e *executor) warn(reason, action, note string, args ...any) {
	e.emit(corev1.EventTypeWarning, reason, action, fmt.Sprintf(note, args...))
}

// emit writes an Event, and the same into the log, which is kept for longer.
func (e *executor) emit(kind, reason, action, note string) {
	e.log.Info(status.Shortened(note, status.MaxMessage), "reason", reason)
	e.recorder.Eventf(e.object(), nil, kind, reason, action, "%s", status.Shortened(note, status.MaxNote))
}

// announceUpdate records the Event of an update. An update that completes a creation has none of its own.
func (e *executor) announceUpdate() {
	id := e.facts.ID()
	switch e.plan.Cause {
	case plan.CauseAdoption:
		e.event("Adopted", "Adopt", "Took over remote webhook %s, and sent it the value of Secret %q", id,
			e.facts.Secret.Name)
	case plan.CauseActivation:
		e.event("Activated", "Update", "Activated remote webhook %s", id)
	case plan.CauseReactivation:
		metrics.Reactivations.Inc(e.key())
		e.event("Reactivated", "Update", "Reactivated remote webhook %s%s", id, e.missedEvents())
	case plan.CauseRotation:
		e.event("SecretRotated", "Update", "Sent the value of Secret %q to remote webhook %s", e.facts.Secret.Name, id)
	case plan.CauseProhibition:
		e.event("Updated", "Update", "Turned remote webhook %s off: the connection does not allow it", id)
	case plan.CauseSpec:
		e.event("Updated", "Update", "Updated remote webhook %s: %s", id, changes(e.plan.Patch))
	case plan.CauseDrift:
		if !e.created {
			e.announceDrift()
		}
	}
	if e.plan.Cause != plan.CauseAdoption && !e.plan.WithoutSecret && e.replacesUnknownSecret {
		e.warn("SecretReplaced", "Update", "Imported remote webhook %s had a signing secret that is unknown, and was sent "+
			"the value of Secret %q with this update: give it to the receivers", id, e.facts.Secret.Name)
	}
}

// missedEvents says between which times events may be missing: the platform keeps none for a webhook that is off. Both
// times are of one clock: the platform's or, where it does not tell them, the operator's. Before the platform turns a
// webhook off it has tried to deliver for 3 days (event delivery, https://developer.bentley.com/apis/webhooks-v2/), and
// drops what still waits.
func (e *executor) missedEvents() string {
	off, on := e.facts.Remote.Modified, time.Time{}
	if e.described != nil {
		on = e.described.Modified
	}
	if last := e.object().Status.LastDeactivationTime; !on.After(off) && last != nil {
		off, on = last.Time, e.now()
	}
	if off.IsZero() || !on.After(off) {
		return ""
	}
	return fmt.Sprintf("; events between %s and %s may be missing and, if the platform turned it off because of failed "+
		"deliveries, those of the 3 days before", off.UTC().Format(time.RFC3339), on.UTC().Format(time.RFC3339))
}

// announceDrift records that a change by another client was corrected, and counts how often.
func (e *executor) announceDrift() {
	again := e.entry.Corrected(e.now())
	if again == 1 {
		e.warn("Drifted", "Update", "Another client changed remote webhook %s, which was corrected: %s",
			e.facts.ID(), e.plan.Drift)
		return
	}
	e.warn("Drifted", "Update", "Another client keeps changing remote webhook %s, which was corrected %d times in a row; "+
		"the next correction waits %s: %s", e.facts.ID(), again, ledger.CorrectionBackoff.After(again), e.plan.Drift)
}

func changes(p platform.Patch) (names string) {
	add := func(changed bool, name string) {
		if !changed {
			return
		}
		if names != "" {
			names += ", "
		}
		names += name
	}
	add(p.CallbackURL != "", "callbackUrl")
	add(p.EventTypes != nil, "eventTypes")
	add(p.Active != nil, "active")
	return names
}

// announceOutcome records the Event of an outcome that is news.
func (e *executor) announceOutcome(v status.Outcome) {
	ready := status.ReadyOf(e.object())
	if ready != nil && ready.Reason == v.Reason && ready.Message == v.Message {
		return
	}
	switch v.Reason {
	case itwinv1alpha1.InSyncReason:
		e.announceDuplicates()
	case itwinv1alpha1.RefusedReason:
		e.warn("Refused", "Update", "%s", v.Message)
	case itwinv1alpha1.DeletingReason:
		e.warn("DeleteFailed", "Delete", "%s", v.Message)
	default:
		if status.Waits(v.Reason) {
			e.log.Info("A change waits", "reason", v.Reason, "message", v.Message)
		}
	}
}

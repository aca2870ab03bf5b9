package controllers

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

// report writes the status, if it says anything new.
func (r *run) report(ctx context.Context) error {
	v := r.plan.verdict
	if v.silent {
		return nil
	}
	r.announceVerdict(v)
	err := r.writeStatus(ctx, func(status *v1alpha1.WebhookStatus) {
		status.ObservedGeneration = r.facts.generation
		r.describeRemote(status)
		r.describeHandled(status)
		status.RefusedRequest = v.refused
		setConditions(status, r.facts.generation, conditionsOf(v)...)
		r.describeActive(status)
	})
	if err == nil && r.secretSent {
		r.memory.vouch(r.key(), r.object().UID, r.facts.now)
	}
	return err
}

// writeStatus is the one place that writes the status of a Webhook. It refuses to overwrite what it has not seen.
func (r *run) writeStatus(ctx context.Context, change func(*v1alpha1.WebhookStatus)) error {
	w := r.object()
	before := w.DeepCopy()
	change(&w.Status)
	if equality.Semantic.DeepEqual(before.Status, w.Status) {
		return nil
	}
	err := r.Status().Patch(ctx, w, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
	if err == nil {
		r.writes.note(w)
	}
	return err
}

// noteDeactivation writes down that the platform turned the webhook off, before anything is done about it: the counter
// stays right even if the process dies in the middle. The report follows with what came of it.
func (r *run) noteDeactivation(ctx context.Context) error {
	now := metav1.NewMicroTime(r.facts.now)
	note := func(status *v1alpha1.WebhookStatus) {
		var next *metav1.MicroTime
		if r.object().Spec.ReactivationPolicy != v1alpha1.ReactivateOnRequest {
			next = nextReactivation(r.object(), r.facts.now)
		}
		status.Deactivations++
		status.LastDeactivationTime, status.NextReactivationTime = &now, next
		r.describeRemote(status)
		setConditions(status, r.facts.generation, conditionsOf(verdict{
			reason: v1alpha1.DeactivatedReason, message: "The platform turned the webhook off after failed deliveries",
			reconciling: true,
		})...)
		setConditions(status, r.facts.generation, deactivatedCondition())
	}
	if err := r.writeStatus(ctx, note); err != nil {
		return err
	}
	deactivations.WithLabelValues(r.object().Namespace, r.object().Name).Inc()
	r.warn("Deactivated", "Observe", "The platform turned remote webhook %s off after failed deliveries", r.facts.id)
	return nil
}

// describeRemote copies what the platform said.
func (r *run) describeRemote(status *v1alpha1.WebhookStatus) {
	if r.remote == nil && r.facts.presence == fleet.Gone {
		status.WebhookID, status.ScopeID, status.Active = "", "", nil
		status.Created, status.Modified = nil, nil
		forgetSecret(status)
		apimeta.RemoveStatusCondition(&status.Conditions, v1alpha1.ActiveCondition)
	}
	if r.remote == nil {
		return
	}
	w := r.remote
	if status.WebhookID != w.ID {
		// Nothing is known of the secret that another webhook had.
		forgetSecret(status)
	}
	status.WebhookID, status.ScopeID, status.Active = w.ID, w.ScopeID, &w.Active
	status.Created, status.Modified = platformTime(w.Created), platformTime(w.Modified)
	if r.secretSent {
		status.SecretName, status.SecretVersion = r.facts.secret.name, r.facts.secret.version
	}
	if r.secretSent || r.memory.of(r.key(), r.object().UID).vouched {
		status.SecretAsOf = status.Modified
	}
	if r.reactivated {
		now := metav1.NewMicroTime(r.now())
		status.LastReactivationTime = &now
	}
	if w.Active {
		status.NextReactivationTime = nil
	}
}

func forgetSecret(status *v1alpha1.WebhookStatus) {
	status.SecretName, status.SecretVersion, status.SecretAsOf = "", "", nil
}

// platformTime is a time of the platform's as a status keeps it: to the microsecond.
func platformTime(t time.Time) *metav1.MicroTime {
	if t.IsZero() {
		return nil
	}
	m := metav1.NewMicroTime(t.Truncate(time.Microsecond))
	return &m
}

// describeHandled echoes the requests that this round has answered. One that still waits for the platform, or for its
// connection, has not been.
func (r *run) describeHandled(status *v1alpha1.WebhookStatus) {
	if r.facts.connection.problem != nil || waits(r.plan.verdict.reason) {
		return
	}
	annotations := r.facts.asked
	status.LastHandledReconcileAt = annotations[v1alpha1.ReconcileRequestedAtAnnotation]
	status.LastHandledReactivateAt = annotations[v1alpha1.ReactivateRequestedAtAnnotation]
	if !r.facts.secret.rotate && r.object().GeneratesSecret() {
		status.LastHandledRotateAt = annotations[v1alpha1.RotateRequestedAtAnnotation]
	}
}

// describeActive keeps the Active condition: what the platform said last, and who turned it off.
func (r *run) describeActive(status *v1alpha1.WebhookStatus) {
	if r.remote == nil {
		return
	}
	off := deactivated(r.object())
	switch {
	case r.remote.Active:
		setConditions(status, r.facts.generation, metav1.Condition{
			Type: v1alpha1.ActiveCondition, Status: metav1.ConditionTrue, Reason: v1alpha1.ActiveReason,
			Message: "The platform delivers events",
		})
	case off && r.object().WantsActive():
		setConditions(status, r.facts.generation, deactivatedCondition())
	default:
		setConditions(status, r.facts.generation, metav1.Condition{
			Type: v1alpha1.ActiveCondition, Status: metav1.ConditionFalse, Reason: v1alpha1.InactiveReason,
			Message: "The platform delivers no events, as the operator left it",
		})
	}
}

func deactivatedCondition() metav1.Condition {
	return metav1.Condition{
		Type: v1alpha1.ActiveCondition, Status: metav1.ConditionFalse, Reason: v1alpha1.DeactivatedReason,
		Message: "The platform turned the webhook off after failed deliveries",
	}
}

// conditionsOf are the conditions that a verdict comes to: Ready always, Reconciling and Stalled while true.
func conditionsOf(v verdict) []metav1.Condition {
	ready := metav1.ConditionFalse
	if v.ready {
		ready = metav1.ConditionTrue
	}
	return []metav1.Condition{
		{Type: v1alpha1.ReadyCondition, Status: ready, Reason: v.reason, Message: v.message},
		{Type: v1alpha1.ReconcilingCondition, Status: status(v.reconciling), Reason: v.reason, Message: v.message},
		{Type: v1alpha1.StalledCondition, Status: status(v.stalled), Reason: v.reason, Message: v.message},
	}
}

func status(b bool) metav1.ConditionStatus {
	if b {
		return metav1.ConditionTrue
	}
	return metav1.ConditionFalse
}

// setConditions sets conditions; Reconciling and Stalled disappear when they are not true.
func setConditions(s *v1alpha1.WebhookStatus, generation int64, conditions ...metav1.Condition) {
	setAll(&s.Conditions, generation, conditions...)
}

func setAll(all *[]metav1.Condition, generation int64, conditions ...metav1.Condition) {
	for _, c := range conditions {
		abnormal := c.Type == v1alpha1.ReconcilingCondition || c.Type == v1alpha1.StalledCondition
		if abnormal && c.Status != metav1.ConditionTrue {
			apimeta.RemoveStatusCondition(all, c.Type)
			continue
		}
		c.ObservedGeneration = generation
		apimeta.SetStatusCondition(all, c)
	}
}

// event and warn record Events on the Webhook.
func (r *run) event(reason, action, note string, args ...any) {
	r.record(corev1.EventTypeNormal, reason, action, fmt.Sprintf(note, args...))
}

func (r *run) warn(reason, action, note string, args ...any) {
	r.record(corev1.EventTypeWarning, reason, action, fmt.Sprintf(note, args...))
}

// maxNote is the API server's bound for the note of an Event, in bytes.
const maxNote = 1024

// record writes an Event, and the same into the log, which is kept for longer.
func (r *run) record(kind, reason, action, note string) {
	r.log.Info(note, "reason", reason)
	if len(note) > maxNote {
		note = strings.ToValidUTF8(note[:maxNote-len("…")], "") + "…"
	}
	r.Recorder.Eventf(r.object(), nil, kind, reason, action, "%s", note)
}

// announceUpdate records the Event of an update. An update that completes a creation has none of its own.
func (r *run) announceUpdate() {
	id := r.facts.id
	switch r.plan.cause {
	case causeAdoption:
		r.event("Adopted", "Adopt", "Took over remote webhook %s", id)
	case causeActivation:
		r.event("Activated", "Update", "Activated remote webhook %s", id)
	case causeReactivate:
		reactivations.WithLabelValues(r.object().Namespace, r.object().Name).Inc()
		r.event("Reactivated", "Update", "Reactivated remote webhook %s", id)
	case causeRotation:
		r.event("SecretRotated", "Update", "Sent the value of Secret %q to remote webhook %s", r.facts.secret.name, id)
	case causeProhibition:
		r.event("Updated", "Update", "Turned remote webhook %s off: the connection does not allow it", id)
	case causeSpec:
		r.event("Updated", "Update", "Updated remote webhook %s: %s", id, changes(r.plan.patch))
	case causeDrift:
		if !r.created {
			r.warn("Drifted", "Update", "The remote webhook was found changed and put right: %s", r.plan.drift)
		}
	}
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

// announceVerdict records the Event of a verdict that is news.
func (r *run) announceVerdict(v verdict) {
	ready := apimeta.FindStatusCondition(r.object().Status.Conditions, v1alpha1.ReadyCondition)
	if ready != nil && ready.Reason == v.reason && ready.Message == v.message {
		return
	}
	switch v.reason {
	case v1alpha1.RefusedReason:
		r.warn("Refused", "Update", "%s", v.message)
	case v1alpha1.DeletingReason:
		r.warn("DeleteFailed", "Delete", "%s", v.message)
	}
}

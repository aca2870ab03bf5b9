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
	"webhook-operator.io/itwin/controllers/metrics"
	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/internal/proof"
)

// report writes the status, if it says anything new.
func (r *run) report(ctx context.Context) error {
	v := r.plan.verdict
	if v.silent && !r.updated {
		return nil
	}
	v.message = shortened(v.message, maxMessage)
	if v.silent {
		// What was sent must be written down, whatever is left to do.
		return r.writeStatus(ctx, r.describe)
	}
	r.announceVerdict(v)
	return r.writeStatus(ctx, func(status *v1alpha1.WebhookStatus) {
		status.ObservedGeneration = r.facts.generation
		r.describe(status)
		if v.applied {
			status.AppliedGeneration = r.facts.generation
		}
		r.describeHandled(status)
		if v.refused != "" || v.ready || v.applied || r.memory.of(r.key(), r.object().UID).unknownOutcome {
			status.RefusedRequest = v.refused
		}
		setConditions(status, r.facts.generation, conditionsOf(v)...)
		r.describeActive(status)
		if r.observed {
			r.describeLeftBehind(status)
		}
	})
}

// writeStatus is the one place that writes the status of a Webhook. It refuses to overwrite what it has not seen.
func (r *run) writeStatus(ctx context.Context, change func(*v1alpha1.WebhookStatus)) error {
	return r.rebased(ctx, func() error {
		w := r.object()
		before := w.DeepCopy()
		change(&w.Status)
		if equality.Semantic.DeepEqual(before.Status, w.Status) {
			return nil
		}
		err := r.Status().Patch(ctx, w, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
		if err == nil {
			r.writes.Note(w)
			r.countWrite(w)
		}
		return err
	})
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
		// Ready says no longer what was refused: if the report that follows is lost, the request is sent once more.
		status.RefusedRequest, r.noted = "", true
		r.describe(status)
		setConditions(status, r.facts.generation, conditionsOf(verdict{
			reason: v1alpha1.DeactivatedReason, message: deactivatedMessage, reconciling: true,
		})...)
		setConditions(status, r.facts.generation, deactivatedCondition())
	}
	if err := r.writeStatus(ctx, note); err != nil {
		return err
	}
	metrics.Deactivations.WithLabelValues(r.object().Namespace, r.object().Name).Inc()
	r.warn("Deactivated", "Observe",
		"Remote webhook %s was turned off, by the platform after failed deliveries or by another client", r.facts.id())
	return nil
}

const deactivatedMessage = "The webhook was turned off, by the platform after failed deliveries or by another client"

// reportedFormer is how a status lists the remote webhooks that were given up.
func reportedFormer(remotes []proof.Remote) (former []v1alpha1.FormerWebhook) {
	for _, r := range remotes {
		former = append(former, v1alpha1.FormerWebhook{Account: r.Account, WebhookID: r.ID})
	}
	return former
}

// describe copies what the platform said about the remote webhook that the object owns, and what it was sent.
func (r *run) describe(status *v1alpha1.WebhookStatus) {
	owned, w := r.facts.identity.owned, r.described
	status.Former = reportedFormer(r.facts.identity.former)
	if w == nil {
		if owned.ID == "" && status.WebhookID != "" && r.facts.identity.gaveUp(reportedRemote(status)) {
			forgetRemote(status)
		}
		return
	}
	if !platform.SameID(status.WebhookID, w.ID) || status.Account != "" && status.Account != owned.Account {
		forgetRemote(status)
	}
	first := status.WebhookID == ""
	status.WebhookID, status.Account = w.ID, owned.Account
	status.ScopeID, status.Created = shortened(w.ScopeID, maxScopeID), platformTime(w.Created)
	r.describeCallback(status, first)
	if r.mayReportActive(status, w) {
		status.Active = &w.Active
	}
	if r.created || r.updated || first || status.Modified == nil || r.facts.madeHere(*w) {
		// The time of the last change by this operator: another client's shows in a later one.
		status.Modified = platformTime(w.Modified)
	}
	r.describeSecret(status)
	if r.reactivated {
		now := metav1.NewMicroTime(r.now())
		status.LastReactivationTime = &now
	}
	if w.Active {
		status.NextReactivationTime = nil
	}
}

// describeCallback says how the platform spells the callback of the spec. One that counts as equal already stays as it
// was: lists may spell it in turns.
func (r *run) describeCallback(status *v1alpha1.WebhookStatus, first bool) {
	callback, learned := r.described.CallbackURL, r.facts.spelling
	told := sameURL(status.SentCallbackURL, learned.sent) && r.facts.sameCallback(status.CallbackURL)
	if told && !r.updated && !first || !r.facts.sameCallback(callback) || len(callback) > maxCallback {
		return
	}
	status.CallbackURL, status.SentCallbackURL = callback, ""
	if wanted := r.object().Spec.CallbackURL; !sameURL(wanted, callback) {
		status.SentCallbackURL = wanted
	}
}

// mayReportActive reports whether the status may say what the platform said of active. That it is off, though the spec
// wants it on and the operator left it on, is said by noteDeactivation alone, which counts it.
func (r *run) mayReportActive(status *v1alpha1.WebhookStatus, w *platform.Webhook) bool {
	deactivated := !w.Active && status.Active != nil && *status.Active && r.object().WantsActive()
	return !deactivated || r.noted || r.facts.turnedOff || r.plan.cause == causeProhibition || r.facts.turningOff()
}

func reportedRemote(s *v1alpha1.WebhookStatus) proof.Remote {
	return proof.Remote{Account: s.Account, ID: s.WebhookID}
}

// forgetRemote drops what was known of another remote webhook.
func forgetRemote(status *v1alpha1.WebhookStatus) {
	status.WebhookID, status.Account, status.ScopeID, status.Active = "", "", "", nil
	status.Created, status.Modified, status.AppliedGeneration = nil, nil, 0
	status.CallbackURL, status.SentCallbackURL = "", ""
	status.SecretName, status.SecretVersion, status.SecretFingerprint = "", "", ""
	if active := activeOf(status); active != nil && active.Reason != v1alpha1.DeactivatedReason {
		// A deactivation is the Webhook's: another remote webhook does not make it undone.
		apimeta.RemoveStatusCondition(&status.Conditions, v1alpha1.ActiveCondition)
	}
}

func activeOf(status *v1alpha1.WebhookStatus) *metav1.Condition {
	return apimeta.FindStatusCondition(status.Conditions, v1alpha1.ActiveCondition)
}

// noteTurningOff writes down that the operator is about to turn the webhook off. If it ends before the report, its
// successor takes what it finds off for no deactivation. The note holds nothing up: what is forbidden must not stay on
// because the API server refuses a status.
func (r *run) noteTurningOff(ctx context.Context) error {
	err := r.writeStatus(ctx, func(status *v1alpha1.WebhookStatus) {
		setConditions(status, r.facts.generation, metav1.Condition{
			Type: v1alpha1.ActiveCondition, Status: metav1.ConditionFalse, Reason: v1alpha1.InactiveReason,
			Message: "The operator turns it off",
		})
	})
	if words, refused := refusedByKubernetes(err); refused {
		r.log.Info("Failed to note that the remote webhook is turned off", "error", platform.Clean(words))
		return nil
	}
	return err
}

// describeSecret says which secret the platform has: the one that was just sent; or, where it has the same value
// already, the Secret that holds it now.
func (r *run) describeSecret(status *v1alpha1.WebhookStatus) {
	secret := r.facts.secret
	has := status.SecretFingerprint == secret.fingerprint || secret.sent == secret.fingerprint ||
		status.SecretFingerprint == "" && status.SecretName == secret.name && status.SecretVersion == secret.version
	if !secret.loaded || !r.secretSent && !has {
		return
	}
	status.SecretName, status.SecretVersion, status.SecretFingerprint = secret.name, secret.version, secret.fingerprint
}

// describeLeftBehind tells of the remote webhooks that were given up in accounts that no connection reaches any more.
func (r *run) describeLeftBehind(status *v1alpha1.WebhookStatus) {
	left := r.facts.unreachableFormers()
	if len(left) == 0 {
		apimeta.RemoveStatusCondition(&status.Conditions, v1alpha1.LeftBehindCondition)
		return
	}
	names := make([]string, len(left))
	for i, remote := range left {
		names[i] = fmt.Sprintf("%s in account %s", remote.ID, remote.Account)
	}
	message := "No connection reaches remote webhook " + strings.Join(names, ", nor ") + ", which this Webhook used " +
		"before and which may still be delivering; create a Connection to that account to have it removed"
	told := apimeta.FindStatusCondition(status.Conditions, v1alpha1.LeftBehindCondition)
	if told == nil || told.Message != message {
		r.warn(v1alpha1.LeftBehindReason, "Move", "%s", message)
	}
	setConditions(status, r.facts.generation, metav1.Condition{
		Type: v1alpha1.LeftBehindCondition, Status: metav1.ConditionTrue, Reason: v1alpha1.LeftBehindReason,
		Message: message,
	})
}

// platformTime is a time of the platform's as a status keeps it: to the microsecond.
func platformTime(t time.Time) *metav1.MicroTime {
	if t.IsZero() {
		return nil
	}
	m := metav1.NewMicroTime(t.Truncate(time.Microsecond))
	return &m
}

// describeHandled echoes the requests that this run has answered. One that still waits for the platform, or for its
// connection, has not been.
func (r *run) describeHandled(status *v1alpha1.WebhookStatus) {
	if r.facts.connection.problem != nil || waits(r.plan.verdict.reason) && !r.plan.verdict.applied {
		return
	}
	annotations := r.facts.requests
	status.LastHandledReconcileAt = annotations[v1alpha1.ReconcileRequestedAtAnnotation]
	status.LastHandledReactivateAt = annotations[v1alpha1.ReactivateRequestedAtAnnotation]
	secret := r.facts.secret
	if !secret.rotate && secret.problem == nil && secret.held == nil && r.object().GeneratesSecret() {
		status.LastHandledRotateAt = annotations[v1alpha1.RotateRequestedAtAnnotation]
	}
}

// describeActive keeps the Active condition: what the platform said last, and what turned it off.
func (r *run) describeActive(status *v1alpha1.WebhookStatus) {
	if r.described == nil {
		return
	}
	off := deactivated(r.object())
	switch {
	case r.described.Active:
		setConditions(status, r.facts.generation, metav1.Condition{
			Type: v1alpha1.ActiveCondition, Status: metav1.ConditionTrue, Reason: v1alpha1.ActiveReason,
			Message: "The platform delivers events",
		})
	case off && r.object().WantsActive():
		// It stays as it was noted: the generation that was current then tells whether the spec was edited since.
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
		Message: deactivatedMessage,
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
		if known := apimeta.FindStatusCondition(*all, c.Type); known != nil && retold(*known, c) {
			c.Message = known.Message
		}
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

const (
	// maxNote is the API server's bound for the note of an Event, in bytes.
	maxNote = 1024
	// maxMessage bounds the message of a condition, for which the API server's bound is 32 KiB, and a log line.
	maxMessage = 8 << 10
	// maxScopeID bounds the scope id that a status keeps. It is a UUID.
	maxScopeID = 64
)

// record writes an Event, and the same into the log, which is kept for longer.
func (r *run) record(kind, reason, action, note string) {
	r.log.Info(shortened(note, maxMessage), "reason", reason)
	r.Recorder.Eventf(r.object(), nil, kind, reason, action, "%s", shortened(note, maxNote))
}

// announceUpdate records the Event of an update. An update that completes a creation has none of its own.
func (r *run) announceUpdate() {
	id := r.facts.id()
	switch r.plan.cause {
	case causeAdoption:
		r.event("Adopted", "Adopt", "Took over remote webhook %s", id)
	case causeActivation:
		r.event("Activated", "Update", "Activated remote webhook %s", id)
	case causeReactivate:
		metrics.Reactivations.WithLabelValues(r.object().Namespace, r.object().Name).Inc()
		r.event("Reactivated", "Update", "Reactivated remote webhook %s%s", id, r.missedEvents())
	case causeRotation:
		r.event("SecretRotated", "Update", "Sent the value of Secret %q to remote webhook %s", r.facts.secret.name, id)
	case causeProhibition:
		r.event("Updated", "Update", "Turned remote webhook %s off: the connection does not allow it", id)
	case causeSpec:
		r.event("Updated", "Update", "Updated remote webhook %s: %s", id, changes(r.plan.patch))
	case causeDrift:
		if !r.created {
			r.announceDrift()
		}
	}
}

// missedEvents says between which times events may be missing: the platform keeps none for a webhook that is off. Both
// times are of one clock: the platform's or, where it does not tell them, the operator's. Before the platform turns a
// webhook off it has tried to deliver for 3 days (event delivery, https://developer.bentley.com/apis/webhooks-v2/), and
// drops what still waits.
func (r *run) missedEvents() string {
	off, on := r.facts.remote.Modified, time.Time{}
	if r.described != nil {
		on = r.described.Modified
	}
	if last := r.object().Status.LastDeactivationTime; !on.After(off) && last != nil {
		off, on = last.Time, r.now()
	}
	if off.IsZero() || !on.After(off) {
		return ""
	}
	return fmt.Sprintf("; events between %s and %s may be missing and, if the platform turned it off because of failed "+
		"deliveries, those of the 3 days before", off.UTC().Format(time.RFC3339), on.UTC().Format(time.RFC3339))
}

// announceDrift records that a change by another client was corrected, and counts how often.
func (r *run) announceDrift() {
	again := r.memory.correction(r.key(), r.object().UID, r.now())
	if again == 1 {
		r.warn("Drifted", "Update", "Another client changed remote webhook %s, which was corrected: %s",
			r.facts.id(), r.plan.drift)
		return
	}
	r.warn("Drifted", "Update", "Another client keeps changing remote webhook %s, which was corrected %d times in a row; "+
		"the next correction waits %s: %s", r.facts.id(), again, correctionPause(again), r.plan.drift)
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

// readyOf is the Ready condition of a Webhook; nil while it has none.
func readyOf(w *v1alpha1.Webhook) *metav1.Condition {
	return apimeta.FindStatusCondition(w.Status.Conditions, v1alpha1.ReadyCondition)
}

// announceVerdict records the Event of a verdict that is news.
func (r *run) announceVerdict(v verdict) {
	ready := readyOf(r.object())
	if ready != nil && ready.Reason == v.reason && ready.Message == v.message {
		return
	}
	switch v.reason {
	case v1alpha1.InSyncReason:
		r.announceDuplicates()
	case v1alpha1.RefusedReason:
		r.warn("Refused", "Update", "%s", v.message)
	case v1alpha1.DeletingReason:
		r.warn("DeleteFailed", "Delete", "%s", v.message)
	default:
		if waits(v.reason) {
			r.log.Info("A change waits", "reason", v.reason, "message", v.message)
		}
	}
}

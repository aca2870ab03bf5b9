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
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/internal/proof"
)

// report writes the status, if it says anything new.
func (r *executor) report(ctx context.Context) error {
	v := r.plan.outcome
	if v.Silent && !r.updated {
		return nil
	}
	v.Message = status.Shortened(v.Message, status.MaxMessage)
	if v.Silent {
		// What was sent must be written down, whatever is left to do.
		return r.writeStatus(ctx, r.describe)
	}
	r.announceOutcome(v)
	return r.writeStatus(ctx, func(st *v1alpha1.WebhookStatus) {
		st.ObservedGeneration = r.facts.generation
		r.describe(st)
		if v.Applied {
			st.AppliedGeneration = r.facts.generation
		}
		r.describeHandled(st)
		if v.Refused != "" || v.Ready || v.Applied || r.memory.of(r.key(), r.object().UID).unknownOutcome {
			st.RefusedRequest = v.Refused
		}
		status.SetOnWebhook(st, r.facts.generation, status.ConditionsOf(v)...)
		r.describeActive(st)
		if r.observed {
			r.describeLeftBehind(st)
		}
	})
}

// writeStatus is the one place that writes the status of a Webhook. It refuses to overwrite what it has not seen.
func (r *executor) writeStatus(ctx context.Context, change func(*v1alpha1.WebhookStatus)) error {
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
func (r *executor) noteDeactivation(ctx context.Context) error {
	now := metav1.NewMicroTime(r.facts.now)
	note := func(st *v1alpha1.WebhookStatus) {
		var next *metav1.MicroTime
		if r.object().Spec.ReactivationPolicy != v1alpha1.ReactivateOnRequest {
			next = nextReactivation(r.object(), r.facts.now)
		}
		st.Deactivations++
		st.LastDeactivationTime, st.NextReactivationTime = &now, next
		// Ready says no longer what was refused: if the report that follows is lost, the request is sent once more.
		st.RefusedRequest, r.noted = "", true
		r.describe(st)
		status.SetOnWebhook(st, r.facts.generation, status.ConditionsOf(status.Outcome{
			Reason: v1alpha1.DeactivatedReason, Message: deactivatedMessage, Reconciling: true,
		})...)
		status.SetOnWebhook(st, r.facts.generation, deactivatedCondition())
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
func (r *executor) describe(st *v1alpha1.WebhookStatus) {
	owned, w := r.facts.identity.owned, r.described
	st.Former = reportedFormer(r.facts.identity.former)
	if w == nil {
		if owned.ID == "" && st.WebhookID != "" && r.facts.identity.gaveUp(reportedRemote(st)) {
			forgetRemote(st)
		}
		return
	}
	if !platform.SameID(st.WebhookID, w.ID) || st.Account != "" && st.Account != owned.Account {
		forgetRemote(st)
	}
	first := st.WebhookID == ""
	st.WebhookID, st.Account = w.ID, owned.Account
	st.ScopeID, st.Created = status.Shortened(w.ScopeID, maxScopeID), platformTime(w.Created)
	r.describeCallback(st, first)
	if r.mayReportActive(st, w) {
		st.Active = &w.Active
	}
	if r.created || r.updated || first || st.Modified == nil || r.facts.madeHere(*w) {
		// The time of the last change by this operator: another client's shows in a later one.
		st.Modified = platformTime(w.Modified)
	}
	r.describeSecret(st)
	if r.reactivated {
		now := metav1.NewMicroTime(r.now())
		st.LastReactivationTime = &now
	}
	if w.Active {
		st.NextReactivationTime = nil
	}
}

// describeCallback says how the platform spells the callback of the spec. One that counts as equal already stays as it
// was: lists may spell it in turns.
func (r *executor) describeCallback(st *v1alpha1.WebhookStatus, first bool) {
	callback, learned := r.described.CallbackURL, r.facts.spelling
	told := sameURL(st.SentCallbackURL, learned.sent) && r.facts.sameCallback(st.CallbackURL)
	if told && !r.updated && !first || !r.facts.sameCallback(callback) || len(callback) > maxCallback {
		return
	}
	st.CallbackURL, st.SentCallbackURL = callback, ""
	if wanted := r.object().Spec.CallbackURL; !sameURL(wanted, callback) {
		st.SentCallbackURL = wanted
	}
}

// mayReportActive reports whether the status may say what the platform said of active. That it is off, though the spec
// wants it on and the operator left it on, is said by noteDeactivation alone, which counts it.
func (r *executor) mayReportActive(st *v1alpha1.WebhookStatus, w *platform.Webhook) bool {
	deactivated := !w.Active && st.Active != nil && *st.Active && r.object().WantsActive()
	return !deactivated || r.noted || r.facts.turnedOff || r.plan.cause == causeProhibition || r.facts.turningOff()
}

func reportedRemote(s *v1alpha1.WebhookStatus) proof.Remote {
	return proof.Remote{Account: s.Account, ID: s.WebhookID}
}

// forgetRemote drops what was known of another remote webhook.
func forgetRemote(st *v1alpha1.WebhookStatus) {
	st.WebhookID, st.Account, st.ScopeID, st.Active = "", "", "", nil
	st.Created, st.Modified, st.AppliedGeneration = nil, nil, 0
	st.CallbackURL, st.SentCallbackURL = "", ""
	st.SecretName, st.SecretVersion, st.SecretFingerprint = "", "", ""
	if active := status.ActiveOf(st); active != nil && active.Reason != v1alpha1.DeactivatedReason {
		// A deactivation is the Webhook's: another remote webhook does not make it undone.
		apimeta.RemoveStatusCondition(&st.Conditions, v1alpha1.ActiveCondition)
	}
}

// noteTurningOff writes down that the operator is about to turn the webhook off. If it ends before the report, its
// successor takes what it finds off for no deactivation. The note holds nothing up: what is forbidden must not stay on
// because the API server refuses a status.
func (r *executor) noteTurningOff(ctx context.Context) error {
	err := r.writeStatus(ctx, func(st *v1alpha1.WebhookStatus) {
		status.SetOnWebhook(st, r.facts.generation, metav1.Condition{
			Type: v1alpha1.ActiveCondition, Status: metav1.ConditionFalse, Reason: v1alpha1.InactiveReason,
			Message: "The operator turns it off",
		})
	})
	if words, refused := status.RefusedByKubernetes(err); refused {
		r.log.Info("Failed to note that the remote webhook is turned off", "error", platform.Clean(words))
		return nil
	}
	return err
}

// describeSecret says which secret the platform has: the one that was just sent; or, where it has the same value
// already, the Secret that holds it now.
func (r *executor) describeSecret(st *v1alpha1.WebhookStatus) {
	secret := r.facts.secret
	has := st.SecretFingerprint == secret.fingerprint || secret.sent == secret.fingerprint ||
		st.SecretFingerprint == "" && st.SecretName == secret.name && st.SecretVersion == secret.version
	if !secret.loaded || !r.secretSent && !has {
		return
	}
	st.SecretName, st.SecretVersion, st.SecretFingerprint = secret.name, secret.version, secret.fingerprint
}

// describeLeftBehind tells of the remote webhooks that were given up in accounts that no connection reaches any more.
func (r *executor) describeLeftBehind(st *v1alpha1.WebhookStatus) {
	left := r.facts.unreachableFormers()
	if len(left) == 0 {
		apimeta.RemoveStatusCondition(&st.Conditions, v1alpha1.LeftBehindCondition)
		return
	}
	names := make([]string, len(left))
	for i, remote := range left {
		names[i] = fmt.Sprintf("%s in account %s", remote.ID, remote.Account)
	}
	message := "No connection reaches remote webhook " + strings.Join(names, ", nor ") + ", which this Webhook used " +
		"before and which may still be delivering; create a Connection to that account to have it removed"
	told := apimeta.FindStatusCondition(st.Conditions, v1alpha1.LeftBehindCondition)
	if told == nil || told.Message != message {
		r.warn(v1alpha1.LeftBehindReason, "Move", "%s", message)
	}
	status.SetOnWebhook(st, r.facts.generation, metav1.Condition{
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
func (r *executor) describeHandled(st *v1alpha1.WebhookStatus) {
	if r.facts.connection.problem != nil || status.Waits(r.plan.outcome.Reason) && !r.plan.outcome.Applied {
		return
	}
	annotations := r.facts.requests
	st.LastHandledReconcileAt = annotations[v1alpha1.ReconcileRequestedAtAnnotation]
	st.LastHandledReactivateAt = annotations[v1alpha1.ReactivateRequestedAtAnnotation]
	secret := r.facts.secret
	if !secret.rotate && secret.problem == nil && secret.held == nil && r.object().GeneratesSecret() {
		st.LastHandledRotateAt = annotations[v1alpha1.RotateRequestedAtAnnotation]
	}
}

// describeActive keeps the Active condition: what the platform said last, and what turned it off.
func (r *executor) describeActive(st *v1alpha1.WebhookStatus) {
	if r.described == nil {
		return
	}
	off := deactivated(r.object())
	switch {
	case r.described.Active:
		status.SetOnWebhook(st, r.facts.generation, metav1.Condition{
			Type: v1alpha1.ActiveCondition, Status: metav1.ConditionTrue, Reason: v1alpha1.ActiveReason,
			Message: "The platform delivers events",
		})
	case off && r.object().WantsActive():
		// It stays as it was noted: the generation that was current then reports whether the spec was edited since.
	default:
		status.SetOnWebhook(st, r.facts.generation, metav1.Condition{
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

// event and warn record Events on the Webhook.
func (r *executor) event(reason, action, note string, args ...any) {
	r.record(corev1.EventTypeNormal, reason, action, fmt.Sprintf(note, args...))
}

func (r *executor) warn(reason, action, note string, args ...any) {
	r.record(corev1.EventTypeWarning, reason, action, fmt.Sprintf(note, args...))
}

const (
	// maxNote is the API server's bound for the note of an Event, in bytes.
	maxNote = 1024
	// maxScopeID bounds the scope id that a status keeps. It is a UUID.
	maxScopeID = 64
)

// record writes an Event, and the same into the log, which is kept for longer.
func (r *executor) record(kind, reason, action, note string) {
	r.log.Info(status.Shortened(note, status.MaxMessage), "reason", reason)
	r.Recorder.Eventf(r.object(), nil, kind, reason, action, "%s", status.Shortened(note, maxNote))
}

// announceUpdate records the Event of an update. An update that completes a creation has none of its own.
func (r *executor) announceUpdate() {
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
func (r *executor) missedEvents() string {
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
func (r *executor) announceDrift() {
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

// announceOutcome records the Event of an outcome that is news.
func (r *executor) announceOutcome(v status.Outcome) {
	ready := status.ReadyOf(r.object())
	if ready != nil && ready.Reason == v.Reason && ready.Message == v.Message {
		return
	}
	switch v.Reason {
	case v1alpha1.InSyncReason:
		r.announceDuplicates()
	case v1alpha1.RefusedReason:
		r.warn("Refused", "Update", "%s", v.Message)
	case v1alpha1.DeletingReason:
		r.warn("DeleteFailed", "Delete", "%s", v.Message)
	default:
		if status.Waits(v.Reason) {
			r.log.Info("A change waits", "reason", v.Reason, "message", v.Message)
		}
	}
}

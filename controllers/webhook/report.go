package webhook

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
	"webhook-operator.io/itwin/controllers/identity"
	"webhook-operator.io/itwin/controllers/metrics"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/controllers/webhook/ledger"
	"webhook-operator.io/itwin/controllers/webhook/plan"
	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/internal/proof"
)

// report writes the status, if it says anything new.
func (e *executor) report(ctx context.Context) error {
	v := e.outcome
	if v.Silent && !e.updated {
		return nil
	}
	v.Message = status.Shortened(v.Message, status.MaxMessage)
	if v.Silent {
		// What was sent must be written down, whatever is left to do.
		return e.writeStatus(ctx, e.describe)
	}
	e.announceOutcome(v)
	return e.writeStatus(ctx, func(st *v1alpha1.WebhookStatus) {
		st.ObservedGeneration = e.facts.Generation
		e.describe(st)
		if v.Applied {
			st.AppliedGeneration = e.facts.Generation
		}
		e.describeHandled(st)
		if v.Refused != "" || v.Ready || v.Applied || e.entry.Record().UnknownOutcome {
			st.RefusedRequest = v.Refused
		}
		status.SetOnWebhook(st, e.facts.Generation, status.ConditionsOf(v)...)
		e.describeActive(st)
		if e.observed {
			e.describeLeftBehind(st)
		}
	})
}

// writeStatus is the one place that writes the status of a Webhook. It refuses to overwrite what it has not seen.
func (e *executor) writeStatus(ctx context.Context, change func(*v1alpha1.WebhookStatus)) error {
	return e.rebased(ctx, func() error {
		w := e.object()
		before := w.DeepCopy()
		change(&w.Status)
		if equality.Semantic.DeepEqual(before.Status, w.Status) {
			return nil
		}
		err := e.kube.Status().Patch(ctx, w, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
		if err == nil {
			e.reconciler.writes.Note(w)
			e.reconciler.countWrite(w)
		}
		return err
	})
}

// noteDeactivation writes down that the platform turned the webhook off, before anything is done about it: the counter
// stays right even if the process dies in the middle. The report follows with what came of it.
func (e *executor) noteDeactivation(ctx context.Context) error {
	now := metav1.NewMicroTime(e.facts.Now)
	note := func(st *v1alpha1.WebhookStatus) {
		var next *metav1.MicroTime
		if e.object().Spec.ReactivationPolicy != v1alpha1.ReactivateOnRequest {
			next = plan.NextReactivation(e.object(), e.facts.Now)
		}
		st.Deactivations++
		st.LastDeactivationTime, st.NextReactivationTime = &now, next
		// Ready says no longer what was refused: if the report that follows is lost, the request is sent once more.
		st.RefusedRequest, e.noted = "", true
		e.describe(st)
		status.SetOnWebhook(st, e.facts.Generation, status.ConditionsOf(
			status.Waiting(v1alpha1.DeactivatedReason, plan.DeactivatedMessage))...)
		status.SetOnWebhook(st, e.facts.Generation, plan.DeactivatedCondition())
	}
	if err := e.writeStatus(ctx, note); err != nil {
		return err
	}
	metrics.Deactivations.WithLabelValues(e.object().Namespace, e.object().Name).Inc()
	e.warn("Deactivated", "Observe",
		"Remote webhook %s was turned off, by the platform after failed deliveries or by another client", e.facts.ID())
	return nil
}

// reportedFormer is how a status lists the remote webhooks that were given up.
func reportedFormer(remotes []proof.Remote) (former []v1alpha1.FormerWebhook) {
	for _, r := range remotes {
		former = append(former, v1alpha1.FormerWebhook{Account: r.Account, WebhookID: r.ID})
	}
	return former
}

// describe copies what the platform said about the remote webhook that the object owns, and what it was sent.
func (e *executor) describe(st *v1alpha1.WebhookStatus) {
	owned, w := e.facts.Identity.Owned, e.described
	st.Former = reportedFormer(e.facts.Identity.Former)
	if w == nil {
		if owned.ID == "" && st.WebhookID != "" && e.facts.Identity.GaveUp(identity.Reported(st)) {
			forgetRemote(st)
		}
		return
	}
	if !platform.SameID(st.WebhookID, w.ID) || st.Account != "" && st.Account != owned.Account {
		forgetRemote(st)
	}
	first := st.WebhookID == ""
	st.WebhookID, st.Account = w.ID, owned.Account
	st.ScopeID, st.Created = status.Shortened(w.ScopeID, maxScopeID), plan.PlatformTime(w.Created)
	e.describeCallback(st, first)
	if e.mayReportActive(st, w) {
		st.Active = &w.Active
	}
	if e.created || e.updated || first || st.Modified == nil || e.facts.MadeHere(*w) {
		// The time of the last change by this operator: another client's shows in a later one.
		st.Modified = plan.PlatformTime(w.Modified)
	}
	e.describeSecret(st)
	if e.reactivated {
		now := metav1.NewMicroTime(e.now())
		st.LastReactivationTime = &now
	}
	if w.Active {
		st.NextReactivationTime = nil
	}
}

// describeCallback says how the platform spells the callback of the spec. One that counts as equal already stays as it
// was: lists may spell it in turns.
func (e *executor) describeCallback(st *v1alpha1.WebhookStatus, first bool) {
	callback, learned := e.described.CallbackURL, e.facts.Spelling
	told := plan.SameURL(st.SentCallbackURL, learned.Sent) && e.facts.SameCallback(st.CallbackURL)
	if told && !e.updated && !first || !e.facts.SameCallback(callback) || len(callback) > plan.MaxCallback {
		return
	}
	st.CallbackURL, st.SentCallbackURL = callback, ""
	if wanted := e.object().Spec.CallbackURL; !plan.SameURL(wanted, callback) {
		st.SentCallbackURL = wanted
	}
}

// mayReportActive reports whether the status may say what the platform said of active. That it is off, though the spec
// wants it on and the operator left it on, is said by noteDeactivation alone, which counts it.
func (e *executor) mayReportActive(st *v1alpha1.WebhookStatus, w *platform.Webhook) bool {
	deactivated := !w.Active && st.Active != nil && *st.Active && e.object().WantsActive()
	return !deactivated || e.noted || e.facts.TurnedOff || e.plan.Cause == plan.CauseProhibition || e.facts.TurningOff()
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
func (e *executor) noteTurningOff(ctx context.Context) error {
	err := e.writeStatus(ctx, func(st *v1alpha1.WebhookStatus) {
		status.SetOnWebhook(st, e.facts.Generation, metav1.Condition{
			Type: v1alpha1.ActiveCondition, Status: metav1.ConditionFalse, Reason: v1alpha1.InactiveReason,
			Message: "The operator turns it off",
		})
	})
	if words, refused := status.RefusedByKubernetes(err); refused {
		e.log.Info("Failed to note that the remote webhook is turned off", "error", platform.Clean(words))
		return nil
	}
	return err
}

// describeSecret says which secret the platform has: the one that was just sent; or, where it has the same value
// already, the Secret that holds it now.
func (e *executor) describeSecret(st *v1alpha1.WebhookStatus) {
	secret := e.facts.Secret
	has := st.SecretFingerprint == secret.Fingerprint || secret.Sent == secret.Fingerprint ||
		st.SecretFingerprint == "" && st.SecretName == secret.Name && st.SecretVersion == secret.Version
	if !secret.Loaded || !e.secretSent && !has {
		return
	}
	st.SecretName, st.SecretVersion, st.SecretFingerprint = secret.Name, secret.Version, secret.Fingerprint
}

// describeLeftBehind tells of the remote webhooks that were given up in accounts that no connection reaches any more.
func (e *executor) describeLeftBehind(st *v1alpha1.WebhookStatus) {
	left := e.facts.UnreachableFormers()
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
		e.warn(v1alpha1.LeftBehindReason, "Move", "%s", message)
	}
	status.SetOnWebhook(st, e.facts.Generation, metav1.Condition{
		Type: v1alpha1.LeftBehindCondition, Status: metav1.ConditionTrue, Reason: v1alpha1.LeftBehindReason,
		Message: message,
	})
}

// describeHandled echoes the requests that this run has answered. One that still waits for the platform, or for its
// connection, has not been.
func (e *executor) describeHandled(st *v1alpha1.WebhookStatus) {
	if e.facts.Connection.Problem != nil || status.Waits(e.outcome.Reason) && !e.outcome.Applied {
		return
	}
	annotations := e.facts.Requests
	st.LastHandledReconcileAt = annotations[v1alpha1.ReconcileRequestedAtAnnotation]
	st.LastHandledReactivateAt = annotations[v1alpha1.ReactivateRequestedAtAnnotation]
	secret := e.facts.Secret
	if !secret.Rotate && secret.Problem == nil && secret.Held == nil && e.object().GeneratesSecret() {
		st.LastHandledRotateAt = annotations[v1alpha1.RotateRequestedAtAnnotation]
	}
}

// describeActive keeps the Active condition: what the platform said last, and what turned it off.
func (e *executor) describeActive(st *v1alpha1.WebhookStatus) {
	if e.described == nil {
		return
	}
	off := plan.Deactivated(e.object())
	switch {
	case e.described.Active:
		status.SetOnWebhook(st, e.facts.Generation, metav1.Condition{
			Type: v1alpha1.ActiveCondition, Status: metav1.ConditionTrue, Reason: v1alpha1.ActiveReason,
			Message: "The platform delivers events",
		})
	case off && e.object().WantsActive():
		// It stays as it was noted: the generation that was current then reports whether the spec was edited since.
	default:
		status.SetOnWebhook(st, e.facts.Generation, metav1.Condition{
			Type: v1alpha1.ActiveCondition, Status: metav1.ConditionFalse, Reason: v1alpha1.InactiveReason,
			Message: "The platform delivers no events, as the operator left it",
		})
	}
}

// event and warn record Events on the Webhook.
func (e *executor) event(reason, action, note string, args ...any) {
	e.record(corev1.EventTypeNormal, reason, action, fmt.Sprintf(note, args...))
}

func (e *executor) warn(reason, action, note string, args ...any) {
	e.record(corev1.EventTypeWarning, reason, action, fmt.Sprintf(note, args...))
}

const (
	// maxScopeID bounds the scope id that a status keeps. It is a UUID.
	maxScopeID = 64
)

// record writes an Event, and the same into the log, which is kept for longer.
func (e *executor) record(kind, reason, action, note string) {
	e.log.Info(status.Shortened(note, status.MaxMessage), "reason", reason)
	e.recorder.Eventf(e.object(), nil, kind, reason, action, "%s", status.Shortened(note, status.MaxNote))
}

// announceUpdate records the Event of an update. An update that completes a creation has none of its own.
func (e *executor) announceUpdate() {
	id := e.facts.ID()
	switch e.plan.Cause {
	case plan.CauseAdoption:
		e.event("Adopted", "Adopt", "Took over remote webhook %s", id)
	case plan.CauseActivation:
		e.event("Activated", "Update", "Activated remote webhook %s", id)
	case plan.CauseReactivate:
		metrics.Reactivations.WithLabelValues(e.object().Namespace, e.object().Name).Inc()
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
	case v1alpha1.InSyncReason:
		e.announceDuplicates()
	case v1alpha1.RefusedReason:
		e.warn("Refused", "Update", "%s", v.Message)
	case v1alpha1.DeletingReason:
		e.warn("DeleteFailed", "Delete", "%s", v.Message)
	default:
		if status.Waits(v.Reason) {
			e.log.Info("A change waits", "reason", v.Reason, "message", v.Message)
		}
	}
}

package webhook

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/identity"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/controllers/webhook/plan"
	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/internal/proof"
)

// report writes the status, if it says anything new.
func (e *executor) report(ctx context.Context) error {
	v := e.outcome
	switch {
	case v.Suspended:
		return e.writeStatus(ctx, e.describeSuspended)
	case v.Silent && !e.updated && !e.resumed():
		return nil
	}
	v.Message = status.Shortened(v.Message, status.MaxMessage)
	if v.Silent {
		return e.writeStatus(ctx, func(st *itwinv1alpha1.WebhookStatus) {
			if e.updated { // what was sent must be written down, whatever is left to do
				e.describe(st)
			}
			if e.resumed() {
				status.SetSuspended(st, e.facts.Generation, false)
			}
		})
	}
	e.announceOutcome(v)
	return e.writeStatus(ctx, func(st *itwinv1alpha1.WebhookStatus) {
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
		status.SetSuspended(st, e.facts.Generation, e.suspended)
		e.describeActive(st)
		if e.observed {
			e.describeLeftBehind(st)
		}
	})
}

// resumed reports whether the status still says that the object is suspended, which it no longer is.
func (e *executor) resumed() bool {
	said := apimeta.FindStatusCondition(e.object().Status.Conditions, itwinv1alpha1.SuspendedCondition)
	return said != nil && !e.suspended && e.object().DeletionTimestamp.IsZero()
}

// describeSuspended says that the spec was observed and is left alone; what was known of the remote webhook stays.
func (e *executor) describeSuspended(st *itwinv1alpha1.WebhookStatus) {
	st.ObservedGeneration = e.facts.Generation
	status.SetSuspended(st, e.facts.Generation, true)
}

// writeStatus is the one place that writes the status of a Webhook. It refuses to overwrite what it has not seen.
func (e *executor) writeStatus(ctx context.Context, change func(*itwinv1alpha1.WebhookStatus)) error {
	return e.rebased(ctx, func() error {
		w := e.object()
		known := w.Status
		w.Status = *known.DeepCopy()
		change(&w.Status)
		if equality.Semantic.DeepEqual(known, w.Status) {
			return nil
		}
		before := w.DeepCopy()
		before.Status = known
		err := e.kube.Status().Patch(ctx, w, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
		if err == nil {
			e.reconciler.writes.Note(w)
			e.reconciler.countWrite(w)
		}
		return err
	})
}

// reportedFormer is how a status lists the remote webhooks that were given up.
func reportedFormer(remotes []proof.Remote) (former []itwinv1alpha1.FormerWebhook) {
	for _, r := range remotes {
		former = append(former, itwinv1alpha1.FormerWebhook{Account: r.Account, WebhookID: r.ID})
	}
	return former
}

// describe copies what the platform said about the remote webhook that the object owns, and what it was sent.
func (e *executor) describe(st *itwinv1alpha1.WebhookStatus) {
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
func (e *executor) describeCallback(st *itwinv1alpha1.WebhookStatus, first bool) {
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
func (e *executor) mayReportActive(st *itwinv1alpha1.WebhookStatus, w *platform.Webhook) bool {
	deactivated := !w.Active && st.Active != nil && *st.Active && e.object().WantsActive()
	return !deactivated || e.noted || e.facts.TurnedOff || e.plan.Cause == plan.CauseProhibition || e.facts.LeftOff()
}

// forgetRemote drops what was known of another remote webhook.
func forgetRemote(st *itwinv1alpha1.WebhookStatus) {
	st.WebhookID, st.Account, st.ScopeID, st.Active = "", "", "", nil
	st.Created, st.Modified, st.AppliedGeneration = nil, nil, 0
	st.CallbackURL, st.SentCallbackURL = "", ""
	st.SecretName, st.SecretVersion, st.SecretFingerprint = "", "", ""
	if active := status.ActiveOf(st); active != nil && active.Reason != itwinv1alpha1.DeactivatedReason {
		// A deactivation is the Webhook's: another remote webhook does not make it undone.
		apimeta.RemoveStatusCondition(&st.Conditions, itwinv1alpha1.ActiveCondition)
	}
}

// describeSecret says which secret the platform has: the one that was just sent; or, where it has the same value
// already, the Secret that holds it now.
func (e *executor) describeSecret(st *itwinv1alpha1.WebhookStatus) {
	secret, sent := e.facts.Secret, e.entry.Record().Secret
	imported := e.object().Spec.WebhookID != "" || slices.Contains(e.plan.Steps, plan.AdoptRemote)
	switch {
	case sent == plan.UnknownSecret && st.SecretName == "" && imported:
		st.SecretName = secret.Name // the platform may have its value
	case sent == "" && secret.Unsent && e.outcome.Ready:
		st.SecretName = "" // what would have sent it was undone
	}
	has := st.SecretFingerprint == secret.Fingerprint || secret.Sent == secret.Fingerprint ||
		st.SecretFingerprint == "" && st.SecretName == secret.Name && st.SecretVersion == secret.Version
	if !secret.Loaded || !e.secretSent && !has {
		return
	}
	st.SecretName, st.SecretVersion, st.SecretFingerprint = secret.Name, secret.Version, secret.Fingerprint
}

// describeLeftBehind tells of the remote webhooks that were given up in accounts that no connection reaches any more.
func (e *executor) describeLeftBehind(st *itwinv1alpha1.WebhookStatus) {
	left := e.facts.UnreachableFormers()
	if len(left) == 0 {
		apimeta.RemoveStatusCondition(&st.Conditions, itwinv1alpha1.LeftBehindCondition)
		return
	}
	names := make([]string, len(left))
	for i, remote := range left {
		names[i] = fmt.Sprintf("%s in account %s", remote.ID, remote.Account)
	}
	message := "No connection reaches remote webhook " + strings.Join(names, ", nor ") + ", which this Webhook used " +
		"before and which may still be delivering; create a Connection to that account to have it removed"
	told := apimeta.FindStatusCondition(st.Conditions, itwinv1alpha1.LeftBehindCondition)
	if told == nil || told.Message != message {
		e.warn(itwinv1alpha1.LeftBehindReason, "Move", "%s", message)
	}
	status.SetOnWebhook(st, e.facts.Generation, metav1.Condition{
		Type: itwinv1alpha1.LeftBehindCondition, Status: metav1.ConditionTrue, Reason: itwinv1alpha1.LeftBehindReason,
		Message: message,
	})
}

// describeHandled echoes the requests that this run has answered. One that still waits for the platform, or for its
// connection, has not been.
func (e *executor) describeHandled(st *itwinv1alpha1.WebhookStatus) {
	if e.facts.Connection.Problem != nil || status.Waits(e.outcome.Reason) && !e.outcome.Applied {
		return
	}
	annotations := e.facts.Requests
	st.LastHandledReconcileAt = annotations[itwinv1alpha1.ReconcileRequestedAtAnnotation]
	st.LastHandledReactivateAt = annotations[itwinv1alpha1.ReactivateRequestedAtAnnotation]
	secret := e.facts.Secret
	if !secret.Rotate && secret.Problem == nil && secret.Held == nil && e.object().GeneratesSecret() {
		st.LastHandledRotateAt = annotations[itwinv1alpha1.RotateRequestedAtAnnotation]
	}
}

// describeActive keeps the Active condition: what the platform said last, and what turned it off.
func (e *executor) describeActive(st *itwinv1alpha1.WebhookStatus) {
	if e.described == nil {
		return
	}
	off := plan.Deactivated(e.object())
	switch {
	case e.described.Active:
		status.SetOnWebhook(st, e.facts.Generation, metav1.Condition{
			Type: itwinv1alpha1.ActiveCondition, Status: metav1.ConditionTrue, Reason: itwinv1alpha1.ActiveReason,
			Message: "The platform delivers events",
		})
	case off && e.object().WantsActive():
		// It stays as it was noted: the generation that was current then shows whether the spec was edited since.
	default:
		status.SetOnWebhook(st, e.facts.Generation, metav1.Condition{
			Type: itwinv1alpha1.ActiveCondition, Status: metav1.ConditionFalse, Reason: itwinv1alpha1.InactiveReason,
			Message: "The platform delivers no events, as the operator left it",
		})
	}
}

const (
	// maxScopeID bounds the scope id that a status keeps. It is a UUID.
	maxScopeID = 64
)

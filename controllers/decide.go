package controllers

import (
	"fmt"

	apimeta "k8s.io/apimachinery/pkg/api/meta"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

// decide says what to do about a Webhook. It is pure.
func decide(f facts) plan {
	switch {
	case !f.webhook.DeletionTimestamp.IsZero():
		return decideDeletion(f)
	case f.webhook.Spec.Suspend:
		return plan{verdict: nothing}
	case f.connection.forbidden:
		return decideForbidden(f)
	case f.connection.problem != nil:
		return decideUnconnected(f)
	case !f.connection.synced:
		return plan{verdict: awaitList}
	case !f.refreshSince.IsZero():
		return plan{verdict: verdict{silent: true, await: true, since: f.refreshSince}}
	case f.rival != "":
		return plan{verdict: claimed("The remote webhook %s already belongs to Webhook %s; delete one of the two",
			f.id, f.rival)}
	case f.id != "" && f.webhook.Spec.WebhookID != "" && f.id != f.webhook.Spec.WebhookID:
		return plan{verdict: claimed("This Webhook already has the remote webhook %s; import %s with another Webhook",
			f.id, f.webhook.Spec.WebhookID)}
	case f.id != "":
		return decideOwned(f)
	}
	return decideNew(f)
}

func claimed(message string, args ...any) verdict {
	return verdict{reason: v1alpha1.AlreadyClaimedReason, stalled: true, message: fmt.Sprintf(message, args...)}
}

// decideForbidden turns off what a connection no longer allows. It is not deleted: permission may come back. Nothing is
// done about a webhook that the object merely names: it may be somebody else's.
func decideForbidden(f facts) plan {
	p := plan{verdict: halted(*f.connection.problem)}
	if f.known() && f.rival == "" && f.presence == fleet.Present && f.remote.Active {
		off := false
		p.patch.Active, p.cause = &off, causeProhibition
		p.steps = []step{updateRemote}
	}
	return p
}

// decideUnconnected says so, unless that is no news: an object that has nothing to send is not touched by an outage or
// by trouble with the credentials, which the connection itself reports once.
func decideUnconnected(f facts) plan {
	settled := !f.specChanged() && apimeta.IsStatusConditionTrue(f.webhook.Status.Conditions, v1alpha1.ReadyCondition)
	if settled && f.connection.problem.reason != v1alpha1.ConnectionNotFoundReason {
		return plan{verdict: awaitList}
	}
	v := halted(*f.connection.problem)
	v.await = true
	return plan{verdict: v}
}

// decideOwned handles an object with a known remote webhook.
func decideOwned(f facts) plan {
	switch f.presence {
	case fleet.Present:
		return decideSync(f)
	case fleet.Gone:
		if f.webhook.Spec.WebhookID != "" {
			return plan{verdict: verdict{reason: v1alpha1.NotFoundReason, stalled: true, message: fmt.Sprintf(
				"The platform has no webhook %s to import; delete this Webhook and import the right one with another",
				f.id)}}
		}
		return decideLost(f)
	default:
		return plan{steps: []step{confirmAbsence}, verdict: awaitList}
	}
}

// decideLost replaces a remote webhook that somebody deleted. The old id is given up first, so that a create that is
// interrupted is looked for like any other.
func decideLost(f facts) plan {
	if f.webhook.Annotations[v1alpha1.WebhookIDAnnotation] == "" || f.secret.problem != nil || f.attempt.orphan != nil {
		return decideNew(f)
	}
	create := plan{
		steps: creation(f),
		cause: causeDrift, drift: "it was deleted on the platform; created anew", verdict: inSync,
	}
	return activateAfterCreation(f, create)
}

// decideNew handles an object without a known remote webhook.
func decideNew(f facts) plan {
	switch {
	case f.secret.problem != nil:
		return plan{verdict: halted(*f.secret.problem)}
	case f.attempt.busy:
		return plan{verdict: verdict{silent: true, retry: busyPause}}
	case f.attempt.immature > 0 && (f.attempt.orphan != nil || f.adoptable != nil):
		return plan{verdict: verdict{silent: true, retry: f.attempt.immature}}
	case f.finalized() && f.attempt.orphan != nil:
		return takeOver(f, *f.attempt.orphan, causeCreation)
	case f.finalized() && !f.attempt.clean && !f.attempt.settled:
		return plan{verdict: verdict{silent: true, await: true, since: f.attempt.horizon}}
	case f.adoptable != nil:
		return takeOver(f, *f.adoptable, causeAdoption)
	case !f.reconcileRequested() && f.webhook.Status.RefusedRequest == fingerprintCreate(f):
		return plan{verdict: stillRefused(f)}
	case !f.hopeSince.IsZero():
		return plan{verdict: verdict{silent: true, await: true, since: f.hopeSince}}
	}
	p := plan{steps: creation(f), cause: causeCreation, verdict: inSync}
	return activateAfterCreation(f, p)
}

// creation is the protocol: finalizer first, and with it what is going to be created; the secret stored before the
// platform hears of it; the id written down before anything else.
func creation(f facts) (steps []step) {
	if f.presence == fleet.Gone && f.webhook.Annotations[v1alpha1.WebhookIDAnnotation] != "" {
		steps = append(steps, forgetID)
	}
	if !f.finalized() {
		steps = append(steps, addFinalizer)
	}
	if len(steps) == 0 && f.webhook.Annotations[v1alpha1.CreatingAnnotation] != intent(f.webhook) {
		steps = append(steps, recordIntent)
	}
	if f.secret.missing || f.secret.rotate {
		steps = append(steps, storeSecret)
	}
	return append(steps, createRemote, recordID)
}

func activateAfterCreation(f facts, p plan) plan {
	if f.webhook.WantsActive() {
		on := true
		p.patch.Active = &on
		p.steps = append(p.steps, updateRemote)
	}
	return p
}

// takeOver makes an existing webhook the object's own, and equal to the spec.
func takeOver(f facts, w platform.Webhook, why cause) plan {
	p := plan{target: w.ID, cause: why, verdict: inSync}
	if !f.finalized() {
		p.steps = append(p.steps, addFinalizer)
	}
	if f.secret.missing || f.secret.rotate {
		p.steps = append(p.steps, storeSecret)
	}
	p.patch = difference(f.webhook, w)
	if want := f.webhook.WantsActive(); want != w.Active {
		p.patch.Active = &want
	}
	// Whose secret it has is not known.
	p.sendSecret = true
	p.steps = append(p.steps, adoptRemote, recordID, updateRemote)
	return p
}

// stillRefused says again what the platform said, of a spec whose change does not change the request.
func stillRefused(f facts) verdict {
	ready := apimeta.FindStatusCondition(f.webhook.Status.Conditions, v1alpha1.ReadyCondition)
	if ready == nil || ready.Reason != v1alpha1.RefusedReason {
		return nothing
	}
	return verdict{
		reason: ready.Reason, message: ready.Message, stalled: true, refused: f.webhook.Status.RefusedRequest,
	}
}

// decideSync compares the remote webhook with the spec: one update carries all that differs. What no update can change
// is left alone.
func decideSync(f facts) plan {
	if spec := f.webhook.Spec; f.misfit() {
		return plan{verdict: verdict{reason: v1alpha1.RefusedReason, stalled: true, message: fmt.Sprintf(
			"Remote webhook %s has the scope %s, the spec says %s, and the platform cannot change it; delete this "+
				"Webhook and make one for that scope", f.id, scopeOf(f.remote.Scope, f.remote.ScopeID),
			scopeOf(string(spec.Scope), spec.ScopeID))}}
	}
	if f.webhook.Status.WebhookID == "" && f.webhook.Spec.WebhookID != "" && f.secret.problem == nil {
		return takeOver(f, f.remote, causeAdoption)
	}
	p := plan{verdict: inSync, patch: difference(f.webhook, f.remote)}
	if p.cause, p.drift = describeDifference(f, p.patch); !f.known() {
		// An interrupted creation goes on where it stopped.
		p.cause = causeCreation
	}
	restore(f, &p)
	decideSecret(f, &p)
	decideActive(f, &p)
	reassure(f, &p)
	if p.patch.Empty() && !p.sendSecret {
		return p
	}
	if !f.reconcileRequested() && f.webhook.Status.RefusedRequest == fingerprintUpdate(f, p) {
		return plan{verdict: stillRefused(f)}
	}
	p.steps = append(p.steps, updateRemote)
	return p
}

// restore writes down again what was lost of the object's metadata.
func restore(f facts, p *plan) {
	if !f.finalized() {
		p.steps = append(p.steps, addFinalizer)
	}
	if f.webhook.Annotations[v1alpha1.WebhookIDAnnotation] != f.id {
		p.steps = append(p.steps, recordID)
	}
}

func scopeOf(scope, id string) string {
	if scope == platform.ScopeAccount {
		return scope
	}
	return scope + " " + id
}

func decideSecret(f facts, p *plan) {
	switch {
	case f.secret.problem != nil:
		p.verdict = halted(*f.secret.problem)
	case f.secret.missing || f.secret.rotate:
		p.steps = append(p.steps, storeSecret)
		p.sendSecret = true
	default:
		p.sendSecret = !f.secretSent()
	}
}

// reassure sends the secret again when the platform may have another one: with whatever else is sent, or alone unless
// the webhook is off, and signs nothing.
func reassure(f facts, p *plan) {
	if f.secret.doubtful && f.secret.problem == nil && (f.remote.Active || !p.patch.Empty()) {
		p.sendSecret = true
	}
	if p.sendSecret && p.cause == causeNone {
		p.cause = causeRotation
	}
}

package controllers

import (
	"fmt"
	"time"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/internal/fleet"
)

// decideSync compares the remote webhook with the spec: one update carries all that differs.
func decideSync(f facts) plan {
	p := plan{outcome: status.InSync, patch: f.difference(f.remote)}
	if p.cause, p.drift = describeDifference(f, p.patch); !f.described() {
		// An interrupted creation goes on where it stopped.
		p.cause = causeCreation
	}
	p.steps = restore(f)
	decideActive(f, &p)
	decideSecret(f, &p)
	if p.patch.Empty() && !p.sendSecret {
		return p
	}
	if v, contested := contestedOutcome(f, p); contested {
		p.outcome, p.steps = v, unsent(p.steps)
		return p
	}
	if request := fingerprintUpdate(f, p); f.held(request) > 0 {
		return decideRefused(f, p, request)
	}
	p.steps = append(p.steps, updateRemote)
	return p
}

// decideRefused sends of an update that the platform refused what the spec's callbackUrl and event types have nothing
// to do with: the active state and the secret.
func decideRefused(f facts, p plan, request string) plan {
	v, rest := f.stillRefused(request), p.withoutSpec()
	if f.holder.callbackForbidden {
		rest.patch.Active = nil
	}
	if !p.divisible() || f.held(fingerprintUpdate(f, rest)) > 0 {
		return plan{steps: unsent(p.steps), outcome: v}
	}
	rest.steps, rest.outcome = append(rest.steps, updateRemote), v
	return rest
}

// restore writes down again what was lost of the object's metadata, and the proof for an object of version 0.1.0.
func restore(f facts) (steps []step) {
	if !f.finalized() {
		steps = append(steps, addFinalizer)
	}
	if !f.identity.proven || f.identity.unlisted {
		steps = append(steps, recordID)
	}
	return steps
}

// unsent are the steps of an update that is held back: what was found is written down all the same. A deactivation that
// is not noted would be taken for what the operator left, and undone whatever the policy says.
func unsent(steps []step) []step {
	if kept := without(steps, storeSecret, ownSecret); len(kept) > 0 {
		return kept
	}
	return nil
}

// decideSecret makes the update carry the signing secret, and sends it when it is another one than the platform has, or
// may be. An imported webhook keeps the secret that it has until something else about it must be changed.
func decideSecret(f facts, p *plan) {
	if f.secret.problem != nil {
		withoutSecret(f, p)
		return
	}
	rotation := f.secret.rotate || f.rotationRequested()
	switch {
	case f.keepsImportedSecret() && !rotation && p.patch.Empty():
		return
	case f.secret.missing:
		p.steps, p.sendSecret = append(p.steps, storeSecret), true
	case f.secret.rotate && f.platformHasSecret():
		p.steps, p.sendSecret = append(p.steps, storeSecret), true
	case f.secret.ownership:
		p.steps = append(p.steps, ownSecret)
		fallthrough
	default:
		p.sendSecret = !f.platformHasSecret() || f.changedElsewhere() && f.remote.Active
	}
	switch {
	case !p.sendSecret || p.cause != causeNone:
	case f.platformHasSecret() && !f.secret.rotate:
		p.cause, p.drift = causeDrift, "its time of modification moved, so that its secret may have been replaced"
	default:
		p.cause = causeRotation
	}
	if f.secret.rotate && !f.platformHasSecret() {
		// The rotation follows once the platform has the value before it.
		p.outcome = status.Outcome{Silent: true, Retry: status.Again}
	}
}

// keepsImportedSecret reports whether the remote webhook was imported and neither it nor an edit since asks for the
// secret of the Webhook.
func (f *facts) keepsImportedSecret() bool {
	edited := f.pending() && (f.webhook.Status.AppliedGeneration == 0 || !f.webhook.GeneratesSecret())
	return f.untouchedImport() && !edited
}

// withoutSecret leaves of an update, whose secret cannot be read, no more than turning the webhook off.
func withoutSecret(f facts, p *plan) {
	off := p.patch.Active
	p.patch.CallbackURL, p.patch.EventTypes, p.patch.Active = "", nil, nil
	if off != nil && !*off {
		p.patch.Active, p.withoutSecret = off, true
	}
	p.outcome = status.OfProblem(*f.secret.problem)
	p.outcome.Retry = f.secret.retry
}

// platformHasSecret reports whether the platform has the value of the Secret, as far as this process, or the status,
// knows.
func (f *facts) platformHasSecret() bool {
	s := f.webhook.Status
	if f.secret.missing {
		return false
	}
	if f.secret.sent != "" {
		return f.secret.loaded && f.secret.sent == f.secret.fingerprint
	}
	if !f.described() {
		return false
	}
	if f.secret.loaded && s.SecretFingerprint != "" {
		return s.SecretFingerprint == f.secret.fingerprint
	}
	// The value was not read because nothing about the Secret has changed; or the status is one of version 0.1.0.
	return s.SecretName == f.secret.name && s.SecretVersion == f.secret.version
}

// contestedOutcome holds back a correction of what another client changed again soon after the last one, or while the
// platform may be moving all times of modification by itself.
func contestedOutcome(f facts, p plan) (status.Outcome, bool) {
	newSecret := p.sendSecret && !f.platformHasSecret()
	if p.cause != causeDrift || newSecret || f.reconcileRequested() {
		return status.Outcome{}, false
	}
	if f.restless == fleet.Suspect && p.patch.Empty() {
		return status.AwaitList, true
	}
	if !f.now.Before(f.contestedUntil) {
		return status.Outcome{}, false
	}
	return status.Outcome{
		Reason: v1alpha1.DriftedReason, Reconciling: true, Retry: f.contestedUntil.Sub(f.now),
		Message: fmt.Sprintf("Another client of the platform keeps changing remote webhook %s (%s); next correction at %s",
			f.id(), p.drift, f.contestedUntil.UTC().Format(time.RFC3339)),
	}, true
}

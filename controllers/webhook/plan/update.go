package plan

import (
	"fmt"
	"time"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/internal/fleet"
)

// decideSync compares the remote webhook with the spec: one update carries all that differs.
func decideSync(f Facts) Plan {
	p := Plan{Outcome: status.InSync, Patch: f.Difference(f.Remote)}
	if p.Cause, p.Drift = describeDifference(f, p.Patch); !f.Described() {
		// An interrupted creation goes on where it stopped.
		p.Cause = CauseCreation
	}
	p.Steps = restore(f)
	p = withSecret(f, withActive(f, p))
	if f.unreportedImport() && p.Outcome.Retry == 0 {
		p.Outcome.Retry = status.Again // the proof is written once the status is
	}
	if p.Patch.Empty() && !p.sendSecret {
		return p
	}
	if v, contested := contestedOutcome(f, p); contested {
		p.Outcome, p.Steps = v, unsent(p.Steps)
		return p
	}
	if request := UpdateFingerprint(f, p); f.RefusedFor(request) > 0 {
		return decideRefused(f, p, request)
	}
	p.Steps = append(p.Steps, UpdateRemote)
	return p
}

// decideRefused sends of an update that the platform refused what the spec's callbackUrl and event types have nothing
// to do with: the active state and the secret.
func decideRefused(f Facts, p Plan, request string) Plan {
	v, rest := f.stillRefused(request), p.withoutSpec()
	if f.Holder.CallbackForbidden {
		rest.Patch.Active = nil
	}
	if !p.Divisible() || f.RefusedFor(UpdateFingerprint(f, rest)) > 0 {
		return Plan{Steps: unsent(p.Steps), Outcome: v}
	}
	rest.Steps, rest.Outcome = append(rest.Steps, UpdateRemote), v
	return rest
}

// restore writes down again what was lost of the object's metadata, and the proof for an object of version 0.1.0.
func restore(f Facts) (steps []Step) {
	if !f.Finalized() {
		steps = append(steps, AddFinalizer)
	}
	if (!f.Identity.Proven || f.Identity.Unlisted) && !f.unreportedImport() {
		steps = append(steps, RecordID)
	}
	return steps
}

// unsent are the steps of an update that is held back: what was found is written down all the same. A deactivation that
// is not noted would be taken for what the operator left, and undone whatever the policy says.
func unsent(steps []Step) []Step {
	if kept := without(steps, StoreSecret, WriteSecretMetadata, NoteSecret); len(kept) > 0 {
		return kept
	}
	return nil
}

// withSecret makes the update carry the signing secret, and sends it when it is another one than the platform has, or
// may be. An imported webhook keeps the secret that it has until something else about it must be changed: the platform
// may make a new secret for an update without one.
func withSecret(f Facts, p Plan) Plan {
	if p.Patch.Empty() && f.keepsUnknownSecret() {
		return p.sayingSecretUnknown()
	}
	if f.Secret.Problem != nil {
		return withoutSecret(f, p)
	}
	switch {
	case f.Secret.Missing:
		p.Steps, p.sendSecret = append(p.Steps, StoreSecret), true
	case f.Secret.Rotate && f.PlatformHasSecret():
		p.Steps, p.sendSecret = append(p.Steps, StoreSecret), true
	case f.Secret.Metadata:
		p.Steps = append(p.Steps, WriteSecretMetadata)
		fallthrough
	default:
		p.sendSecret = !f.PlatformHasSecret() || f.changedElsewhere() && f.Remote.Active
	}
	if f.keepsUnknownSecret() {
		// The update carries it, and nothing else asks for it: if the platform refuses the update, it is not sent alone.
		p.sendSecret = false
	}
	if f.firstSecretOfImport(p) {
		p.Steps = append(p.Steps, NoteSecret)
	}
	switch {
	case !p.sendSecret || p.Cause != CauseNone:
	case f.PlatformHasSecret() && !f.Secret.Rotate:
		p.Cause, p.Drift = CauseDrift, "its time of modification moved, so that its secret may have been replaced"
	default:
		p.Cause = CauseRotation
	}
	if f.Secret.Rotate && !f.PlatformHasSecret() {
		// The rotation follows once the platform has the value before it.
		p.Outcome = status.RequeueAfter(status.Again, "the rotation follows once the platform has the value before it")
	}
	return p
}

// firstSecretOfImport reports whether an update carries a secret to an import, which the status does not tell yet.
func (f *Facts) firstSecretOfImport(p Plan) bool {
	noted := f.Webhook.Status.SecretName != ""
	return f.imported() && f.UntouchedImport() && !noted && (p.sendSecret || !p.Patch.Empty())
}

// withoutSecret leaves of an update, whose secret cannot be read, no more than turning the webhook off.
func withoutSecret(f Facts, p Plan) Plan {
	off := p.Patch.Active
	p.Patch.CallbackURL, p.Patch.EventTypes, p.Patch.Active = "", nil, nil
	if off != nil && !*off {
		p.Patch.Active, p.WithoutSecret = off, true
	}
	p.Outcome = status.OfProblem(*f.Secret.Problem).After(f.Secret.Retry)
	return p
}

// PlatformHasSecret reports whether the platform has the value of the Secret, as far as this process, or the status,
// knows.
func (f *Facts) PlatformHasSecret() bool {
	s := f.Webhook.Status
	if f.Secret.Missing {
		return false
	}
	if f.Secret.Sent != "" {
		return f.Secret.Loaded && f.Secret.Sent == f.Secret.Fingerprint
	}
	if !f.Described() {
		return false
	}
	if f.Secret.Loaded && s.SecretFingerprint != "" {
		return s.SecretFingerprint == f.Secret.Fingerprint
	}
	// The value was not read because nothing about the Secret has changed; or the status is one of version 0.1.0.
	return s.SecretName == f.Secret.Name && s.SecretVersion == f.Secret.Version
}

// contestedOutcome holds back a correction of what another client changed again soon after the last one, or while the
// platform may be moving all times of modification by itself.
func contestedOutcome(f Facts, p Plan) (status.Outcome, bool) {
	newSecret := p.sendSecret && !f.PlatformHasSecret()
	if p.Cause != CauseDrift || newSecret || f.ReconcileRequested() {
		return status.Outcome{}, false
	}
	if f.Restless == fleet.Suspect && p.Patch.Empty() {
		return status.WaitForNextList("the platform may be moving all times of modification by itself"), true
	}
	if !f.Now.Before(f.ContestedUntil) {
		return status.Outcome{}, false
	}
	return status.Waiting(itwinv1alpha1.DriftedReason, fmt.Sprintf(
		"Another client of the platform keeps changing remote webhook %s (%s); next correction at %s",
		f.ID(), p.Drift, f.ContestedUntil.UTC().Format(time.RFC3339))).After(f.ContestedUntil.Sub(f.Now)), true
}

package plan

import (
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

// decideLost replaces a remote webhook that was deleted on the platform. The old id is given up first, and listed: it
// may be one that the credentials could not see for a while.
func decideLost(f Facts) Plan {
	p := replace(f)
	if p.Cause == CauseCreation && p.Target == "" {
		p.Cause, p.Drift = CauseDrift, "it was deleted on the platform; created another"
	}
	return p
}

// replace gives up the remote webhook that the object owns, and takes or creates another one.
func replace(f Facts) Plan {
	former, full := f.giveUp()
	if full != nil {
		return *full
	}
	p := decideNew(f)
	if len(p.Steps) == 0 {
		return p
	}
	p.Steps, p.Former = append([]Step{GiveUpID}, without(p.Steps, AddFinalizer)...), former
	return p
}

// decideNew handles an object that owns no remote webhook and asks for none.
func decideNew(f Facts) Plan {
	mine := f.markedHere()
	switch {
	case f.Secret.Problem != nil:
		v := status.OfProblem(*f.Secret.Problem)
		v.Retry = f.Secret.Retry
		return Plan{Outcome: v}
	case mine != nil:
		return takeOver(f, *mine, CauseCreation)
	case f.formerHere() != nil && f.Attempt.WarmUp > 0:
		return Plan{Outcome: status.RequeueAfter(f.Attempt.WarmUp, warmingUp)}
	case f.formerHere() != nil:
		return takeOver(f, *f.formerHere(), CauseAdoption)
	case !f.Attempt.NoneInFlight && !f.Attempt.Settled:
		return Plan{Outcome: status.WaitForList(f.Attempt.SettledAfter,
			"an interrupted create may still take effect")}
	case f.Adoptable != nil && f.Attempt.WarmUp > 0:
		return Plan{Outcome: status.RequeueAfter(f.Attempt.WarmUp, warmingUp)}
	case f.Adoptable != nil:
		return takeOver(f, *f.Adoptable, CauseAdoption)
	case f.RefusedFor(CreateFingerprint(f)) > 0:
		return Plan{Outcome: f.stillRefused(CreateFingerprint(f))}
	case !f.AdoptionWaitSince.IsZero():
		return Plan{Outcome: status.WaitForList(f.AdoptionWaitSince,
			"a remote webhook to adopt may not have been listed yet")}
	}
	return creation(f)
}

// markedHere is the oldest webhook in the connection's account that a create of this object made.
func (f *Facts) markedHere() *platform.Webhook {
	for i := range f.Marked {
		if m := &f.Marked[i]; m.Account == f.Connection.Account {
			return &m.Webhook
		}
	}
	return nil
}

// formerHere is a webhook of the connection's account that this object once gave up, and that is still there: moving
// back takes it back.
func (f *Facts) formerHere() *platform.Webhook {
	for i := range f.Former {
		former := &f.Former[i]
		here := former.Account == f.Connection.Account && former.Presence == fleet.Present
		if here && !former.Taken && InScope(former.Webhook, f.Webhook) {
			return &former.Webhook
		}
	}
	return nil
}

// creation is the protocol: finalizer first; the secret stored before the platform is told; the id and its proof
// written down before anything else; then one update that replaces the marked callback, sends the secret and activates.
func creation(f Facts) Plan {
	p := Plan{Cause: CauseCreation, Outcome: status.InSync}
	if !f.Finalized() {
		p.Steps = append(p.Steps, AddFinalizer)
	}
	p.Steps = append(p.Steps, secretSteps(f)...)
	p.Steps = append(p.Steps, CreateRemote, RecordID, UpdateRemote)
	p.Patch.CallbackURL, p.sendSecret = f.Webhook.Spec.CallbackURL, true
	switch {
	case f.staysOff():
		p.Outcome = staysOff
	case f.Webhook.WantsActive():
		p.Patch.Active = new(true)
	}
	return p
}

// secretSteps are the writes that a Secret needs before its value is sent.
func secretSteps(f Facts) (steps []Step) {
	if f.Secret.Missing || f.Secret.Rotate {
		return []Step{StoreSecret}
	}
	if f.Secret.Metadata {
		return []Step{WriteSecretMetadata}
	}
	return nil
}

// takeOver makes an existing webhook the object's own, and equal to the spec.
func takeOver(f Facts, w platform.Webhook, why Cause) Plan {
	p := Plan{Target: w.ID, Cause: why, Outcome: status.InSync}
	if !f.Finalized() {
		p.Steps = append(p.Steps, AddFinalizer)
	}
	p.Steps = append(p.Steps, secretSteps(f)...)
	p.Patch = f.Difference(w)
	switch want := f.Webhook.WantsActive(); {
	case want == w.Active:
	case f.staysOff():
		p.Outcome = staysOff
	default:
		p.Patch.Active = &want
	}
	// Which secret it has is not known.
	p.sendSecret = true
	p.Steps = append(p.Steps, AdoptRemote, RecordID, UpdateRemote)
	return p
}

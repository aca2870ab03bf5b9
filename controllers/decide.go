package controllers

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	apimeta "k8s.io/apimachinery/pkg/api/meta"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

// decide says what to do about a Webhook. It is pure.
func decide(f facts) plan {
	if !f.webhook.DeletionTimestamp.IsZero() {
		return decideDeletion(f)
	}
	p := decideExisting(f)
	p = f.duringOutage(p)
	if f.secret.held != nil && p.outcome.Ready {
		// The platform has the spec, and a secret; the Secret waits.
		p.outcome = status.OfProblem(*f.secret.held)
		p.outcome.Applied, p.outcome.Retry = true, f.secret.retry
	}
	if told := f.duplicateDelivery(); told != "" && p.outcome.Ready {
		p.outcome.Message += "; " + told
	}
	if f.callbackForbidden() && (!slices.Contains(p.steps, updateRemote) || p.patch.CallbackURL == "") {
		// The spec, which names another host, is not sent now.
		p = turnOffForbidden(f)
	}
	former, revoked := f.revokedFormer()
	switch {
	case revoked && f.attempt.warmUp > 0 && p.outcome.Retry == 0:
		p.outcome.Retry = f.attempt.warmUp // the cache may not show yet that another Webhook owns it
	case revoked && f.attempt.warmUp == 0 && p.cause != causeProhibition:
		v := p.outcome
		if len(p.steps) > 0 {
			v = status.Unchanged
		}
		p = turnOffFormer(former, v)
	}
	return p
}

// duringOutage says why a change waits for a list that the platform does not give. What has nothing to send is not
// touched by an outage, which the connection itself reports once.
func (f *facts) duringOutage(p plan) plan {
	v := p.outcome
	if f.connection.failure == nil || !v.Silent || !v.Await && v.Since.IsZero() {
		return p
	}
	if !f.pending() {
		if p.waiting = f.behindRefresh(); len(p.waiting) == 0 {
			return p
		}
	}
	told, ok := status.FromPlatform(f.connection.failure)
	if !ok || f.alreadySays(told.Reason) || f.alreadySays(v1alpha1.PlatformUnavailableReason) {
		return p
	}
	p.outcome = told
	p.outcome.Silent, p.outcome.Await, p.outcome.Since, p.outcome.Retry = false, v.Await, v.Since, v.Retry
	return p
}

// behindRefresh are the steps that would change something remote now, if reconcile-requested-at did not wait for a list
// first: another value of the Secret, or another request.
func (f *facts) behindRefresh() []step {
	if f.refreshSince.IsZero() || !f.connection.synced || f.connection.problem != nil || f.webhook.Spec.Suspend {
		return nil
	}
	return slices.DeleteFunc(decideConnected(*f).steps, func(s step) bool { return !s.remote() || s == confirmRemote })
}

// decideExisting handles an object that is not being deleted.
func decideExisting(f facts) plan {
	switch {
	case f.holder.reach == forbidden && f.activeAndOwned():
		return turnOffForbidden(f)
	case f.webhook.Spec.Suspend:
		return plan{outcome: status.Unchanged}
	case f.connection.forbidden:
		return plan{outcome: status.OfProblem(*f.connection.problem)}
	case f.connection.problem != nil:
		return decideUnconnected(f)
	case !f.connection.synced:
		return plan{outcome: status.AwaitList}
	case !f.refreshSince.IsZero():
		return plan{outcome: status.AwaitListSince(f.refreshSince)}
	}
	return decideConnected(f)
}

// decideConnected handles an object whose account has been listed.
func decideConnected(f facts) plan {
	id := f.id()
	switch {
	case platform.MarkOf(f.webhook.Spec.CallbackURL) != "":
		// An object stored before the API server refused this: sent to the platform, it would pose as another's create.
		return plan{outcome: status.Outcome{
			Reason: v1alpha1.RefusedReason, Stalled: true,
			Message: "spec.callbackUrl has the query parameter " + platform.OwnerParameter +
				", with which the operator marks what it creates; remove it",
		}}
	case f.conflictingOwner != "" && (id != "" || f.connection.adoption):
		// A request that the connection does not allow is not told whether the id is another's.
		return plan{outcome: alreadyClaimed("The remote webhook %s already belongs to %s; delete one of the two. "+
			"Deleting its owner deletes the remote webhook, too, unless the owner's deletionPolicy is Retain",
			cmp.Or(id, f.identity.requested), f.describeConflictingOwner())}
	case id != "" && f.webhook.Spec.WebhookID != "" && !platform.SameID(id, f.webhook.Spec.WebhookID):
		return plan{outcome: alreadyClaimed("This Webhook already has the remote webhook %s; import %s with another Webhook",
			id, f.webhook.Spec.WebhookID)}
	case id != "" && f.holder.moving:
		return decideMove(f)
	case id != "":
		return decideOwned(f)
	case f.identity.requested != "":
		return decideImport(f)
	}
	return decideNew(f)
}

func alreadyClaimed(message string, args ...any) status.Outcome {
	return status.Outcome{Reason: v1alpha1.AlreadyClaimedReason, Stalled: true, Message: fmt.Sprintf(message, args...)}
}

// describeConflictingOwner names the Webhook with the better claim, unless it is in another namespace: what that
// namespace holds is not for the users of this one.
func (f *facts) describeConflictingOwner() string {
	if strings.HasPrefix(f.conflictingOwner, f.webhook.Namespace+"/") {
		return "Webhook " + f.conflictingOwner
	}
	return "a Webhook in another namespace"
}

// activeAndOwned reports whether the platform delivers events for the remote webhook that the object owns.
func (f *facts) activeAndOwned() bool {
	return f.id() != "" && f.conflictingOwner == "" && f.presence == fleet.Present && f.remote.Active
}

// callbackForbidden reports whether the platform delivers the object's events to a host that the connection does not
// allow.
func (f *facts) callbackForbidden() bool { return f.holder.callbackForbidden && f.activeAndOwned() }

// turnOffForbidden turns off what no connection allows any more. It is not deleted: permission may come back.
func turnOffForbidden(f facts) plan {
	p := plan{
		steps: []step{updateRemote}, patch: platform.Patch{Active: new(false)}, withoutSecret: true, cause: causeProhibition,
		outcome: status.Outcome{Silent: true, Retry: status.Again},
	}
	if f.described() && f.webhook.DeletionTimestamp.IsZero() && !f.turningOff() {
		p.steps = []step{noteTurningOff, updateRemote}
	}
	if f.connection.problem != nil {
		p.outcome = status.OfProblem(*f.connection.problem)
	}
	return p
}

// decideUnconnected says so, unless that is no news: an object that has nothing to send is not touched by an outage or
// by trouble with the credentials, which the connection itself reports once.
func decideUnconnected(f facts) plan {
	settled := !f.pending() && apimeta.IsStatusConditionTrue(f.webhook.Status.Conditions, v1alpha1.ReadyCondition)
	if settled && !f.connection.absent() {
		return plan{outcome: status.AwaitList}
	}
	v := status.OfProblem(*f.connection.problem)
	v.Await = true
	return plan{outcome: v}
}

// decideOwned handles an object with a remote webhook in the connection's account.
func decideOwned(f facts) plan {
	switch f.presence {
	case fleet.Present:
		p := decideSync(f)
		if f.outdated() && len(p.steps) > 0 {
			return plan{steps: []step{confirmRemote}, outcome: status.AwaitList}
		}
		return tidyUp(f, p)
	case fleet.Gone:
		if f.webhook.Spec.WebhookID != "" {
			return plan{outcome: importNotFound(f.id())}
		}
		return decideLost(f)
	case fleet.Absent:
		// The next regular list confirms it: after a mass deletion, lists before their time would use up the rate limit.
		return plan{outcome: status.AwaitList}
	default:
		return plan{steps: []step{confirmRemote}, outcome: status.AwaitList}
	}
}

func importNotFound(id string) status.Outcome {
	return status.Outcome{Reason: v1alpha1.NotFoundReason, Stalled: true, Message: fmt.Sprintf(
		"The platform has no webhook %s to import; delete this Webhook and import the right one with another", id)}
}

// decideLost replaces a remote webhook that was deleted on the platform. The old id is given up first, and listed: it
// may be one that the credentials could not see for a while.
func decideLost(f facts) plan {
	former, full := f.giveUp()
	if full != nil {
		return *full
	}
	p := decideNew(f)
	if len(p.steps) == 0 {
		return p
	}
	p.steps, p.former = append([]step{giveUpID}, without(p.steps, addFinalizer)...), former
	if p.cause == causeCreation && p.target == "" {
		p.cause, p.drift = causeDrift, "it was deleted on the platform; created another"
	}
	return p
}

// decideNew handles an object that owns no remote webhook and asks for none.
func decideNew(f facts) plan {
	mine := f.markedHere()
	switch {
	case f.secret.problem != nil:
		v := status.OfProblem(*f.secret.problem)
		v.Retry = f.secret.retry
		return plan{outcome: v}
	case mine != nil:
		return takeOver(f, *mine, causeCreation)
	case f.formerHere() != nil && f.attempt.warmUp > 0:
		return plan{outcome: status.Outcome{Silent: true, Retry: f.attempt.warmUp}}
	case f.formerHere() != nil:
		return takeOver(f, *f.formerHere(), causeAdoption)
	case !f.attempt.noneInFlight && !f.attempt.settled:
		return plan{outcome: status.AwaitListSince(f.attempt.settledAfter)}
	case f.adoptable != nil && f.attempt.warmUp > 0:
		return plan{outcome: status.Outcome{Silent: true, Retry: f.attempt.warmUp}}
	case f.adoptable != nil:
		return takeOver(f, *f.adoptable, causeAdoption)
	case f.held(fingerprintCreate(f)) > 0:
		return plan{outcome: f.stillRefused(fingerprintCreate(f))}
	case !f.adoptionWaitSince.IsZero():
		return plan{outcome: status.AwaitListSince(f.adoptionWaitSince)}
	}
	return creation(f)
}

// markedHere is the oldest webhook in the connection's account that a create of this object made.
func (f *facts) markedHere() *platform.Webhook {
	for i := range f.marked {
		if m := &f.marked[i]; m.account == f.connection.account {
			return &m.webhook
		}
	}
	return nil
}

// formerHere is a webhook of the connection's account that this object once gave up, and that is still there: moving
// back takes it back.
func (f *facts) formerHere() *platform.Webhook {
	for i := range f.former {
		former := &f.former[i]
		here := former.Account == f.connection.account && former.presence == fleet.Present
		if here && !former.taken && inScope(former.webhook, f.webhook) {
			return &former.webhook
		}
	}
	return nil
}

// creation is the protocol: finalizer first; the secret stored before the platform is told; the id and its proof
// written down before anything else; then one update that replaces the marked callback, sends the secret and activates.
func creation(f facts) plan {
	p := plan{cause: causeCreation, outcome: status.InSync}
	if !f.finalized() {
		p.steps = append(p.steps, addFinalizer)
	}
	p.steps = append(p.steps, secretSteps(f)...)
	p.steps = append(p.steps, createRemote, recordID, updateRemote)
	p.patch.CallbackURL, p.sendSecret = f.webhook.Spec.CallbackURL, true
	switch {
	case f.staysOff():
		p.outcome = staysOff
	case f.webhook.WantsActive():
		p.patch.Active = new(true)
	}
	return p
}

// secretSteps are the writes that a Secret needs before its value is sent.
func secretSteps(f facts) (steps []step) {
	if f.secret.missing || f.secret.rotate {
		return []step{storeSecret}
	}
	if f.secret.ownership {
		return []step{ownSecret}
	}
	return nil
}

// takeOver makes an existing webhook the object's own, and equal to the spec.
func takeOver(f facts, w platform.Webhook, why cause) plan {
	p := plan{target: w.ID, cause: why, outcome: status.InSync}
	if !f.finalized() {
		p.steps = append(p.steps, addFinalizer)
	}
	p.steps = append(p.steps, secretSteps(f)...)
	p.patch = f.difference(w)
	switch want := f.webhook.WantsActive(); {
	case want == w.Active:
	case f.staysOff():
		p.outcome = staysOff
	default:
		p.patch.Active = &want
	}
	// Which secret it has is not known.
	p.sendSecret = true
	p.steps = append(p.steps, adoptRemote, recordID, updateRemote)
	return p
}

// decideImport takes over the remote webhook that the object asks for, as it is if it differs in nothing.
func decideImport(f facts) plan {
	id, declared := f.identity.requested, f.webhook.Spec.WebhookID != ""
	switch {
	case !f.connection.adoption:
		return plan{outcome: status.Outcome{Reason: v1alpha1.ConnectionNotAllowedReason, Stalled: true, Message: fmt.Sprintf(
			"The connection lets no Webhook take over an existing remote webhook, such as %s: set its spec.allowAdoption "+
				"to Matching, or %s", id, importRemedy(declared))}}
	case f.presence == fleet.Missing || f.presence == fleet.Unseen:
		return plan{steps: []step{confirmRemote}, outcome: status.AwaitList}
	case f.presence == fleet.Absent:
		return plan{outcome: status.AwaitListSince(f.now)}
	case f.presence == fleet.Gone && declared:
		return plan{outcome: importNotFound(id)}
	case f.presence == fleet.Gone:
		return decideNew(f)
	case f.scopeMismatch():
		return plan{outcome: scopeRefused(f)}
	case f.remote.Mark != "" && f.remote.Mark != markOf(f.webhook):
		return plan{outcome: alreadyClaimed("The remote webhook %s is being created by another Webhook, or "+
			"was left behind by one that is gone: then delete it on the platform", id)}
	case f.attempt.warmUp > 0:
		return plan{outcome: status.Outcome{Silent: true, Retry: f.attempt.warmUp}}
	case f.secret.problem != nil:
		v := status.OfProblem(*f.secret.problem)
		v.Retry = f.secret.retry
		return plan{outcome: v}
	}
	p := takeOver(f, f.remote, causeAdoption)
	if p.patch.Empty() {
		p.sendSecret = false
		p.steps = without(p.steps, updateRemote, storeSecret)
	}
	return p
}

func importRemedy(declared bool) string {
	if declared {
		return "delete this Webhook"
	}
	return "remove the annotation " + v1alpha1.WebhookIDAnnotation + " to have another one created"
}

func scopeRefused(f facts) status.Outcome {
	spec := f.webhook.Spec
	return status.Outcome{Reason: v1alpha1.RefusedReason, Stalled: true, Message: fmt.Sprintf(
		"Remote webhook %s has the scope %s, the spec says %s, and the platform cannot change it; delete this "+
			"Webhook and make one for that scope", f.remote.ID, scopeOf(f.remote.Scope, f.remote.ScopeID),
		scopeOf(string(spec.Scope), spec.ScopeID))}
}

func scopeOf(scope, id string) string {
	if scope == platform.ScopeAccount {
		return scope
	}
	return scope + " " + id
}

// without returns the steps without some.
func without(steps []step, dropped ...step) []step {
	return slices.DeleteFunc(steps, func(s step) bool { return slices.Contains(dropped, s) })
}

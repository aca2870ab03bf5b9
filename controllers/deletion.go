package controllers

import (
	"fmt"
	"slices"
	"strings"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/proof"
)

// decideDeletion lets an object go once nothing remote is left of it.
func decideDeletion(f facts) plan {
	switch {
	case !f.finalized():
		return plan{outcome: status.Unchanged}
	case (f.holder.reach == forbidden || f.callbackForbidden()) && f.id() != "" && f.conflictingOwner == "":
		return decideForbiddenDeletion(f)
	case f.retains() && f.forbiddenUnread():
		return plan{outcome: turningOffWaits(f.id(), "its connection has not logged in")}
	case f.retains():
		return letGo(f)
	case f.id() != "" && f.conflictingOwner == "":
		return decideOwnedDeletion(f)
	}
	return decideRestDeletion(f)
}

// retainsRemote reports whether deletionPolicy says so.
func (f *facts) retainsRemote() bool { return f.webhook.Spec.DeletionPolicy == v1alpha1.RetainRemote }

// forbiddenUnread reports whether the connection no longer allows the remote webhook, and has not been connected since
// the operator started: whether it still delivers is not known.
func (f *facts) forbiddenUnread() bool {
	return f.connection.forbidden && f.connection.account == "" && f.holder.reach.none() &&
		f.id() != "" && f.conflictingOwner == ""
}

// retains reports whether the remote webhook is to be left as it is.
func (f *facts) retains() bool {
	return f.retainsRemote() || f.webhook.Spec.Suspend
}

// letGo ends the deletion of an object that leaves its remote webhooks as they are, except that what no connection
// allows any more is turned off first.
func letGo(f facts) plan {
	former, revoked := f.revokedFormer()
	switch {
	case revoked && f.attempt.warmUp > 0:
		return plan{outcome: status.Outcome{Silent: true, Retry: f.attempt.warmUp}}
	case revoked:
		return turnOffFormer(former, status.Unchanged)
	}
	for _, former := range f.former {
		if former.revoked(&f) && f.undecided(former) {
			v := turningOffWaits(former.ID, f.blocked(former))
			v.Retry = f.held(former.removal().request())
			return plan{other: former.removal(), outcome: v}
		}
	}
	if p, unconfirmed := f.confirmFormer(forbidden); unconfirmed {
		return p
	}
	if f.attempt.warmUp > 0 && f.outOfReach() {
		return plan{outcome: status.Outcome{Silent: true, Retry: f.attempt.warmUp}}
	}
	if f.secret.release {
		return plan{steps: []step{releaseSecret, removeFinalizer}, outcome: status.Unchanged}
	}
	return plan{steps: []step{removeFinalizer}, outcome: status.Unchanged}
}

// left are the remote webhooks that the object owns or gave up and that are there, as far as is known, when it is let
// go.
func (f *facts) left() (remotes []proof.Remote) {
	if f.id() != "" && f.conflictingOwner == "" && f.presence != fleet.Gone {
		remotes = append(remotes, f.identity.owned)
	}
	for _, former := range f.former {
		if !former.taken && former.presence != fleet.Gone {
			remotes = append(remotes, former.Remote)
		}
	}
	return remotes
}

// outOfReach reports whether the account of a remote webhook that the object owns or gave up is not reached. Soon after
// the start of the process its connection may only not have been read yet: it may be one that no longer allows the
// object.
func (f *facts) outOfReach() bool {
	return f.id() != "" && f.conflictingOwner == "" && f.holder.reach.none() || len(f.unreachableFormers()) > 0
}

// undecided reports whether it is not known that a former remote webhook needs nothing: that it is gone, off, or of
// another Webhook. The account does not answer, was not listed yet, or refused what was tried.
func (f *facts) undecided(former formerFacts) bool {
	off := former.synced && former.presence == fleet.Present && !former.webhook.Active
	waits := !former.synced || former.failure != nil || f.held(former.removal().request()) > 0
	return !former.taken && former.presence != fleet.Gone && !off && waits
}

// blocked says why nothing can be done about a former remote webhook whose account a connection reaches.
func (f *facts) blocked(former formerFacts) string {
	switch {
	case former.failure != nil:
		return status.Cause(former.failure)
	case f.held(former.removal().request()) > 0:
		return f.refusals[former.removal().request()].outcome.Message
	}
	return fmt.Sprintf("the webhooks of the account %s have not been listed yet", former.Account)
}

// turningOffWaits says why what no connection allows any more has not been turned off. Retain would not help.
func turningOffWaits(id, why string) status.Outcome {
	return status.Outcome{Reason: v1alpha1.DeletingReason, Await: true, Message: fmt.Sprintf(
		"Remote webhook %s is no longer allowed and could not be turned off yet: %s", id, why)}
}

// decideForbiddenDeletion turns off what no connection allows any more before it is let go, whatever the policy says,
// or deletes it.
func decideForbiddenDeletion(f facts) plan {
	if !f.retains() {
		return decideOwnedDeletion(f)
	}
	switch {
	case f.presence == fleet.Gone, f.presence == fleet.Present && !f.remote.Active:
		return letGo(f)
	case f.holder.failure != nil:
		return plan{outcome: turningOffWaits(f.id(), status.Cause(f.holder.failure))}
	case !f.holder.synced:
		return plan{outcome: status.AwaitList}
	case f.presence == fleet.Present:
		p := turnOffForbidden(f)
		p.outcome = status.Outcome{Silent: true, Retry: status.Again}
		if rest := letGo(f).steps; slices.Contains(rest, removeFinalizer) {
			p.steps, p.outcome = append(p.steps, rest...), status.Unchanged
		}
		return p
	}
	return confirmGone(f)
}

// saysDeleting reports whether the status gives a reason why the remote webhook is not deleted yet.
func (f *facts) saysDeleting() bool {
	ready := status.ReadyOf(f.webhook)
	return ready != nil && ready.Reason == v1alpha1.DeletingReason && f.webhook.Status.ObservedGeneration == f.generation
}

// deletionBlocked says why nothing can be sent to the account that owns the remote webhook.
func (f *facts) deletionBlocked() status.Outcome {
	var v status.Outcome
	switch {
	case f.holder.failure != nil && f.saysDeleting():
		// The words of the first failure are better than those of whatever else fails in the same outage.
		return status.AwaitList
	case f.holder.failure != nil:
		v = deletionWaits(status.Cause(f.holder.failure))
	case f.holder.reach.none() && f.connection.problem != nil:
		v = deletionWaits(f.connection.problem.Message)
	case f.holder.reach.none() && f.connection.account == "":
		// Its connection has not been read yet, and enqueues the object when it has.
		return status.Unchanged
	case f.holder.reach == notConnected:
		v = deletionWaits("the connection to the account of remote webhook " + f.id() + " has not logged in")
	case f.holder.reach == unreachable:
		v = deletionWaits(fmt.Sprintf("no connection reaches the account %s of remote webhook %s",
			f.identity.owned.Account, f.id()))
	default:
		return status.AwaitList
	}
	v.Await = true
	return v
}

// confirmGone finds out whether a webhook that the lists lack exists.
func confirmGone(f facts) plan {
	if f.presence == fleet.Absent {
		return plan{outcome: status.AwaitListSince(f.now)}
	}
	return plan{steps: []step{confirmRemote}, outcome: status.AwaitList}
}

// decideOwnedDeletion deletes the remote webhook that the object owns.
func decideOwnedDeletion(f facts) plan {
	switch {
	case f.presence == fleet.Gone:
		return decideRestDeletion(f)
	case f.holder.reach.none(), f.holder.failure != nil, !f.holder.synced:
		return plan{outcome: f.deletionBlocked()}
	case f.presence == fleet.Present:
		p := decideRestDeletion(f)
		if len(p.steps) == 1 && p.steps[0] == removeFinalizer {
			return plan{steps: []step{deleteRemote, removeFinalizer}, outcome: status.Unchanged}
		}
		return plan{steps: []step{deleteRemote}, outcome: status.Outcome{Silent: true, Retry: status.Again}}
	}
	return confirmGone(f)
}

// decideRestDeletion removes what else the object made: what interrupted creates left behind, and what it gave up.
func decideRestDeletion(f facts) plan {
	if wait := f.attempt.warmUp; wait > 0 && (len(f.marked) > 0 || len(f.former) > 0) {
		return plan{outcome: status.Outcome{Silent: true, Retry: wait}}
	}
	if other, found := f.duplicate(); found {
		return plan{steps: []step{removeOther}, other: other, outcome: status.Outcome{Silent: true, Retry: status.Again}}
	}
	if former, found := f.revokedFormer(); found {
		return turnOffFormer(former, status.Unchanged)
	}
	if other, drop, found := f.nextFormer(); found && !drop {
		return plan{
			steps: []step{removeOther, dropFormer}, other: other, former: f.formerRemotes(other.Remote),
			outcome: status.Outcome{Silent: true, Retry: status.Again},
		}
	}
	if p, waits := f.awaitFormer(); waits {
		return p
	}
	if left := f.unreachableFormers(); len(left) > 0 {
		v := deletionWaits(fmt.Sprintf("no connection reaches the account %s of remote webhook %s, which it once used",
			left[0].Account, left[0].ID))
		v.Await = true
		return plan{outcome: v}
	}
	switch open := f.id() == "" && !f.attempt.noneInFlight && !f.attempt.settled; {
	case open && f.refusedUnreached() && f.attempt.warmUp > 0:
		return plan{outcome: status.Outcome{Silent: true, Retry: f.attempt.warmUp}}
	case open && !f.refusedUnreached():
		return awaitAttempt(f)
	}
	return plan{steps: []step{removeFinalizer}, outcome: status.Unchanged}
}

// refusedUnreached reports whether the last create was refused, as the status tells, and the platform cannot be asked
// whether another one was sent since: at worst that left an inactive webhook.
func (f *facts) refusedUnreached() bool {
	return f.webhook.Status.RefusedRequest != "" && f.connection.account == ""
}

// awaitFormer waits until it is known of every former remote webhook that can be reached whether it exists: the object
// is the last that knows of it.
func (f *facts) awaitFormer() (plan, bool) {
	if p, unconfirmed := f.confirmFormer(reachable, forbidden); unconfirmed {
		return p, true
	}
	for _, former := range f.former {
		remains := former.reach == reachable && former.presence == fleet.Present && !former.taken
		if remains || former.reach != unreachable && f.undecided(former) {
			v := deletionWaits(f.blocked(former))
			v.Await, v.Retry = true, f.held(former.removal().request())
			return plan{other: former.removal(), outcome: v}, true
		}
	}
	return plan{}, false
}

// awaitAttempt waits for a list that shows whether a create left something behind.
func awaitAttempt(f facts) plan {
	c := f.connection
	switch {
	case c.synced && c.failure == nil:
		return plan{outcome: status.AwaitListSince(f.attempt.settledAfter)}
	case c.failure != nil:
		v := deletionWaits(status.Cause(c.failure))
		v.Await = true
		return plan{outcome: v}
	case c.problem != nil:
		v := deletionWaits(c.problem.Message)
		v.Await = true
		return plan{outcome: v}
	}
	return plan{outcome: status.AwaitList}
}

// deletionWaits says why the remote delete has not succeeded, and how to let go.
func deletionWaits(why string) status.Outcome {
	return status.Outcome{Reason: v1alpha1.DeletingReason, Message: fmt.Sprintf(
		"The remote webhook could not be deleted yet: %s. To finish deletion and keep the remote webhook, set "+
			"spec.deletionPolicy to Retain", strings.TrimSuffix(why, "."))}
}

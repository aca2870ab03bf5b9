package plan

import (
	"fmt"
	"slices"
	"strings"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/proof"
)

// decideDeletion lets an object go once nothing remote is left of it.
func decideDeletion(f Facts) Plan {
	switch {
	case !f.Finalized():
		return Plan{Outcome: status.Unchanged("the finalizer is gone: nothing remote is left")}
	case (f.Holder.Reach == Forbidden || f.callbackForbidden()) && f.ID() != "" && f.ConflictingOwner == "":
		return decideForbiddenDeletion(f)
	case f.Retains() && f.forbiddenUnread():
		return Plan{Outcome: turningOffWaits(f.ID(), "its connection has not logged in")}
	case f.Retains():
		return letGo(f)
	case f.ID() != "" && f.ConflictingOwner == "":
		return decideOwnedDeletion(f)
	}
	return decideRestDeletion(f)
}

// retainsRemote reports whether deletionPolicy says so.
func (f *Facts) retainsRemote() bool {
	return f.Webhook.Spec.DeletionPolicy == itwinv1alpha1.RetainRemote
}

// forbiddenUnread reports whether the connection no longer allows the remote webhook, and has not been connected since
// the operator started: whether it still delivers is not known.
func (f *Facts) forbiddenUnread() bool {
	return f.Connection.Forbidden && f.Connection.Account == "" && f.Holder.Reach.none() &&
		f.ID() != "" && f.ConflictingOwner == ""
}

// Retains reports whether the remote webhook is to be left as it is.
func (f *Facts) Retains() bool {
	return f.retainsRemote() || f.Webhook.Spec.Suspend
}

// letGo ends the deletion of an object that leaves its remote webhooks as they are, except that what no connection
// allows any more is turned off first.
func letGo(f Facts) Plan {
	former, revoked := f.revokedFormer()
	switch {
	case revoked && f.Attempt.WarmUp > 0:
		return Plan{Outcome: status.RequeueAfter(f.Attempt.WarmUp, warmingUp)}
	case revoked:
		return turnOffFormer(former, status.Unchanged("a former remote webhook is turned off first"))
	}
	for _, former := range f.Former {
		if former.revoked(&f) && f.undecided(former) {
			v := turningOffWaits(former.ID, f.blocked(former))
			v.Retry = f.RefusedFor(former.removal().Request())
			return Plan{Other: former.removal(), Outcome: v}
		}
	}
	if p, unconfirmed := f.confirmFormer(Forbidden); unconfirmed {
		return p
	}
	if f.Attempt.WarmUp > 0 && f.outOfReach() {
		return Plan{Outcome: status.RequeueAfter(f.Attempt.WarmUp, warmingUp)}
	}
	if f.Secret.Release {
		return Plan{Steps: []Step{ReleaseSecret, RemoveFinalizer}, Outcome: status.Unchanged(letGoWhy)}
	}
	return Plan{Steps: []Step{RemoveFinalizer}, Outcome: status.Unchanged(letGoWhy)}
}

// Left are the remote webhooks that the object owns or gave up and that are there, as far as is known, when it is let
// go.
func (f *Facts) Left() (remotes []proof.Remote) {
	if f.ID() != "" && f.ConflictingOwner == "" && f.Presence != fleet.Gone {
		remotes = append(remotes, f.Identity.Owned)
	}
	for _, former := range f.Former {
		if !former.Taken && former.Presence != fleet.Gone {
			remotes = append(remotes, former.Remote)
		}
	}
	return remotes
}

// outOfReach reports whether the account of a remote webhook that the object owns or gave up is not reached. Soon after
// the start of the process its connection may only not have been read yet: it may be one that no longer allows the
// object.
func (f *Facts) outOfReach() bool {
	return f.ID() != "" && f.ConflictingOwner == "" && f.Holder.Reach.none() || len(f.UnreachableFormers()) > 0
}

// undecided reports whether it is not known that a former remote webhook needs nothing: that it is gone, off, or of
// another Webhook. The account does not answer, was not listed yet, or refused what was tried.
func (f *Facts) undecided(former FormerFacts) bool {
	off := former.Synced && former.Presence == fleet.Present && !former.Webhook.Active
	waits := !former.Synced || former.Failure != nil || f.RefusedFor(former.removal().Request()) > 0
	return !former.Taken && former.Presence != fleet.Gone && !off && waits
}

// blocked says why nothing can be done about a former remote webhook whose account a connection reaches.
func (f *Facts) blocked(former FormerFacts) string {
	switch {
	case former.Failure != nil:
		return status.Cause(former.Failure)
	case f.RefusedFor(former.removal().Request()) > 0:
		return f.Refusals[former.removal().Request()].Outcome.Message
	}
	return fmt.Sprintf("the webhooks of the account %s have not been listed yet", former.Account)
}

// turningOffWaits says why what no connection allows any more has not been turned off. Retain would not help.
func turningOffWaits(id, why string) status.Outcome {
	return status.Blocked(itwinv1alpha1.DeletingReason, fmt.Sprintf(
		"Remote webhook %s is no longer allowed and could not be turned off yet: %s", id, why)).OnList()
}

// decideForbiddenDeletion turns off what no connection allows any more before it is let go, whatever the policy says,
// or deletes it.
func decideForbiddenDeletion(f Facts) Plan {
	if !f.Retains() {
		return decideOwnedDeletion(f)
	}
	switch {
	case f.Presence == fleet.Gone, f.Presence == fleet.Present && !f.Remote.Active:
		return letGo(f)
	case f.Holder.Failure != nil:
		return Plan{Outcome: turningOffWaits(f.ID(), status.Cause(f.Holder.Failure))}
	case !f.Holder.Synced:
		return Plan{Outcome: status.WaitForNextList("the remote webhook's account has not been listed yet")}
	case f.Presence == fleet.Present:
		p := turnOffForbidden(f)
		p.Outcome = status.RequeueAfter(status.Again, "deciding again once what is forbidden is off")
		if rest := letGo(f).Steps; slices.Contains(rest, RemoveFinalizer) {
			p.Steps, p.Outcome = append(p.Steps, rest...), status.Unchanged(letGoWhy)
		}
		return p
	}
	return confirmGone(f)
}

// deletionBlocked says why nothing can be sent to the account that owns the remote webhook.
func (f *Facts) deletionBlocked() status.Outcome {
	var v status.Outcome
	switch {
	case f.Holder.Failure != nil && f.AlreadySays(itwinv1alpha1.DeletingReason):
		// The words of the first failure are better than those of whatever else fails in the same outage.
		return status.WaitForNextList("the status tells already why the deletion waits")
	case f.Holder.Failure != nil:
		v = DeletionWaits(status.Cause(f.Holder.Failure))
	case f.Holder.Reach.none() && f.Connection.Problem != nil:
		v = DeletionWaits(f.Connection.Problem.Message)
	case f.Holder.Reach.none() && f.Connection.Account == "":
		// Its connection has not been read yet, and enqueues the object when it has.
		return status.Unchanged("the connection has not been read yet, and enqueues the Webhook when it has")
	case f.Holder.Reach == NotConnected:
		v = DeletionWaits("the connection to the account of remote webhook " + f.ID() + " has not logged in")
	case f.Holder.Reach == Unreachable:
		v = DeletionWaits(fmt.Sprintf("no connection reaches the account %s of remote webhook %s",
			f.Identity.Owned.Account, f.ID()))
	default:
		return status.WaitForNextList("the remote webhook's account has not been listed yet")
	}
	v.Await = true
	return v
}

// confirmGone finds out whether a webhook that the lists lack exists.
func confirmGone(f Facts) Plan {
	if f.Presence == fleet.Absent {
		return Plan{Outcome: status.WaitForList(f.Now,
			"the remote webhook is not found; a list that begins now confirms that it is gone")}
	}
	return confirming("a list lacks the remote webhook; reading it")
}

// decideOwnedDeletion deletes the remote webhook that the object owns.
func decideOwnedDeletion(f Facts) Plan {
	switch {
	case f.Presence == fleet.Gone:
		return decideRestDeletion(f)
	case f.Holder.Reach.none(), f.Holder.Failure != nil, !f.Holder.Synced:
		return Plan{Outcome: f.deletionBlocked()}
	case f.Presence == fleet.Present:
		p := decideRestDeletion(f)
		if len(p.Steps) == 1 && p.Steps[0] == RemoveFinalizer {
			return Plan{Steps: []Step{DeleteRemote, RemoveFinalizer}, Outcome: status.Unchanged(letGoWhy)}
		}
		return Plan{
			Steps:   []Step{DeleteRemote},
			Outcome: status.RequeueAfter(status.Again, "deciding again once the remote webhook is deleted"),
		}
	}
	return confirmGone(f)
}

// decideRestDeletion removes what else the object made: what interrupted creates left behind, and what it gave up.
func decideRestDeletion(f Facts) Plan {
	if wait := f.Attempt.WarmUp; wait > 0 && (len(f.Marked) > 0 || len(f.Former) > 0) {
		return Plan{Outcome: status.RequeueAfter(wait, warmingUp)}
	}
	if other, found := f.leftover(); found {
		return Plan{Steps: []Step{RemoveOther}, Other: other, Outcome: status.RequeueAfter(status.Again, removingOther)}
	}
	if former, found := f.revokedFormer(); found {
		return turnOffFormer(former, status.Unchanged("a former remote webhook is turned off first"))
	}
	if other, drop, found := f.nextFormer(); found && !drop {
		return Plan{
			Steps: []Step{RemoveOther, DropFormer}, Other: other, Former: f.formerRemotes(other.Remote),
			Outcome: status.RequeueAfter(status.Again, removingOther),
		}
	}
	if p, waits := f.awaitFormer(); waits {
		return p
	}
	if left := f.UnreachableFormers(); len(left) > 0 {
		v := DeletionWaits(fmt.Sprintf("no connection reaches the account %s of remote webhook %s, which it once used",
			left[0].Account, left[0].ID))
		v.Await = true
		return Plan{Outcome: v}
	}
	switch open := f.ID() == "" && !f.Attempt.NoneInFlight && !f.Attempt.Settled; {
	case open && f.refusedUnreached() && f.Attempt.WarmUp > 0:
		return Plan{Outcome: status.RequeueAfter(f.Attempt.WarmUp, warmingUp)}
	case open && !f.refusedUnreached():
		return awaitAttempt(f)
	}
	return Plan{Steps: []Step{RemoveFinalizer}, Outcome: status.Unchanged(letGoWhy)}
}

// refusedUnreached reports whether the last create was refused, as the status tells, and the platform cannot be asked
// whether another one was sent since: at worst that left an inactive webhook.
func (f *Facts) refusedUnreached() bool {
	return f.Webhook.Status.RefusedRequest != "" && f.Connection.Account == ""
}

// awaitFormer waits until it is known of every former remote webhook that can be reached whether it exists: the object
// is the last that knows of it.
func (f *Facts) awaitFormer() (Plan, bool) {
	if p, unconfirmed := f.confirmFormer(Reachable, Forbidden); unconfirmed {
		return p, true
	}
	for _, former := range f.Former {
		remains := former.Reach == Reachable && former.Presence == fleet.Present && !former.Taken
		if remains || former.Reach != Unreachable && f.undecided(former) {
			v := DeletionWaits(f.blocked(former))
			v.Await, v.Retry = true, f.RefusedFor(former.removal().Request())
			return Plan{Other: former.removal(), Outcome: v}, true
		}
	}
	return Plan{}, false
}

// awaitAttempt waits for a list that shows whether a create left something behind.
func awaitAttempt(f Facts) Plan {
	c := f.Connection
	switch {
	case c.Synced && c.Failure == nil:
		return Plan{Outcome: status.WaitForList(f.Attempt.SettledAfter,
			"an interrupted create may still take effect")}
	case c.Failure != nil:
		v := DeletionWaits(status.Cause(c.Failure))
		v.Await = true
		return Plan{Outcome: v}
	case c.Problem != nil:
		v := DeletionWaits(c.Problem.Message)
		v.Await = true
		return Plan{Outcome: v}
	}
	return Plan{Outcome: status.WaitForNextList("the connection's account has not been listed yet")}
}

// letGoWhy is why nothing is written of an object that is let go.
const letGoWhy = "the Webhook is let go"

// DeletionWaits says why the remote delete has not succeeded, and how to let go.
func DeletionWaits(why string) status.Outcome {
	return status.Blocked(itwinv1alpha1.DeletingReason, fmt.Sprintf(
		"The remote webhook could not be deleted yet: %s. To finish deletion and keep the remote webhook, set "+
			"spec.deletionPolicy to Retain", strings.TrimSuffix(why, ".")))
}

package controllers

import (
	"fmt"
	"slices"
	"time"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/proof"
)

// maxFormer bounds how many remote webhooks an object may have given up that are not removed yet.
const maxFormer = 8

// decideMove creates the remote webhook in the account that spec.connectionRef reaches now. The one in the account
// before is listed as former, and goes once the new one matches the spec.
func decideMove(f facts) plan {
	if f.webhook.Spec.WebhookID != "" {
		return plan{outcome: alreadyClaimed("Remote webhook %s was imported from the account %s, and spec.connectionRef now "+
			"reaches another one; point it back, or delete this Webhook", f.id(), f.identity.owned.Account)}
	}
	former, full := f.giveUp()
	if full != nil {
		return *full
	}
	p := decideNew(f)
	if len(p.steps) == 0 {
		return p
	}
	p.steps, p.former = append([]step{giveUpID}, without(p.steps, addFinalizer)...), former
	return p
}

// giveUp returns the list of former remote webhooks with the present one added, or why that is not possible: too many
// wait for their removal. If the present one has been in use since, room is made by dropping those that the platform
// has long said do not exist, and with Retain those that no connection reaches. One that the lists lack, which is no
// more than a hint, is confirmed first.
func (f *facts) giveUp() ([]proof.Remote, *plan) {
	former := slices.Clone(f.formerRemotes(f.identity.owned))
	if len(former) >= maxFormer && f.described() && f.webhook.Status.AppliedGeneration > 0 {
		i := slices.IndexFunc(f.former, func(r formerFacts) bool {
			return r.presence == fleet.Gone || r.taken || r.reach == unreachable && f.retainsRemote()
		})
		if i >= 0 {
			former = f.formerRemotes(f.identity.owned, f.former[i].Remote)
		} else if p, unconfirmed := f.confirmFormer(reachable, forbidden); unconfirmed {
			return nil, &p
		}
	}
	if len(former) >= maxFormer {
		return nil, &plan{outcome: status.Outcome{
			Reason: v1alpha1.LeftBehindReason, Stalled: true, Retry: permissionPause,
			Message: fmt.Sprintf("%d remote webhooks that this Webhook gave up are still to be removed, so no other one is "+
				"created; restore the connections to their accounts, or set spec.deletionPolicy to Retain to leave them",
				maxFormer),
		}}
	}
	return append(former, f.identity.owned), nil
}

// tidyUp adds the removal of one webhook that the object made and no longer wants: what an interrupted create left
// behind, while it is inactive; then, once the present one matches the spec, what was given up. While there is
// something else to do it only sees to it that the object is looked at again.
func tidyUp(f facts, p plan) plan {
	other, found := f.duplicate()
	drop := false
	if !found && p.outcome.Ready {
		other, drop, found = f.nextFormer()
	}
	switch {
	case found && f.attempt.warmUp > 0:
		p.outcome.Retry = f.attempt.warmUp // the cache may not show yet that another Webhook owns it
		return p
	case !found && p.outcome.Ready:
		p.outcome.Retry = f.nextRemoval()
		return p
	case !found || p.outcome.Silent:
		return p
	case len(p.steps) > 0:
	case drop:
		p.other, p.former, p.steps = other, f.formerRemotes(other.Remote), []step{dropFormer}
	case !f.identity.gaveUp(other.Remote):
		p.other, p.steps = other, []step{removeOther}
	default:
		p.other, p.former, p.steps = other, f.formerRemotes(other.Remote), []step{removeOther, dropFormer}
	}
	p.outcome.Retry = status.Again
	return p
}

// duplicate is an inactive webhook that another create of this object made.
func (f *facts) duplicate() (removal, bool) {
	for _, m := range f.marked {
		if !m.webhook.Active {
			return removal{
				Remote: proof.Remote{Account: m.account, ID: m.webhook.ID}, why: "an interrupted create had made it",
			}, true
		}
	}
	return removal{}, false
}

// nextFormer is the next remote webhook to remove of those that were given up; drop is true when it only has to leave
// the list, because it is to be retained or another Webhook owns it now. Retain is about what was moved away from: in
// the same account, two would deliver. One that is not seen at present stays listed: it may be one that the credentials
// cannot see for a while.
func (f *facts) nextFormer() (r removal, drop, found bool) {
	retain := f.retainsRemote()
	for _, former := range f.former {
		removable := former.synced && former.presence == fleet.Present && former.reach == reachable &&
			former.failure == nil && f.held(former.removal().request()) == 0
		gone := former.presence == fleet.Gone && f.identity.unlisted
		moved := former.Account != f.identity.owned.Account
		switch {
		case former.taken || gone || removable && retain && moved:
			if !found {
				r, drop, found = former.removal(), true, true
			}
		case removable:
			return former.removal(), false, true
		}
	}
	return r, drop, found
}

// nextRemoval is when a former remote webhook whose removal failed is tried again; 0 when none is.
func (f *facts) nextRemoval() (next time.Duration) {
	for _, former := range f.former {
		if wait := f.held(former.removal().request()); wait > 0 && (next == 0 || wait < next) {
			next = wait
		}
	}
	return next
}

func (former *formerFacts) removal() removal {
	return removal{Remote: former.Remote, why: "this Webhook gave it up"}
}

// revokedFormer is a remote webhook that was given up and still delivers, although no connection lets this object use
// its account any more. An account that does not answer is left for later: it must not hold up the present one.
func (f *facts) revokedFormer() (r removal, found bool) {
	for _, former := range f.former {
		delivers := former.presence == fleet.Present && former.webhook.Active
		if former.revoked(f) && delivers && !former.taken && former.failure == nil &&
			f.held(former.removal().request()) == 0 {
			r = former.removal()
			r.turnOff = true
			return r, true
		}
	}
	return removal{}, false
}

// revoked reports whether a former remote webhook must be turned off, because no connection allows it any more and it
// is not to be deleted.
func (former *formerFacts) revoked(f *facts) bool {
	return former.reach == forbidden || former.callbackForbidden && f.retainsRemote()
}

// turnOffFormer turns off what was given up, whatever else the object waits for: revocation bears no delay.
func turnOffFormer(other removal, v status.Outcome) plan {
	v.Retry = status.Again
	return plan{steps: []step{removeOther}, other: other, outcome: v}
}

// confirmFormer finds out whether one of the former remote webhooks that the lists lack exists, of those that are
// reached in one of these ways.
func (f *facts) confirmFormer(reached ...reach) (p plan, unconfirmed bool) {
	for _, former := range f.former {
		if former.taken || !slices.Contains(reached, former.reach) || !former.synced || former.failure != nil {
			continue
		}
		switch former.presence {
		case fleet.Missing, fleet.Unseen:
			return plan{steps: []step{confirmRemote}, other: former.removal(), outcome: status.AwaitList}, true
		case fleet.Absent:
			return plan{other: former.removal(), outcome: status.AwaitListSince(f.now)}, true
		}
	}
	return plan{}, false
}

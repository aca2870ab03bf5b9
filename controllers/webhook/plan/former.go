package plan

import (
	"slices"
	"time"

	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/proof"
)

// tidyUp adds the removal of one webhook that the object made and no longer wants: what an interrupted create left
// behind, while it is inactive; then, once the present one matches the spec, what was given up. While there is
// something else to do it only sees to it that the object is looked at again.
func tidyUp(f Facts, p Plan) Plan {
	other, found := f.leftover()
	drop := false
	if !found && p.Outcome.Ready {
		other, drop, found = f.nextFormer()
	}
	switch {
	case found && f.Attempt.WarmUp > 0:
		p.Outcome.Retry = f.Attempt.WarmUp // the cache may not show yet that another Webhook owns it
		return p
	case !found && p.Outcome.Ready:
		p.Outcome.Retry = f.nextRemoval()
		return p
	case !found || p.Outcome.Silent:
		return p
	case len(p.Steps) > 0:
	case drop:
		p.Other, p.Former, p.Steps = other, f.formerRemotes(other.Remote), []Step{DropFormer}
	case !f.Identity.GaveUp(other.Remote):
		p.Other, p.Steps = other, []Step{RemoveOther}
	default:
		p.Other, p.Former, p.Steps = other, f.formerRemotes(other.Remote), []Step{RemoveOther, DropFormer}
	}
	p.Outcome.Retry = status.Again
	return p
}

// leftover is an inactive webhook that another create of this object made.
func (f *Facts) leftover() (removal, bool) {
	for _, m := range f.Marked {
		if !m.Webhook.Active {
			return removal{
				Remote: proof.Remote{Account: m.Account, ID: m.Webhook.ID}, Why: "an interrupted create had made it",
			}, true
		}
	}
	return removal{}, false
}

// nextFormer is the next remote webhook to remove of those that were given up; drop is true when it only has to leave
// the list, because it is to be retained or another Webhook owns it now. Retain is about what was moved away from: in
// the same account, two would deliver. One that is not seen at present stays listed: it may be one that the credentials
// cannot see for a while.
func (f *Facts) nextFormer() (r removal, drop, found bool) {
	retain := f.retainsRemote()
	for _, former := range f.Former {
		removable := former.Synced && former.Presence == fleet.Present && former.Reach == Reachable &&
			former.Failure == nil && f.RefusedFor(former.removal().Request()) == 0
		gone := former.Presence == fleet.Gone && f.Identity.Unlisted
		moved := former.Account != f.Identity.Owned.Account
		switch {
		case former.Taken || gone || removable && retain && moved:
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
func (f *Facts) nextRemoval() (next time.Duration) {
	for _, former := range f.Former {
		if wait := f.RefusedFor(former.removal().Request()); wait > 0 && (next == 0 || wait < next) {
			next = wait
		}
	}
	return next
}

func (former *FormerFacts) removal() removal {
	return removal{Remote: former.Remote, Why: "this Webhook gave it up"}
}

// revokedFormer is a remote webhook that was given up and still delivers, although no connection lets this object use
// its account any more. An account that does not answer is left for later: it must not hold up the present one.
func (f *Facts) revokedFormer() (r removal, found bool) {
	for _, former := range f.Former {
		delivers := former.Presence == fleet.Present && former.Webhook.Active
		if former.revoked(f) && delivers && !former.Taken && former.Failure == nil &&
			f.RefusedFor(former.removal().Request()) == 0 {
			r = former.removal()
			r.TurnOff = true
			return r, true
		}
	}
	return removal{}, false
}

// revoked reports whether a former remote webhook must be turned off, because no connection allows it any more and it
// is not to be deleted.
func (former *FormerFacts) revoked(f *Facts) bool {
	return former.Reach == Forbidden || former.CallbackForbidden && f.retainsRemote()
}

// turnOffFormer turns off what was given up, whatever else the object waits for: revocation bears no delay.
func turnOffFormer(other removal, v status.Outcome) Plan {
	v.Retry = status.Again
	return Plan{Steps: []Step{RemoveOther}, Other: other, Outcome: v}
}

// confirmingFormer is why nothing is written while a former remote webhook is looked for.
const confirmingFormer = "a list lacks a former remote webhook; finding out whether it exists"

// confirmFormer finds out whether one of the former remote webhooks that the lists lack exists, of those that are
// reached in one of these ways.
func (f *Facts) confirmFormer(reached ...Reach) (p Plan, unconfirmed bool) {
	for _, former := range f.Former {
		if former.Taken || !slices.Contains(reached, former.Reach) || !former.Synced || former.Failure != nil {
			continue
		}
		switch former.Presence {
		case fleet.Missing, fleet.Unseen:
			p = confirming(confirmingFormer)
			p.Other = former.removal()
			return p, true
		case fleet.Absent:
			return Plan{Other: former.removal(), Outcome: status.WaitForList(f.Now, confirmingFormer)}, true
		}
	}
	return Plan{}, false
}

package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	apimeta "k8s.io/apimachinery/pkg/api/meta"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

// Decide says what to do about a Webhook. It is pure.
func Decide(f Facts) Plan {
	if !f.Webhook.DeletionTimestamp.IsZero() {
		return decideDeletion(f)
	}
	p := decideExisting(f)
	p = f.duringOutage(p)
	if f.Secret.Held != nil && p.Outcome.Ready {
		// The platform has the spec, and a secret; the Secret waits.
		p.Outcome = status.OfProblem(*f.Secret.Held)
		p.Outcome.Applied, p.Outcome.Retry = true, f.Secret.Retry
	}
	if told := f.DuplicateDelivery(); told != "" && p.Outcome.Ready {
		p.Outcome.Message += "; " + told
	}
	if f.callbackForbidden() && (!slices.Contains(p.Steps, UpdateRemote) || p.Patch.CallbackURL == "") {
		// The spec, which names another host, is not sent now.
		p = turnOffForbidden(f)
	}
	former, revoked := f.revokedFormer()
	switch {
	case revoked && f.Attempt.WarmUp > 0 && p.Outcome.Retry == 0:
		p.Outcome.Retry = f.Attempt.WarmUp // the cache may not show yet that another Webhook owns it
	case revoked && f.Attempt.WarmUp == 0 && p.Cause != CauseProhibition:
		v := p.Outcome
		if len(p.Steps) > 0 {
			v = status.Unchanged("a former remote webhook is turned off first")
		}
		p = turnOffFormer(former, v)
	}
	return p
}

// duringOutage says why a change waits for a list that the platform does not give. What has nothing to send is not
// touched by an outage, which the connection itself reports once.
func (f *Facts) duringOutage(p Plan) Plan {
	v := p.Outcome
	if f.Connection.Failure == nil || !v.Silent || !v.Await && v.Since.IsZero() {
		return p
	}
	if !f.Pending() {
		if p.waiting = f.behindRefresh(); len(p.waiting) == 0 {
			return p
		}
	}
	told, ok := status.FromPlatform(f.Connection.Failure)
	if !ok || f.AlreadySays(told.Reason) || f.AlreadySays(itwinv1alpha1.PlatformUnavailableReason) {
		return p
	}
	p.Outcome = told
	p.Outcome.Silent, p.Outcome.Await, p.Outcome.Since, p.Outcome.Retry = false, v.Await, v.Since, v.Retry
	return p
}

// behindRefresh are the steps that would change something remote now, if reconcile-requested-at did not wait for a list
// first: another value of the Secret, or another request.
func (f *Facts) behindRefresh() []Step {
	if f.RefreshSince.IsZero() || !f.Connection.Synced || f.Connection.Problem != nil || f.Webhook.Spec.Suspend {
		return nil
	}
	return slices.DeleteFunc(decideConnected(*f).Steps, func(s Step) bool { return !s.Remote() || s == ConfirmRemote })
}

// decideExisting handles an object that is not being deleted.
func decideExisting(f Facts) Plan {
	switch {
	case f.Holder.Reach == Forbidden && f.activeAndOwned():
		return turnOffForbidden(f)
	case f.Webhook.Spec.Suspend:
		return Plan{Outcome: status.Suspended}
	case f.Connection.Forbidden:
		return Plan{Outcome: status.OfProblem(*f.Connection.Problem)}
	case f.Connection.Problem != nil:
		return decideUnconnected(f)
	case !f.Connection.Synced:
		return Plan{Outcome: status.WaitForNextList("the connection's account has not been listed yet")}
	case !f.RefreshSince.IsZero():
		return Plan{Outcome: status.WaitForList(f.RefreshSince,
			"reconcile-requested-at asks for a list first")}
	}
	return decideConnected(f)
}

// decideConnected handles an object whose account has been listed.
func decideConnected(f Facts) Plan {
	id := f.ID()
	switch {
	case platform.MarkOf(f.Webhook.Spec.CallbackURL) != "":
		// An object stored before the API server refused this: sent to the platform, it would pose as another's create.
		return Plan{Outcome: status.Stalled(itwinv1alpha1.RefusedReason, "spec.callbackUrl has the query parameter "+
			platform.OwnerParameter+", with which the operator marks what it creates; remove it")}
	case f.ConflictingOwner != "" && f.OwnerLeaves && (id != "" || f.Connection.Adoption):
		return Plan{Outcome: status.Waiting(itwinv1alpha1.AlreadyClaimedReason, fmt.Sprintf(
			"The remote webhook %s still belongs to %s, which is being deleted",
			cmp.Or(id, f.Identity.Requested), f.describeConflictingOwner()))}
	case f.ConflictingOwner != "" && (id != "" || f.Connection.Adoption):
		// A request that the connection does not allow is not told whether the id is another's.
		return Plan{Outcome: alreadyClaimed("The remote webhook %s already belongs to %s; delete one of the two. "+
			"Deleting its owner deletes the remote webhook, too, unless the owner's deletionPolicy is Retain",
			cmp.Or(id, f.Identity.Requested), f.describeConflictingOwner())}
	case id != "" && f.Webhook.Spec.WebhookID != "" && !platform.SameID(id, f.Webhook.Spec.WebhookID):
		return Plan{Outcome: alreadyClaimed("This Webhook already has the remote webhook %s; import %s with another Webhook",
			id, f.Webhook.Spec.WebhookID)}
	case id != "" && f.Holder.Moving:
		return decideMove(f)
	case id != "":
		return decideOwned(f)
	case f.Identity.Requested != "":
		return decideImport(f)
	}
	return decideNew(f)
}

func alreadyClaimed(message string, args ...any) status.Outcome {
	return status.Stalled(itwinv1alpha1.AlreadyClaimedReason, fmt.Sprintf(message, args...))
}

// describeConflictingOwner names the Webhook with the better claim, unless it is in another namespace: what that
// namespace holds is not for the users of this one.
func (f *Facts) describeConflictingOwner() string {
	if strings.HasPrefix(f.ConflictingOwner, f.Webhook.Namespace+"/") {
		return "Webhook " + f.ConflictingOwner
	}
	return "a Webhook in another namespace"
}

// activeAndOwned reports whether the platform delivers events for the remote webhook that the object owns.
func (f *Facts) activeAndOwned() bool {
	return f.ID() != "" && f.ConflictingOwner == "" && f.Presence == fleet.Present && f.Remote.Active
}

// callbackForbidden reports whether the platform delivers the object's events to a host that the connection does not
// allow.
func (f *Facts) callbackForbidden() bool { return f.Holder.CallbackForbidden && f.activeAndOwned() }

// turnOffForbidden turns off what no connection allows any more. It is not deleted: permission may come back.
func turnOffForbidden(f Facts) Plan {
	p := Plan{
		Steps: []Step{UpdateRemote}, Patch: platform.Patch{Active: new(false)}, WithoutSecret: true, Cause: CauseProhibition,
		Outcome: status.RequeueAfter(status.Again, "deciding again once what is forbidden is off"),
	}
	if f.Described() && f.Webhook.DeletionTimestamp.IsZero() && !f.LeftOff() {
		p.Steps = []Step{NoteTurningOff, UpdateRemote}
	}
	if f.Connection.Problem != nil {
		p.Outcome = status.OfProblem(*f.Connection.Problem)
	}
	return p
}

// decideUnconnected says so, unless that is no news: an object that has nothing to send is not touched by an outage or
// by trouble with the credentials, which the connection itself reports once.
func decideUnconnected(f Facts) Plan {
	settled := !f.Pending() && apimeta.IsStatusConditionTrue(f.Webhook.Status.Conditions, itwinv1alpha1.ReadyCondition)
	if settled && !f.Connection.Absent() {
		return Plan{Outcome: status.WaitForNextList("the connection is not ready, which it says itself")}
	}
	v := status.OfProblem(*f.Connection.Problem)
	if v.Reconciling && f.AlreadySays(v.Reason) {
		// The words of a connection may be others after each start; those of the first failure stay.
		return Plan{Outcome: status.WaitForNextList("the connection is not ready, which the status says already")}
	}
	v.Await = true
	return Plan{Outcome: v}
}

// decideOwned handles an object with a remote webhook in the connection's account.
func decideOwned(f Facts) Plan {
	switch f.Presence {
	case fleet.Present:
		p := decideSync(f)
		if f.outdated() && len(p.Steps) > 0 {
			return confirming("a list shows the remote webhook as it was before the last write")
		}
		return tidyUp(f, p)
	case fleet.Gone:
		if f.Webhook.Spec.WebhookID != "" {
			return Plan{Outcome: importNotFound(f.ID())}
		}
		return decideLost(f)
	case fleet.Absent:
		// The next regular list confirms it: after a mass deletion, lists before their time would use up the rate limit.
		return Plan{
			Outcome: status.WaitForNextList("the remote webhook is not found; the next list confirms that it is gone"),
		}
	default:
		return confirming("a list lacks the remote webhook; reading it")
	}
}

// without returns the steps without some.
func without(steps []Step, dropped ...Step) []Step {
	return slices.DeleteFunc(steps, func(s Step) bool { return slices.Contains(dropped, s) })
}

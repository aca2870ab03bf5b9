package webhook

import (
	"time"

	ctrl "sigs.k8s.io/controller-runtime"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/status"
)

// untoldWait is for how long a Webhook without conditions may wait before its status says for what. Most waits, as for
// the first list of a connection that was applied together with its Webhooks, end before, and cost no write.
const untoldWait = 2 * time.Second

// tellWait lets a Webhook that has no conditions yet say what it waits for: once, for it may wait for several things in
// turns. What waits for a slot within the rate limit says so later: thousands may, and each is written three times as
// it is.
func (e *executor) tellWait() {
	o := e.outcome
	if status.ReadyOf(e.object()) != nil {
		e.entry.WaitTold()
		return
	}
	waits := o.Await || o.Retry > status.Again
	if !o.Silent || !waits || e.suspended || o.Reason == itwinv1alpha1.RateLimitedReason {
		return
	}
	if left := untoldWait - e.now().Sub(e.entry.WaitingSince(e.now())); left > 0 {
		if o.Retry == 0 || left < o.Retry {
			e.outcome.Retry = left
		}
		return
	}
	e.outcome = status.Waiting(itwinv1alpha1.ProgressingReason, "Waiting: "+o.Why).After(o.Retry)
	e.outcome.Await, e.outcome.Since = o.Await, o.Since
}

// logUnchanged logs why a reconcile changed nothing, and when the next look is.
func (e *executor) logUnchanged(next ctrl.Result) {
	if e.outcome.Silent || e.outcome.Suspended {
		e.log.V(1).Info("Left the status unchanged", "why", e.outcome.Why, "requeueAfter", next.RequeueAfter.String())
	}
}

// next says when to look again, and asks the fleet to enqueue the object.
func (e *executor) next() ctrl.Result {
	v, member := e.outcome, e.target()
	if h := e.holder(); h != nil && (member == nil || e.facts.Holder.Moving && !e.object().DeletionTimestamp.IsZero()) {
		member = h
	}
	if h := e.via[e.plan.Other.Account]; h != nil {
		member = h
	}
	switch {
	case member == nil:
	case !v.Since.IsZero():
		member.Fleet().AwaitSince(v.Since, e.key().String())
	case v.Await && !member.Fleet().Await(e.key().String(), e.facts.ListCounts[member.Fleet().Account()]):
		return ctrl.Result{RequeueAfter: status.Again}
	}
	if v.Retry == 0 && (v.Await || !v.Since.IsZero()) {
		v.Retry = status.Jittered(LongestAwait)
	}
	return ctrl.Result{RequeueAfter: v.Retry}
}

// LongestAwait is when an object that waits for a list is looked at even if no list enqueued it: no wait may depend on
// one event alone.
const LongestAwait = 5 * time.Minute

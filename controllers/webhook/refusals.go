package webhook

import (
	"math/rand/v2"
	"time"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/controllers/webhook/ledger"
	"webhook-operator.io/itwin/controllers/webhook/plan"
)

// observeRefusals notes which requests of the object the platform refused. One that the status tells of, which a
// process before this one met, is tried again within the pause that follows a missing permission, or within 30 s if it
// was expected to pass, so that a restart does not send all of them at once.
func (r *Reconciler) observeRefusals(f *plan.Facts, known ledger.Record) {
	last := f.Webhook.Status.RefusedRequest
	if _, noted := known.Refusals[last]; last != "" && !noted && status.ReadyAt(f.Webhook, f.Generation) != nil {
		count, pause := len(plan.PassingPauses), plan.PermissionPause
		if f.AlreadySays(itwinv1alpha1.PlatformUnavailableReason) {
			count, pause = 1, plan.PassingPauses[1]
		}
		r.ledger.Of(f.Webhook).NoteRefusal(last, plan.Refusal{
			Count: count, Generation: f.Generation,
			Until: f.Now.Add(time.Duration(rand.Float64() * float64(pause))), //nolint:gosec // not for secrets
		})
		known = r.ledger.Of(f.Webhook).Record()
	}
	f.Refusals = known.Refusals
}

// requestOf identifies the request of a step, by what it sends.
func (e *executor) requestOf(s plan.Step) string {
	switch s {
	case plan.CreateRemote:
		return plan.CreateFingerprint(e.facts)
	case plan.UpdateRemote:
		return plan.UpdateFingerprint(e.facts, e.plan)
	case plan.DeleteRemote:
		return "delete " + e.facts.ID()
	case plan.RemoveOther:
		return e.plan.Other.Request()
	}
	return ""
}

// held reports for how long the request of a step must wait, because the platform refused it a short while ago, or
// because retries of what it refused would take more than their share of the account's rate limit.
func (e *executor) held(s plan.Step) time.Duration {
	if len(e.facts.Refusals) == 0 {
		return 0
	}
	request := e.requestOf(s)
	noted, refusedBefore := e.facts.Refusals[request]
	if !refusedBefore || e.facts.ReconcileRequested() || noted.Generation != e.facts.Generation {
		return 0
	}
	if wait := e.facts.RefusedFor(request); wait > 0 {
		return wait
	}
	member := e.holder()
	if s == plan.RemoveOther {
		member = e.via[e.plan.Other.Account]
	}
	wait := member.RetryIn()
	if wait > 0 {
		noted.Until = e.now().Add(wait)
		e.entry.NoteRefusal(request, noted)
	}
	return wait
}

// classifyRefusal says that the platform refused a request, and when it is tried again.
func (e *executor) classifyRefusal(s plan.Step, st int, message string) status.Outcome {
	request := e.requestOf(s)
	noted := e.facts.Refusals[request]
	if noted.Generation != e.facts.Generation {
		noted = plan.Refusal{Generation: e.facts.Generation}
	}
	noted.Count++
	pause, passing := plan.RefusalPause(st, noted.Count)
	noted.Until = e.now().Add(status.Jittered(pause))
	v := status.Stalled(itwinv1alpha1.RefusedReason, message).OfRequest(request)
	if passing {
		v = status.Waiting(itwinv1alpha1.PlatformUnavailableReason, message).OfRequest(request)
	}
	ready := status.ReadyOf(e.object())
	if ready != nil && ready.Reason == v.Reason && plan.SameRefusal(ready.Message, message) {
		v.Message = ready.Message
	}
	noted.Outcome = v
	e.entry.NoteRefusal(request, noted)
	v.Retry = noted.Until.Sub(e.now())
	if whole := e.outcome; s == plan.UpdateRemote && whole.Refused != "" && whole.Refused != request {
		// A part of an update that was refused as a whole was refused, too: the status goes on telling of the whole.
		whole.Retry = min(whole.Retry, v.Retry)
		return whole
	}
	if s == plan.UpdateRemote && e.plan.Divisible() {
		v.Retry = status.Again
	}
	return v
}

package webhook

import (
	"errors"
	"fmt"
	"time"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/controllers/webhook/plan"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

// classify turns a failed step into an outcome; ok is false for errors that are not the platform's.
func (e *executor) classify(s plan.Step, err error) (v status.Outcome, ok bool) {
	if v, ok = e.classifyOwn(s, err); ok {
		return v, true
	}
	v, ok = status.FromPlatform(err)
	if !ok {
		return v, false
	}
	if s == plan.RemoveOther {
		return e.classifyRemoval(s, v, err), true
	}
	passing := e.passes(s, err)
	if !passing && e.blames(v, err) {
		v.Retry = e.failed()
	}
	v.Silent = v.Silent && e.staysQuiet(v, err)
	if kept, told := e.classifyHeld(v, err); told {
		return kept, true
	}
	switch {
	case s == plan.ConfirmRemote && e.facts.Described() && !platform.IsRefused(err):
		v = e.classifyConfirmation(v, err)
	case s == plan.DeleteRemote && (passing || !v.Silent):
		v = e.classifyDelete(s, v, err)
	case passing || platform.IsRefused(err):
		said, _ := errors.AsType[*platform.Error](err)
		v = e.classifyRefusal(s, said.Status, status.Refusal(said))
	case s == plan.CreateRemote && platform.MayHaveHappened(err):
		v.Since = e.now()
	}
	return v, true
}

// classifyHeld keeps what the status tells while a call is held back. ok is false when it tells nothing of that yet.
func (e *executor) classifyHeld(v status.Outcome, err error) (kept status.Outcome, ok bool) {
	_, held := errors.AsType[*fleet.HeldError](err)
	switch kept = e.outcome; {
	case !held:
		return v, false
	case kept.Refused != "":
		// It tells what was refused, while another part of the same update waits.
		kept.Await = v.Await
		return kept, true
	case e.facts.AlreadySays(v.Reason):
		v.Silent, v.Why = true, "the status tells already why a call is held back"
		return v, true
	}
	return v, false
}

// classifyConfirmation says nothing of a webhook that the lists lack and that could not be read: nothing is known to be
// wrong with it. When that goes on, it is told.
func (e *executor) classifyConfirmation(v status.Outcome, err error) status.Outcome {
	quiet := status.RequeueAfter(v.Retry, "the remote webhook could not be read")
	quiet.Await = v.Await
	if status.Limited(err) {
		quiet.Reason = v.Reason
	}
	if _, answered := errors.AsType[*platform.Error](err); !answered || v.Reason == "" {
		return quiet
	}
	switch failures := e.failures(); {
	case failures == 1:
		e.log.Info("Failed to read a remote webhook that the lists lack", "webhookId", e.facts.ID(), "error", err.Error())
		return quiet
	case failures <= quietFailures:
		return quiet
	}
	v.Message = fmt.Sprintf("The lists lack remote webhook %s, and it cannot be read: %s", e.facts.ID(), status.Cause(err))
	return v
}

// quietFailures is how many failures in a row of a read, or of what the platform accepted, are not told yet. They take
// some seconds.
const quietFailures = 3

// failures is how many calls about the object failed in a row.
func (e *executor) failures() int { return e.entry.Record().Failures }

// passes reports whether an answer is of a kind that often passes by itself. A webhook that a write does not find but
// that a read, or a list, shows is such a kind, too.
func (e *executor) passes(s plan.Step, err error) bool {
	again := (s == plan.UpdateRemote || s == plan.DeleteRemote) && platform.IsNotFound(err) && e.failures() > 0
	return again || plan.PassesByItself(s, err)
}

// classifyAccepted says nothing of a change that the platform accepted without an answer that tells what came of it:
// the next read, or list, does. If that shows again and again that nothing came of it, it is told.
func (e *executor) classifyAccepted(s plan.Step) status.Outcome {
	retry := e.failed()
	switch {
	case e.failures() <= quietFailures:
		return status.RequeueAfter(retry, "the platform accepted the change; the next read shows what came of it")
	case s == plan.DeleteRemote:
		v := plan.DeletionWaits("the platform accepted the deletion but has not made it")
		v.Retry = retry
		return v
	}
	return status.Waiting(itwinv1alpha1.PlatformUnavailableReason,
		"The platform accepted the change but has not made it").After(retry)
}

// classifyOwn handles what the executor itself found: another Webhook was faster, or the platform accepted a change
// without making it, or without saying what came of it. ok is false for all other errors.
func (e *executor) classifyOwn(s plan.Step, err error) (v status.Outcome, ok bool) {
	switch {
	case errors.Is(err, errTaken):
		return status.RequeueAfter(plan.TakenPause, "another Webhook claimed the remote webhook meanwhile"), true
	case errors.Is(err, errOutdated):
		return status.RequeueAfter(status.Again, errOutdated.Error()), true
	case isMerged(err):
		return e.classifyRefusal(s, plan.NotMade, fmt.Sprintf("Nothing is changed: %s and is not this Webhook's. Import it "+
			"with spec.webhookId, delete it, or choose another callbackUrl", err)), true
	case errors.Is(err, errKept):
		return e.classifyRefusal(s, plan.NotMade, err.Error()), true
	case s == plan.RemoveOther && (platform.IsAccepted(err) || errors.Is(err, errIgnored)):
		return e.classifyRemoval(s, status.Outcome{}, err), true
	case s == plan.CreateRemote && platform.IsAccepted(err):
		v = e.classifyAccepted(s)
		v.Since = e.now()
		return v, true
	case platform.IsAccepted(err):
		return e.classifyAccepted(s), true
	case errors.Is(err, errIgnored):
		return status.Waiting(itwinv1alpha1.PlatformUnavailableReason, err.Error()).After(e.failed()), true
	}
	return status.Outcome{}, false
}

func isMerged(err error) bool {
	_, is := errors.AsType[*fleet.MergedError](err)
	return is
}

// blames reports whether an answer counts as a failure of the object, which is left alone for a while: one that the
// platform cannot handle, that it hides from these credentials, or whose writes it does not authorize.
func (e *executor) blames(v status.Outcome, err error) bool {
	_, answered := errors.AsType[*platform.Error](err)
	return answered &&
		(v.Reason == itwinv1alpha1.PlatformUnavailableReason || v.Reason == itwinv1alpha1.ConnectionNotReadyReason ||
			platform.IsNotFound(err))
}

// classifyRemoval keeps what Ready says: it speaks of the remote webhook that the object owns, not of one that it no
// longer wants.
func (e *executor) classifyRemoval(s plan.Step, v status.Outcome, err error) status.Outcome {
	e.log.Info("Failed to remove a remote webhook that is no longer wanted", "webhookId", e.plan.Other.ID,
		"account", e.plan.Other.Account, "error", err.Error())
	if _, held := errors.AsType[*fleet.HeldError](err); !held && !status.Limited(err) {
		v.Retry = e.classifyRefusal(s, status.HTTPStatus(err), status.Cause(err)).Retry
	}
	kept := e.outcome
	if kept.Await, kept.Retry = v.Await, v.Retry; !e.object().DeletionTimestamp.IsZero() {
		kept = plan.DeletionWaits(status.Cause(err))
		kept.Await, kept.Retry = v.Await, v.Retry
	}
	return kept
}

// staysQuiet reports whether what waits need not say so. What waits for a slot within the rate limit does after a
// while.
func (e *executor) staysQuiet(v status.Outcome, err error) bool {
	pacing, own := errors.AsType[*platform.ThrottledError](err)
	if !own || pacing.InFlight {
		return true
	}
	since := e.entry.ThrottledSince(e.now())
	return e.now().Add(v.Retry).Sub(since) < quietPause
}

func (e *executor) failed() time.Duration {
	return e.entry.Failed(e.facts.Generation, e.now())
}

// classifyDelete says why a remote delete did not succeed.
func (e *executor) classifyDelete(s plan.Step, v status.Outcome, err error) status.Outcome {
	d := plan.DeletionWaits(status.Cause(err))
	d.Await, d.Retry = v.Await, v.Retry
	if platform.IsRefused(err) || e.passes(s, err) {
		refused := e.classifyRefusal(s, status.HTTPStatus(err), status.Cause(err))
		d.Retry, d.Stalled, d.Reconciling = refused.Retry, refused.Stalled, refused.Reconciling
	}
	_, held := errors.AsType[*fleet.HeldError](err)
	if held && e.facts.AlreadySays(d.Reason) {
		d.Silent, d.Why = true, "the status tells already why the deletion waits"
	}
	return d
}

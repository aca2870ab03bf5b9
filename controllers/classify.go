package controllers

import (
	"errors"
	"fmt"
	"time"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

// classify turns a failed step into an outcome; ok is false for errors that are not the platform's.
func (r *executor) classify(s step, err error) (v status.Outcome, ok bool) {
	if v, ok = r.classifyOwn(s, err); ok {
		return v, true
	}
	v, ok = status.FromPlatform(err)
	if !ok {
		return v, false
	}
	if s == removeOther {
		return r.classifyRemoval(s, v, err), true
	}
	passing := r.passes(s, err)
	if !passing && r.blames(v, err) {
		v.Retry = r.failed()
	}
	v.Silent = v.Silent && r.staysQuiet(v, err)
	if kept, told := r.classifyHeld(v, err); told {
		return kept, true
	}
	switch {
	case s == confirmRemote && r.facts.described() && !platform.IsRefused(err):
		v = r.classifyConfirmation(v, err)
	case s == deleteRemote && (passing || !v.Silent):
		v = r.classifyDelete(s, v, err)
	case passing:
		said, _ := errors.AsType[*platform.Error](err)
		v = r.classifyRefusal(s, said.Status, status.Refusal(said))
	case s == createRemote && platform.MayHaveHappened(err):
		v.Since = r.now()
	case platform.IsRefused(err):
		said, _ := errors.AsType[*platform.Error](err)
		v = r.classifyRefusal(s, said.Status, status.Refusal(said))
	}
	return v, true
}

// classifyHeld keeps what the status tells while a call is held back. ok is false when it tells nothing of that yet.
func (r *executor) classifyHeld(v status.Outcome, err error) (kept status.Outcome, ok bool) {
	_, held := errors.AsType[*fleet.HeldError](err)
	switch kept = r.plan.outcome; {
	case !held:
		return v, false
	case kept.Refused != "":
		// It tells what was refused, while another part of the same update waits.
		kept.Await = v.Await
		return kept, true
	case r.facts.alreadySays(v.Reason):
		v.Silent = true
		return v, true
	}
	return v, false
}

// classifyConfirmation says nothing of a webhook that the lists lack and that could not be read: nothing is known to be
// wrong with it. When that goes on, it is told.
func (r *executor) classifyConfirmation(v status.Outcome, err error) status.Outcome {
	quiet := status.Outcome{Silent: true, Await: v.Await, Retry: v.Retry}
	if _, answered := errors.AsType[*platform.Error](err); !answered || v.Reason == "" {
		return quiet
	}
	switch failures := r.failures(); {
	case failures == 1:
		r.log.Info("Failed to read a remote webhook that the lists lack", "webhookId", r.facts.id(), "error", err.Error())
		return quiet
	case failures <= quietFailures:
		return quiet
	}
	v.Message = fmt.Sprintf("The lists lack remote webhook %s, and it cannot be read: %s", r.facts.id(), status.Cause(err))
	return v
}

// quietFailures is how many failures in a row of a read, or of what the platform accepted, are not told yet. They take
// some seconds.
const quietFailures = 3

// failures is how many calls about the object failed in a row.
func (r *executor) failures() int { return r.memory.of(r.key(), r.object().UID).failures }

// passes reports whether an answer is of a kind that often passes by itself. A webhook that a write does not find but
// that a read, or a list, shows is such a kind, too.
func (r *executor) passes(s step, err error) bool {
	again := (s == updateRemote || s == deleteRemote) && platform.IsNotFound(err) && r.failures() > 0
	return again || passesByItself(s, err)
}

// classifyAccepted says nothing of a change that the platform accepted without an answer that tells what came of it:
// the next read, or list, does. If that shows again and again that nothing came of it, it is told.
func (r *executor) classifyAccepted(s step) status.Outcome {
	retry := r.failed()
	switch {
	case r.failures() <= quietFailures:
		return status.Outcome{Silent: true, Retry: retry}
	case s == deleteRemote:
		v := deletionWaits("the platform accepted the deletion but has not made it")
		v.Retry = retry
		return v
	}
	return status.Outcome{
		Reason: v1alpha1.PlatformUnavailableReason, Reconciling: true, Retry: retry,
		Message: "The platform accepted the change but has not made it",
	}
}

// classifyOwn handles what the executor itself found: another Webhook was faster, or the platform accepted a change
// without making it, or without saying what came of it. ok is false for all other errors.
func (r *executor) classifyOwn(s step, err error) (v status.Outcome, ok bool) {
	switch {
	case errors.Is(err, errTaken):
		return status.Outcome{Silent: true, Retry: takenPause}, true
	case errors.Is(err, errOutdated):
		return status.Outcome{Silent: true, Retry: status.Again}, true
	case isMerged(err):
		return r.classifyRefusal(s, unchanged, fmt.Sprintf("Nothing is changed: %s and is not this Webhook's. Import it "+
			"with spec.webhookId, delete it, or choose another callbackUrl", err)), true
	case errors.Is(err, errKept):
		return r.classifyRefusal(s, unchanged, err.Error()), true
	case s == removeOther && (platform.IsAccepted(err) || errors.Is(err, errIgnored)):
		return r.classifyRemoval(s, status.Outcome{}, err), true
	case s == createRemote && platform.IsAccepted(err):
		v = r.classifyAccepted(s)
		v.Since = r.now()
		return v, true
	case platform.IsAccepted(err):
		return r.classifyAccepted(s), true
	case errors.Is(err, errIgnored):
		return status.Outcome{
			Reason: v1alpha1.PlatformUnavailableReason, Reconciling: true, Message: err.Error(), Retry: r.failed(),
		}, true
	}
	return status.Outcome{}, false
}

func isMerged(err error) bool {
	_, is := errors.AsType[*fleet.MergedError](err)
	return is
}

// blames reports whether an answer counts as a failure of the object, which is left alone for a while: one that the
// platform cannot handle, that it hides from these credentials, or whose writes it does not authorize.
func (r *executor) blames(v status.Outcome, err error) bool {
	_, answered := errors.AsType[*platform.Error](err)
	return answered && (v.Reason == v1alpha1.PlatformUnavailableReason || v.Reason == v1alpha1.ConnectionNotReadyReason ||
		platform.IsNotFound(err))
}

// classifyRemoval keeps what Ready says: it speaks of the remote webhook that the object owns, not of one that it no
// longer wants.
func (r *executor) classifyRemoval(s step, v status.Outcome, err error) status.Outcome {
	r.log.Info("Failed to remove a remote webhook that is no longer wanted", "webhookId", r.plan.other.ID,
		"account", r.plan.other.Account, "error", err.Error())
	if _, held := errors.AsType[*fleet.HeldError](err); !held && !status.Limited(err) {
		v.Retry = r.classifyRefusal(s, status.HTTPStatus(err), status.Cause(err)).Retry
	}
	kept := r.plan.outcome
	if kept.Await, kept.Retry = v.Await, v.Retry; !r.object().DeletionTimestamp.IsZero() {
		kept = deletionWaits(status.Cause(err))
		kept.Await, kept.Retry = v.Await, v.Retry
	}
	return kept
}

// staysQuiet reports whether what waits need not say so. What waits for a place within the rate limit does after a
// while.
func (r *executor) staysQuiet(v status.Outcome, err error) bool {
	pacing, own := errors.AsType[*platform.ThrottledError](err)
	if !own || pacing.Crowded {
		return true
	}
	since := r.memory.throttled(r.key(), r.object().UID, r.now())
	return r.now().Add(v.Retry).Sub(since) < quietPause
}

func (r *executor) failed() time.Duration {
	return r.memory.failed(r.key(), r.object().UID, r.facts.generation, r.now())
}

// classifyDelete says why a remote delete did not succeed.
func (r *executor) classifyDelete(s step, v status.Outcome, err error) status.Outcome {
	d := deletionWaits(status.Cause(err))
	d.Await, d.Retry = v.Await, v.Retry
	if platform.IsRefused(err) || r.passes(s, err) {
		refused := r.classifyRefusal(s, status.HTTPStatus(err), status.Cause(err))
		d.Retry, d.Stalled, d.Reconciling = refused.Retry, refused.Stalled, refused.Reconciling
	}
	_, held := errors.AsType[*fleet.HeldError](err)
	d.Silent = held && r.facts.alreadySays(d.Reason)
	return d
}

// alreadySays reports whether the status gives this reason for the current spec: the words of the first failure are
// better than those of whatever else fails in the same outage, and one outage is one write.
func (f *facts) alreadySays(reason string) bool {
	ready := status.ReadyOf(f.webhook)
	return ready != nil && ready.Reason == reason && f.webhook.Status.ObservedGeneration == f.generation
}

package controllers

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

// judge turns a failed step into a verdict; ok is false for errors that are not the platform's.
func (r *run) judge(s step, err error) (v verdict, ok bool) {
	if v, ok = r.judgeOwn(s, err); ok {
		return v, true
	}
	v, ok = judgeRemote(err)
	if !ok {
		return v, false
	}
	if s == removeOther {
		return r.judgeRemoval(s, v, err), true
	}
	passing := r.passes(s, err)
	if !passing && r.blames(v, err) {
		v.retry = r.failed()
	}
	v.silent = v.silent && r.staysQuiet(v, err)
	if kept, told := r.judgeHeld(v, err); told {
		return kept, true
	}
	switch {
	case s == confirmRemote && r.facts.described() && !platform.IsRefused(err):
		v = r.judgeConfirmation(v, err)
	case s == deleteRemote && (passing || !v.silent):
		v = r.judgeDelete(s, v, err)
	case passing:
		said, _ := errors.AsType[*platform.Error](err)
		v = r.judgeRefusal(s, said.Status, refusalOf(said))
	case s == createRemote && platform.MayHaveHappened(err):
		v.since = r.now()
	case platform.IsRefused(err):
		said, _ := errors.AsType[*platform.Error](err)
		v = r.judgeRefusal(s, said.Status, refusalOf(said))
	}
	return v, true
}

// judgeHeld keeps what the status tells while a call is held back. ok is false when it tells nothing of that yet.
func (r *run) judgeHeld(v verdict, err error) (kept verdict, ok bool) {
	_, held := errors.AsType[*fleet.HeldError](err)
	switch kept = r.plan.verdict; {
	case !held:
		return v, false
	case kept.refused != "":
		// It tells what was refused, while another part of the same update waits.
		kept.await = v.await
		return kept, true
	case r.facts.alreadySays(v.reason):
		v.silent = true
		return v, true
	}
	return v, false
}

// judgeConfirmation says nothing of a webhook that the lists lack and that could not be read: nothing is known to be
// wrong with it. When that goes on, it is told.
func (r *run) judgeConfirmation(v verdict, err error) verdict {
	quiet := verdict{silent: true, await: v.await, retry: v.retry}
	if _, answered := errors.AsType[*platform.Error](err); !answered || v.reason == "" {
		return quiet
	}
	switch failures := r.failures(); {
	case failures == 1:
		r.log.Info("Failed to read a remote webhook that the lists lack", "webhookId", r.facts.id(), "error", err.Error())
		return quiet
	case failures <= quietFailures:
		return quiet
	}
	v.message = fmt.Sprintf("The lists lack remote webhook %s, and it cannot be read: %s", r.facts.id(), causeOf(err))
	return v
}

// quietFailures is how many failures in a row of a read, or of what the platform accepted, are not told yet. They take
// some seconds.
const quietFailures = 3

// failures is how many calls about the object failed in a row.
func (r *run) failures() int { return r.memory.of(r.key(), r.object().UID).failures }

// passes reports whether an answer is of a kind that often passes by itself. A webhook that a write does not find but
// that a read, or a list, shows is such a kind, too.
func (r *run) passes(s step, err error) bool {
	again := (s == updateRemote || s == deleteRemote) && platform.IsNotFound(err) && r.failures() > 0
	return again || passesByItself(s, err)
}

// judgeAccepted says nothing of a change that the platform accepted without an answer that tells what came of it: the
// next read, or list, does. If that shows again and again that nothing came of it, it is told.
func (r *run) judgeAccepted(s step) verdict {
	retry := r.failed()
	switch {
	case r.failures() <= quietFailures:
		return verdict{silent: true, retry: retry}
	case s == deleteRemote:
		v := deletionWaits("the platform accepted the deletion but has not made it")
		v.retry = retry
		return v
	}
	return verdict{
		reason: v1alpha1.PlatformUnavailableReason, reconciling: true, retry: retry,
		message: "The platform accepted the change but has not made it",
	}
}

// judgeOwn handles what the executor itself found: another Webhook was faster, or the platform accepted a change
// without making it, or without saying what came of it. ok is false for all other errors.
func (r *run) judgeOwn(s step, err error) (v verdict, ok bool) {
	switch {
	case errors.Is(err, errTaken):
		return verdict{silent: true, retry: takenPause}, true
	case errors.Is(err, errOutdated):
		return verdict{silent: true, retry: again}, true
	case isMerged(err):
		return r.judgeRefusal(s, unchanged, fmt.Sprintf("Nothing is changed: %s and is not this Webhook's. Import it with "+
			"spec.webhookId, delete it, or choose another callbackUrl", err)), true
	case errors.Is(err, errKept):
		return r.judgeRefusal(s, unchanged, err.Error()), true
	case s == removeOther && (platform.IsAccepted(err) || errors.Is(err, errIgnored)):
		return r.judgeRemoval(s, verdict{}, err), true
	case s == createRemote && platform.IsAccepted(err):
		v = r.judgeAccepted(s)
		v.since = r.now()
		return v, true
	case platform.IsAccepted(err):
		return r.judgeAccepted(s), true
	case errors.Is(err, errIgnored):
		return verdict{
			reason: v1alpha1.PlatformUnavailableReason, reconciling: true, message: err.Error(), retry: r.failed(),
		}, true
	}
	return verdict{}, false
}

func isMerged(err error) bool {
	_, is := errors.AsType[*fleet.MergedError](err)
	return is
}

// blames reports whether an answer counts as a failure of the object, which is left alone for a while: one that the
// platform cannot handle, that it hides from these credentials, or whose writes it does not authorize.
func (r *run) blames(v verdict, err error) bool {
	_, answered := errors.AsType[*platform.Error](err)
	return answered && (v.reason == v1alpha1.PlatformUnavailableReason || v.reason == v1alpha1.ConnectionNotReadyReason ||
		platform.IsNotFound(err))
}

// judgeRemoval keeps what Ready says: it speaks of the remote webhook that the object owns, not of one that it no
// longer wants.
func (r *run) judgeRemoval(s step, v verdict, err error) verdict {
	r.log.Info("Failed to remove a remote webhook that is no longer wanted", "webhookId", r.plan.other.ID,
		"account", r.plan.other.Account, "error", err.Error())
	if _, held := errors.AsType[*fleet.HeldError](err); !held && !limited(err) {
		v.retry = r.judgeRefusal(s, statusOf(err), causeOf(err)).retry
	}
	kept := r.plan.verdict
	if kept.await, kept.retry = v.await, v.retry; !r.object().DeletionTimestamp.IsZero() {
		kept = deletionWaits(causeOf(err))
		kept.await, kept.retry = v.await, v.retry
	}
	return kept
}

func limited(err error) bool {
	_, is := platform.IsRateLimited(err)
	return is
}

// staysQuiet reports whether what waits need not say so. What waits for a place within the rate limit does after a
// while.
func (r *run) staysQuiet(v verdict, err error) bool {
	pacing, own := errors.AsType[*platform.ThrottledError](err)
	if !own || pacing.Crowded {
		return true
	}
	since := r.memory.throttled(r.key(), r.object().UID, r.now())
	return r.now().Add(v.retry).Sub(since) < quietPause
}

func (r *run) failed() time.Duration {
	return r.memory.failed(r.key(), r.object().UID, r.facts.generation, r.now())
}

// judgeDelete says why a remote delete did not succeed.
func (r *run) judgeDelete(s step, v verdict, err error) verdict {
	d := deletionWaits(causeOf(err))
	d.await, d.retry = v.await, v.retry
	if platform.IsRefused(err) || r.passes(s, err) {
		refused := r.judgeRefusal(s, statusOf(err), causeOf(err))
		d.retry, d.stalled, d.reconciling = refused.retry, refused.stalled, refused.reconciling
	}
	_, held := errors.AsType[*fleet.HeldError](err)
	d.silent = held && r.facts.alreadySays(d.reason)
	return d
}

// alreadySays reports whether the status gives this reason for the current spec: the words of the first failure are
// better than those of whatever else fails in the same outage, and one outage is one write.
func (f *facts) alreadySays(reason string) bool {
	ready := readyOf(f.webhook)
	return ready != nil && ready.Reason == reason && f.webhook.Status.ObservedGeneration == f.generation
}

// judgeRemote says how a failed call shows in a status; ok is false for errors that are not the platform's.
func judgeRemote(err error) (v verdict, ok bool) {
	if held, isHeld := errors.AsType[*fleet.HeldError](err); isHeld {
		if v, _ = judgeRemote(held.Reason); v.reason == "" || platform.IsForbidden(held.Reason) {
			v = readinessOf(held.Reason) // of a list
			v.stalled, v.reconciling = false, v.reason == v1alpha1.PlatformUnavailableReason
		}
		if v.reason == "" || v.reason == v1alpha1.UnauthorizedReason {
			v = verdict{reason: v1alpha1.ConnectionNotReadyReason, message: cmp.Or(v.message, held.Error())}
		}
		v.await, v.retry = true, 0
		return v, true
	}
	if wait, limited := platform.IsRateLimited(err); limited {
		pacing, own := errors.AsType[*platform.ThrottledError](err)
		return verdict{
			reason: v1alpha1.RateLimitedReason, reconciling: true, retry: wait,
			silent:  own && !pacing.Closed,
			message: "Waiting: API rate limit exceeded",
		}, true
	}
	said, answered := errors.AsType[*platform.Error](err)
	switch {
	case !answered:
		return verdict{}, false
	case platform.IsUnauthorized(err):
		return verdict{
			reason: v1alpha1.ConnectionNotReadyReason, await: true,
			message: "The platform does not accept the connection's credentials: " + said.Said(),
		}, true
	case platform.IsNotFound(err):
		// The snapshot has it: the next run decides what to do.
		return verdict{silent: true, retry: again}, true
	}
	return verdict{
		reason: v1alpha1.PlatformUnavailableReason, reconciling: true, await: true,
		message: "A change waits because the platform does not answer as documented: " + unavailable(said),
	}, true
}

// causeOf says what went wrong in words that stay the same while it lasts, so that they are written once.
func causeOf(err error) string {
	if held, isHeld := errors.AsType[*fleet.HeldError](err); isHeld {
		return causeOf(held.Reason)
	}
	if _, limited := platform.IsRateLimited(err); limited {
		return "the platform's rate limit is used up"
	}
	said, answered := errors.AsType[*platform.Error](err)
	switch {
	case !answered:
		return err.Error()
	case platform.IsRefused(err):
		return refusalOf(said)
	}
	return unavailable(said)
}

package status

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

// OfConnection says what the result of a list, or of a login, means for a connection.
func OfConnection(err error) Outcome {
	if err == nil {
		return Connected
	}
	if pacing, own := errors.AsType[*platform.ThrottledError](err); own && !pacing.Closed {
		return Unchanged("nothing is known of the list yet")
	}
	if _, limited := platform.IsRateLimited(err); limited {
		return Waiting(itwinv1alpha1.RateLimitedReason, "The platform's rate limit is used up"+usedUp(err))
	}
	said, answered := errors.AsType[*platform.Error](err)
	switch {
	case !answered:
		return Unchanged("nothing is known of the list yet")
	case platform.IsForbidden(err):
		return Stalled(itwinv1alpha1.UnauthorizedReason, fmt.Sprintf(
			"The platform accepts the credentials but they lack a permission; grant it to the application: %s",
			located(said)))
	case platform.IsUnauthorized(err):
		return Stalled(itwinv1alpha1.UnauthorizedReason, fmt.Sprintf(
			"The platform does not accept the credentials; correct the Secret: %s", located(said)))
	}
	return Waiting(itwinv1alpha1.PlatformUnavailableReason, unavailable(said))
}

// usedUp says which rate limit is used up, and how to raise it, in words that stay the same while the same limit is.
func usedUp(err error) string {
	pacing, own := errors.AsType[*platform.ThrottledError](err)
	switch {
	case !own, pacing.Closed:
		return ", and the platform asked for a pause; the limit" + ofSubscription(err) + " holds for all that use this " +
			"client ID: lower spec.rateLimit of the connection if others need a part of it, or get a larger subscription"
	case pacing.Limit.From == platform.FromPlatform:
		return fmt.Sprintf(": %s; only a larger subscription, or less use by others of the client ID, raises it",
			pacing.Limit)
	case pacing.Limit.Calls > 0:
		return fmt.Sprintf(": %s; if the subscription allows more, set spec.rateLimit of the connection", pacing.Limit)
	}
	return ""
}

// ofSubscription names the subscription of the account, where that is known.
func ofSubscription(err error) string {
	tier := ""
	if pacing, own := errors.AsType[*platform.ThrottledError](err); own {
		tier = pacing.Tier
	} else if said, answered := errors.AsType[*platform.Error](err); answered {
		tier = said.Tier
	}
	if tier == "" {
		return ""
	}
	return fmt.Sprintf(" of the subscription %q", tier)
}

// unavailable says what went wrong. The words of an Error stay the same while the outage lasts: one outage is one
// write.
func unavailable(e *platform.Error) string {
	if _, unverified := errors.AsType[*tls.CertificateVerificationError](e); unverified {
		return located(e) + "; if the CA is one of your own, name it in spec.caBundleSecretRef"
	}
	return located(e)
}

// located is what went wrong, and with which host.
func located(e *platform.Error) string {
	if text := e.Error(); strings.Contains(text, e.Host) {
		return text
	}
	return e.Host + ": " + e.Error()
}

// Again is when to look again at once.
const Again = time.Millisecond

// Limited reports whether a call waits for a rate limit.
func Limited(err error) bool {
	_, is := platform.IsRateLimited(err)
	return is
}

// FromPlatform says how a failed call shows in a status; ok is false for errors that are not the platform's.
func FromPlatform(err error) (v Outcome, ok bool) {
	if held, isHeld := errors.AsType[*fleet.HeldError](err); isHeld {
		if v, _ = FromPlatform(held.Reason); v.Reason == "" || platform.IsForbidden(held.Reason) {
			v = OfConnection(held.Reason) // of a list
			v.Stalled, v.Reconciling = false, v.Reason == itwinv1alpha1.PlatformUnavailableReason
		}
		if v.Reason == "" || v.Reason == itwinv1alpha1.UnauthorizedReason {
			v = Blocked(itwinv1alpha1.ConnectionNotReadyReason, cmp.Or(v.Message, held.Error()))
		}
		v.Await, v.Retry = true, 0
		return v, true
	}
	if wait, limited := platform.IsRateLimited(err); limited {
		pacing, own := errors.AsType[*platform.ThrottledError](err)
		v = Waiting(itwinv1alpha1.RateLimitedReason, "Waiting: API rate limit exceeded"+usedUp(err)).After(wait)
		if own && !pacing.Closed {
			v.Silent, v.Why = true, "waiting for a slot within the rate limit, or among the calls in flight"
		}
		return v, true
	}
	said, answered := errors.AsType[*platform.Error](err)
	switch {
	case !answered:
		return Outcome{}, false
	case platform.IsUnauthorized(err):
		return Blocked(itwinv1alpha1.ConnectionNotReadyReason,
			"The platform does not accept the connection's credentials: "+said.Said()).OnList(), true
	case platform.IsNotFound(err):
		// The snapshot has it: the next run decides what to do.
		return RequeueAfter(Again, "the platform does not find the remote webhook; deciding again"), true
	}
	return Waiting(itwinv1alpha1.PlatformUnavailableReason,
		"A change waits because the platform does not answer as documented: "+unavailable(said)).OnList(), true
}

// Cause says what went wrong in words that stay the same while it lasts, so that they are written once.
func Cause(err error) string {
	if held, isHeld := errors.AsType[*fleet.HeldError](err); isHeld {
		return Cause(held.Reason)
	}
	if _, limited := platform.IsRateLimited(err); limited {
		return "the platform's rate limit is used up"
	}
	said, answered := errors.AsType[*platform.Error](err)
	switch {
	case !answered:
		return err.Error()
	case platform.IsRefused(err):
		return Refusal(said)
	}
	return unavailable(said)
}

// Refusal is what the platform said when it refused a request.
func Refusal(e *platform.Error) string {
	return fmt.Sprintf("The platform refused to %s (%d): %s", e.Operation, e.Status,
		cmp.Or(e.Said(), http.StatusText(e.Status)))
}

// HTTPStatus is the HTTP status of an answer; 0 when there was none.
func HTTPStatus(err error) int {
	if said, answered := errors.AsType[*platform.Error](err); answered {
		return said.Status
	}
	return 0
}

package plan

import (
	"net/http"
	"strings"
	"time"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/internal/backoff"
)

const (
	// PermissionPause is how long a missing permission is given to be granted, and what the platform refuses without
	// saying that the request is wrong to be possible.
	PermissionPause = 10 * time.Minute
	// invalidPause is how long a request that the platform calls invalid is left alone.
	invalidPause = time.Hour
	// MaxRefusals bounds how many requests of one object are remembered as refused.
	MaxRefusals = 4
)

// PassingPauses follow the first answers of a kind that often passes by itself, such as a conflict.
var PassingPauses = []time.Duration{10 * time.Second, 30 * time.Second, 90 * time.Second}

// What a failed call is noted as that has no HTTP status: no answer came, or the platform accepted a change without
// making it.
const (
	noAnswer = 0
	NotMade  = -1
)

// RefusalPause is how long a request is left alone after so many refusals in a row; passing is true while the operator
// expects the platform to take it soon.
func RefusalPause(st, count int) (pause time.Duration, passing bool) {
	if st >= http.StatusInternalServerError || st == http.StatusUnauthorized || st == noAnswer {
		return FailureBackoff.After(count), true
	}
	switch st {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusConflict, http.StatusLocked, http.StatusTooEarly:
		if count <= len(PassingPauses) {
			return PassingPauses[count-1], true
		}
	case http.StatusForbidden:
		return PermissionPause, false
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge,
		http.StatusUnsupportedMediaType, NotMade:
		return invalidPause, false
	}
	return PermissionPause, false
}

// PassesByItself reports whether an answer is of a kind that often passes, given by the platform or by a proxy. That of
// a create counts if it is 404: what does not exist then is not the webhook, but what it should be about.
func PassesByItself(s Step, err error) bool {
	switch status.HTTPStatus(err) {
	case http.StatusNotFound:
		return s == CreateRemote
	case http.StatusMethodNotAllowed, http.StatusConflict, http.StatusLocked, http.StatusTooEarly:
		return s != ConfirmRemote
	}
	return false
}

// Refusal is a request that the platform refused, and what the status says of it.
type Refusal struct {
	// Count is how often in a row, until is when it is tried again.
	Count int
	Until time.Time
	// Generation of the spec that it was made for. Another one is tried at once.
	Generation int64
	Outcome    status.Outcome
}

// held reports for how long a refused request is left alone; 0 when it may be sent.
func (r Refusal) held(now time.Time, generation int64) time.Duration {
	if r.Count == 0 || r.Generation != generation {
		return 0
	}
	return max(r.Until.Sub(now), 0)
}

// RefusedFor reports for how long a request is left alone because the platform refused it. A person can ask to try it
// now.
func (f *Facts) RefusedFor(request string) time.Duration {
	if f.ReconcileRequested() {
		return 0
	}
	return f.Refusals[request].held(f.Now, f.Generation)
}

// stillRefused repeats what the platform said of a request that is left alone for a while.
func (f *Facts) stillRefused(request string) status.Outcome {
	v := f.Refusals[request].Outcome
	if v.Reason == "" {
		v = f.reportedRefusal(request)
	}
	v.Retry = f.RefusedFor(request)
	return v
}

// reportedRefusal is what the status says of a refusal that a process before this one met.
func (f *Facts) reportedRefusal(request string) status.Outcome {
	ready := status.ReadyOf(f.Webhook)
	if ready == nil ||
		ready.Reason != itwinv1alpha1.RefusedReason && ready.Reason != itwinv1alpha1.PlatformUnavailableReason {
		return status.Stalled(itwinv1alpha1.RefusedReason,
			"The platform refused this request before; it is tried again within "+PermissionPause.String()).OfRequest(request)
	}
	if ready.Reason == itwinv1alpha1.RefusedReason {
		return status.Stalled(ready.Reason, ready.Message).OfRequest(request)
	}
	return status.Waiting(ready.Reason, ready.Message).OfRequest(request)
}

// Divisible reports whether an update holds, beside what the spec says of the webhook, what must not wait for that: its
// active state, or the secret.
func (p *Plan) Divisible() bool {
	return (p.Patch.CallbackURL != "" || p.Patch.EventTypes != nil) && (p.Patch.Active != nil || p.sendSecret)
}

// withoutSpec is an update without the callbackUrl and the event types of the spec.
func (p *Plan) withoutSpec() Plan {
	rest := *p
	rest.Patch.CallbackURL, rest.Patch.EventTypes = "", nil
	return rest
}

// SameRefusal reports whether two messages are about the same operation, status and code: what else the platform says
// may differ each time, such as the id of a request.
func SameRefusal(a, b string) bool {
	upToCode := func(message string) string {
		parts := strings.SplitN(message, ": ", 3)
		return strings.Join(parts[:min(len(parts), 2)], ": ")
	}
	return upToCode(a) == upToCode(b)
}

// FailureBackoff is how long an object is left alone after failures in a row.
var FailureBackoff = backoff.Doubling{First: time.Second, Longest: 5 * time.Minute}

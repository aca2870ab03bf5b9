package status

import (
	"time"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// Problem is something that a person, or time, must fix before the object can be carried out.
type Problem struct{ Reason, Message string }

// Outcome is what a reconcile came to: what the status will say, and when the object is looked at again. The functions
// below make outcomes; all others only add to what these returned when to look again.
type Outcome struct {
	// Silent outcomes leave the status as it is, and Why tells the log the reason.
	Silent bool
	Why    string
	// Suspended outcomes leave of the status what a reconcile found before the object was suspended.
	Suspended bool
	Ready     bool
	// Applied: the platform has all of the spec.
	Applied bool
	Reason  string
	// Message is stable: the same situation always gives the same words, and so no write.
	Message string
	// Stalled: needs a person; retried rarely. Reconciling: the operator is waiting for the platform.
	Stalled, Reconciling bool
	// Retry is when to look again without being asked; 0 when something will enqueue the object.
	Retry time.Duration
	// Await asks to be enqueued by the next list; Since is when that must have begun at the earliest, if not zero.
	Await bool
	Since time.Time
	// Refused is the fingerprint of a request that the platform refused.
	Refused string
}

// InSync says that the platform has what the spec says.
var InSync = Ready(itwinv1alpha1.InSyncReason, "Remote webhook matches spec").AsApplied()

// Ready says that all is as it should be.
func Ready(reason, message string) Outcome {
	return Outcome{Ready: true, Reason: reason, Message: message}
}

// Waiting says what the operator waits for.
func Waiting(reason, message string) Outcome {
	return Outcome{Reconciling: true, Reason: reason, Message: message}
}

// Stalled says what a person has to do.
func Stalled(reason, message string) Outcome {
	return Outcome{Stalled: true, Reason: reason, Message: message}
}

// Blocked says what keeps the object from being ready, while neither the operator works on it nor it is certain that a
// person must: an object that is missing may be created next.
func Blocked(reason, message string) Outcome { return Outcome{Reason: reason, Message: message} }

// Suspended says that nothing is done because the spec says so.
var Suspended = Outcome{Suspended: true, Reason: itwinv1alpha1.SuspendedReason, Why: "spec.suspend is set"}

// Unchanged leaves the status as it is.
func Unchanged(why string) Outcome { return Outcome{Silent: true, Why: why} }

// RequeueAfter leaves the status as it is, and looks at the object again after a time.
func RequeueAfter(d time.Duration, why string) Outcome {
	return Outcome{Silent: true, Retry: d, Why: why}
}

// WaitForList leaves the status as it is, and waits for a list that begins at a time or later.
func WaitForList(since time.Time, why string) Outcome {
	return Outcome{Silent: true, Await: true, Since: since, Why: why}
}

// WaitForNextList leaves the status as it is, and waits for the next list.
func WaitForNextList(why string) Outcome { return WaitForList(time.Time{}, why) }

// AsApplied says, too, that the platform has all of the spec.
func (o Outcome) AsApplied() Outcome {
	o.Applied = true
	return o
}

// After looks at the object again after a time.
func (o Outcome) After(d time.Duration) Outcome {
	o.Retry = d
	return o
}

// OnList looks at the object again after the next list.
func (o Outcome) OnList() Outcome {
	o.Await = true
	return o
}

// OfRequest says, too, which request the platform refused, by its fingerprint.
func (o Outcome) OfRequest(fingerprint string) Outcome {
	o.Refused = fingerprint
	return o
}

// Waits reports whether a reason of the Ready condition means that something was to be sent and has not been.
func Waits(reason string) bool {
	switch reason {
	case itwinv1alpha1.RateLimitedReason, itwinv1alpha1.PlatformUnavailableReason, itwinv1alpha1.ConnectionNotReadyReason,
		itwinv1alpha1.KubernetesRefusedReason, itwinv1alpha1.ProgressingReason:
		return true
	}
	return false
}

// OfProblem is the outcome of a problem. Rate limits and outages pass without help; what the API server refuses is
// tried again all the time.
func OfProblem(p Problem) Outcome {
	switch p.Reason {
	case itwinv1alpha1.RateLimitedReason, itwinv1alpha1.PlatformUnavailableReason, itwinv1alpha1.KubernetesRefusedReason:
		return Waiting(p.Reason, p.Message)
	}
	return Blocked(p.Reason, p.Message)
}

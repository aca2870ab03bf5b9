package status

import (
	"time"

	"webhook-operator.io/itwin/api/v1alpha1"
)

// Problem is something that a person, or time, must fix before the object can be carried out.
type Problem struct{ Reason, Message string }

// Outcome is what a reconcile came to: what the status will say, and when the object is looked at again.
type Outcome struct {
	// Silent outcomes leave the status as it is: there is nothing new to say, or nothing known yet.
	Silent bool
	Ready  bool
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

// Waits reports whether a reason of the Ready condition means that something was to be sent and has not been.
func Waits(reason string) bool {
	switch reason {
	case v1alpha1.RateLimitedReason, v1alpha1.PlatformUnavailableReason, v1alpha1.ConnectionNotReadyReason,
		v1alpha1.KubernetesRefusedReason:
		return true
	}
	return false
}

var (
	// InSync says that the platform has what the spec says.
	InSync = Outcome{
		Ready: true, Applied: true, Reason: v1alpha1.InSyncReason, Message: "Remote webhook matches spec",
	}
	// Unchanged leaves the status as it is.
	Unchanged = Outcome{Silent: true}
	// AwaitList does so too, and waits for the next list.
	AwaitList = Outcome{Silent: true, Await: true}
)

// AwaitListSince waits for a list that begins at t or later.
func AwaitListSince(t time.Time) Outcome { return Outcome{Silent: true, Await: true, Since: t} }

// OfProblem is the outcome of a problem. Rate limits and outages pass without help; what the API server refuses is
// tried again all the time.
func OfProblem(p Problem) Outcome {
	passing := p.Reason == v1alpha1.RateLimitedReason || p.Reason == v1alpha1.PlatformUnavailableReason ||
		p.Reason == v1alpha1.KubernetesRefusedReason
	return Outcome{Reason: p.Reason, Message: p.Message, Reconciling: passing}
}

package controllers

import (
	"time"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/platform"
)

// step is one thing to do. Each is one write, to the platform or to the API server.
type step string

const (
	addFinalizer     step = "add finalizer"
	storeSecret      step = "store secret"
	confirmAbsence   step = "confirm absence"
	forgetID         step = "forget id"
	recordIntent     step = "record intent"
	createRemote     step = "create"
	adoptRemote      step = "adopt"
	recordID         step = "record id"
	noteDeactivation step = "note deactivation"
	updateRemote     step = "update"
	deleteRemote     step = "delete"
	removeFinalizer  step = "remove finalizer"
)

// remote tells whether a step calls the platform.
func (s step) remote() bool {
	return s == confirmAbsence || s == createRemote || s == updateRemote || s == deleteRemote
}

// cause is why an update is made; it chooses the event.
type cause string

const (
	causeNone        cause = ""
	causeCreation    cause = "creation"
	causeAdoption    cause = "adoption"
	causeActivation  cause = "activation"
	causeReactivate  cause = "reactivation"
	causeRotation    cause = "rotation"
	causeSpec        cause = "spec"
	causeDrift       cause = "drift"
	causeProhibition cause = "prohibition"
)

// plan is what a decision comes to: steps in their order, and what to say when all of them succeeded.
type plan struct {
	steps []step
	// target is the remote webhook that adopt and delete are about.
	target string
	// patch of update; sendSecret adds the signing secret to it.
	patch      platform.Patch
	sendSecret bool
	cause      cause
	drift      string
	verdict    verdict
}

// verdict is what the status will say.
type verdict struct {
	// silent verdicts leave the status as it is: there is nothing new to say, or nothing known yet.
	silent bool
	ready  bool
	reason string
	// message is stable: the same situation always gives the same words, and so no write.
	message string
	// stalled: nothing changes until a person acts. reconciling: the operator is waiting for the platform.
	stalled, reconciling bool
	// retry is when to look again by ourselves; 0 when something will wake the object.
	retry time.Duration
	// await asks to be woken by the next list; since is when that must have begun at the earliest, if not zero.
	await bool
	since time.Time
	// refused is the fingerprint of a request that the platform refused.
	refused string
}

// waits tells whether a reason of the Ready condition means that something was to be sent and has not been.
func waits(reason string) bool {
	switch reason {
	case v1alpha1.RateLimitedReason, v1alpha1.PlatformUnavailableReason, v1alpha1.ConnectionNotReadyReason:
		return true
	}
	return false
}

const (
	// forbiddenPause is how long a missing permission is given to be granted.
	forbiddenPause = 10 * time.Minute
	// busyPause is how long a create of the same kind is given to end.
	busyPause = time.Second
)

var (
	inSync    = verdict{ready: true, reason: v1alpha1.InSyncReason, message: "The platform has what the spec says"}
	nothing   = verdict{silent: true}
	awaitList = verdict{silent: true, await: true}
)

// halted is the verdict on a problem. Rate limits and outages pass by themselves.
func halted(p problem) verdict {
	passing := p.reason == v1alpha1.RateLimitedReason || p.reason == v1alpha1.PlatformUnavailableReason
	return verdict{reason: p.reason, message: p.message, reconciling: passing}
}

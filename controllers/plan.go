package controllers

import (
	"slices"
	"time"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/internal/proof"
)

// step is one thing to do. Each is one write, to the platform or to the API server.
type step string

const (
	addFinalizer     step = "add finalizer"
	storeSecret      step = "store secret"
	ownSecret        step = "own secret"
	releaseSecret    step = "release secret"
	confirmRemote    step = "confirm"
	giveUpID         step = "give up id"
	createRemote     step = "create"
	adoptRemote      step = "adopt"
	recordID         step = "record id"
	noteDeactivation step = "note deactivation"
	noteTurningOff   step = "note turning off"
	updateRemote     step = "update"
	deleteRemote     step = "delete"
	removeOther      step = "remove another"
	dropFormer       step = "drop former"
	removeFinalizer  step = "remove finalizer"
)

// remote reports whether a step calls the platform.
func (s step) remote() bool {
	switch s {
	case confirmRemote, createRemote, updateRemote, deleteRemote, removeOther:
		return true
	}
	return false
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
	// waiting are the steps that a list in an outage holds back, and that the status tells of.
	waiting []step
	// target is the remote webhook that adopt is about.
	target string
	// patch of update. It carries the signing secret, unless withoutSecret is set; sendSecret makes it worth sending
	// although nothing else differs.
	patch         platform.Patch
	sendSecret    bool
	withoutSecret bool
	cause         cause
	drift         string
	// other is what remove another is about.
	other removal
	// former is what the list of given-up webhooks says after give up id and drop former.
	former  []proof.Remote
	verdict verdict
}

// needsSecret reports whether a step has to carry the value of the signing secret, which was not read.
func (p *plan) needsSecret(f *facts) bool {
	s := f.secret
	if s.loaded || s.missing || s.problem != nil || p.withoutSecret {
		return false
	}
	return slices.ContainsFunc(slices.Concat(p.steps, p.waiting), func(s step) bool {
		return s == createRemote || s == updateRemote || s == ownSecret
	})
}

// removal is a webhook that this object made and no longer wants.
type removal struct {
	proof.Remote
	// turnOff: it is only turned off, because no connection that the object may use reaches it.
	turnOff bool
	why     string
}

// request identifies the call that removes it.
func (r removal) request() string { return "remove " + r.Account + " " + r.ID }

// verdict is what the status will say.
type verdict struct {
	// silent verdicts leave the status as it is: there is nothing new to say, or nothing known yet.
	silent bool
	ready  bool
	// applied: the platform has all of the spec.
	applied bool
	reason  string
	// message is stable: the same situation always gives the same words, and so no write.
	message string
	// stalled: nothing changes until a person acts. reconciling: the operator is waiting for the platform.
	stalled, reconciling bool
	// retry is when to look again without being asked; 0 when something will enqueue the object.
	retry time.Duration
	// await asks to be enqueued by the next list; since is when that must have begun at the earliest, if not zero.
	await bool
	since time.Time
	// refused is the fingerprint of a request that the platform refused.
	refused string
}

// waits reports whether a reason of the Ready condition means that something was to be sent and has not been.
func waits(reason string) bool {
	switch reason {
	case v1alpha1.RateLimitedReason, v1alpha1.PlatformUnavailableReason, v1alpha1.ConnectionNotReadyReason,
		v1alpha1.KubernetesRefusedReason:
		return true
	}
	return false
}

const (
	// takenPause is how long to wait before looking again at a webhook that another Webhook just claimed.
	takenPause = time.Second
)

var (
	inSync    = verdict{ready: true, applied: true, reason: v1alpha1.InSyncReason, message: "Remote webhook matches spec"}
	nothing   = verdict{silent: true}
	awaitList = verdict{silent: true, await: true}
)

// awaitListSince waits for a list that begins at t or later.
func awaitListSince(t time.Time) verdict { return verdict{silent: true, await: true, since: t} }

// halted is the verdict on a problem. Rate limits and outages pass without help; what the API server refuses is tried
// again all the time.
func halted(p problem) verdict {
	passing := p.reason == v1alpha1.RateLimitedReason || p.reason == v1alpha1.PlatformUnavailableReason ||
		p.reason == v1alpha1.KubernetesRefusedReason
	return verdict{reason: p.reason, message: p.message, reconciling: passing}
}

package controllers

import (
	"slices"
	"time"

	"webhook-operator.io/itwin/controllers/status"
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
	outcome status.Outcome
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

const (
	// takenPause is how long to wait before looking again at a webhook that another Webhook just claimed.
	takenPause = time.Second
)

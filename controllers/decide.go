package controllers

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	apimeta "k8s.io/apimachinery/pkg/api/meta"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

// step is one thing to do. Each is one write, to the platform or to the API server.
type step string

const (
	addFinalizer     step = "add finalizer"
	storeSecret      step = "store secret"
	confirmAbsence   step = "confirm absence"
	forgetID         step = "forget id"
	createRemote     step = "create"
	adoptRemote      step = "adopt"
	recordID         step = "record id"
	noteDeactivation step = "note deactivation"
	updateRemote     step = "update"
	deleteRemote     step = "delete"
	removeFinalizer  step = "remove finalizer"
)

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

// waits tells whether something that was to be sent has not been.
func (v verdict) waits() bool {
	switch v.reason {
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

// decide says what to do about a Webhook. It is pure.
func decide(f facts) plan {
	switch {
	case !f.webhook.DeletionTimestamp.IsZero():
		return decideDeletion(f)
	case f.webhook.Spec.Suspend:
		return plan{verdict: nothing}
	case f.connection.forbidden:
		return decideForbidden(f)
	case f.connection.problem != nil:
		return decideUnconnected(f)
	case !f.connection.synced:
		return plan{verdict: awaitList}
	case !f.refreshSince.IsZero():
		return plan{verdict: verdict{silent: true, await: true, since: f.refreshSince}}
	case f.rival != "":
		return plan{verdict: verdict{reason: v1alpha1.AlreadyClaimedReason, stalled: true, message: fmt.Sprintf(
			"The remote webhook %s already belongs to the older Webhook %s; delete one of the two", f.id, f.rival)}}
	case f.id != "":
		return decideOwned(f)
	}
	return decideNew(f)
}

// decideForbidden turns off what a connection no longer allows. It is not deleted: permission may come back.
func decideForbidden(f facts) plan {
	p := plan{verdict: halted(*f.connection.problem)}
	if f.id != "" && f.rival == "" && f.presence == fleet.Present && f.remote.Active {
		off := false
		p.patch.Active, p.cause = &off, causeProhibition
		p.steps = []step{updateRemote}
	}
	return p
}

// decideUnconnected says so, unless that is no news: an object that has nothing to send is not touched by an outage or
// by trouble with the credentials, which the connection itself reports once.
func decideUnconnected(f facts) plan {
	settled := !f.specChanged() && apimeta.IsStatusConditionTrue(f.webhook.Status.Conditions, v1alpha1.ReadyCondition)
	if settled && f.connection.problem.reason != v1alpha1.ConnectionNotFoundReason {
		return plan{verdict: awaitList}
	}
	v := halted(*f.connection.problem)
	v.await = true
	return plan{verdict: v}
}

// decideOwned handles an object with a known remote webhook.
func decideOwned(f facts) plan {
	switch f.presence {
	case fleet.Present:
		return decideSync(f)
	case fleet.Gone:
		if f.webhook.Spec.WebhookID != "" {
			return plan{verdict: verdict{reason: v1alpha1.NotFoundReason, stalled: true, message: fmt.Sprintf(
				"The platform has no webhook %s to import; correct or replace this Webhook", f.id)}}
		}
		return decideLost(f)
	default:
		return plan{steps: []step{confirmAbsence}, verdict: awaitList}
	}
}

// decideLost replaces a remote webhook that somebody deleted. The old id is given up first, so that a create that is
// interrupted is looked for like any other.
func decideLost(f facts) plan {
	p := decideNew(f)
	if f.webhook.Annotations[v1alpha1.WebhookIDAnnotation] == "" {
		return p
	}
	if f.secret.problem != nil {
		return p
	}
	create := plan{
		steps: append([]step{forgetID}, creation(f)...),
		cause: causeDrift, drift: "it was deleted on the platform; created anew", verdict: inSync,
	}
	return activateAfterCreation(f, create)
}

// decideNew handles an object without a known remote webhook.
func decideNew(f facts) plan {
	switch {
	case f.secret.problem != nil:
		return plan{verdict: halted(*f.secret.problem)}
	case f.attempt.busy:
		return plan{verdict: verdict{silent: true, retry: busyPause}}
	case f.finalized() && f.attempt.orphan != nil:
		return takeOver(f, *f.attempt.orphan, causeCreation)
	case f.finalized() && !f.attempt.clean && !f.attempt.settled:
		return plan{verdict: verdict{silent: true, await: true, since: f.attempt.horizon}}
	case f.adoptable != nil:
		return takeOver(f, *f.adoptable, causeAdoption)
	case !f.reconcileRequested() && f.webhook.Status.RefusedRequest == fingerprintCreate(f):
		return plan{verdict: nothing}
	}
	p := plan{steps: creation(f), cause: causeCreation, verdict: inSync}
	return activateAfterCreation(f, p)
}

// creation is the protocol: finalizer first, the secret stored before the platform hears of it, the id written down
// before anything else.
func creation(f facts) (steps []step) {
	if !f.finalized() {
		steps = append(steps, addFinalizer)
	}
	if f.secret.missing || f.secret.rotate {
		steps = append(steps, storeSecret)
	}
	return append(steps, createRemote, recordID)
}

func activateAfterCreation(f facts, p plan) plan {
	if f.webhook.WantsActive() {
		on := true
		p.patch.Active = &on
		p.steps = append(p.steps, updateRemote)
	}
	return p
}

// takeOver makes an existing webhook the object's own, and equal to the spec.
func takeOver(f facts, w platform.Webhook, why cause) plan {
	p := plan{target: w.ID, cause: why, verdict: inSync}
	if !f.finalized() {
		p.steps = append(p.steps, addFinalizer)
	}
	if f.secret.missing || f.secret.rotate {
		p.steps = append(p.steps, storeSecret)
	}
	p.patch = difference(f.webhook, w)
	if want := f.webhook.WantsActive(); want != w.Active {
		p.patch.Active = &want
	}
	// Whose secret it has is not known.
	p.sendSecret = true
	p.steps = append(p.steps, adoptRemote, recordID, updateRemote)
	return p
}

// decideSync compares the remote webhook with the spec: one update carries all that differs.
func decideSync(f facts) plan {
	if f.webhook.Status.WebhookID == "" && f.webhook.Spec.WebhookID != "" && f.secret.problem == nil {
		return takeOver(f, f.remote, causeAdoption)
	}
	p := plan{verdict: inSync, patch: difference(f.webhook, f.remote)}
	if p.cause, p.drift = describeDifference(f, p.patch); !f.known() {
		// An interrupted creation goes on where it stopped.
		p.cause = causeCreation
	}
	restore(f, &p)
	decideSecret(f, &p)
	decideActive(f, &p)
	if p.patch.Empty() && !p.sendSecret {
		return p
	}
	if !f.reconcileRequested() && f.webhook.Status.RefusedRequest == fingerprintUpdate(f, p) {
		return plan{verdict: nothing}
	}
	p.steps = append(p.steps, updateRemote)
	return p
}

// restore writes down again what was lost of the object's metadata.
func restore(f facts, p *plan) {
	if !f.finalized() {
		p.steps = append(p.steps, addFinalizer)
	}
	if f.webhook.Annotations[v1alpha1.WebhookIDAnnotation] != f.id {
		p.steps = append(p.steps, recordID)
	}
}

func decideSecret(f facts, p *plan) {
	switch {
	case f.secret.problem != nil:
		p.verdict = halted(*f.secret.problem)
	case f.secret.missing || f.secret.rotate:
		p.steps = append(p.steps, storeSecret)
		fallthrough
	case !f.secretSent():
		p.sendSecret = true
		if p.cause == causeNone {
			p.cause = causeRotation
		}
	}
}

// decideActive compares the active states, and tells apart: never activated, off because the spec said so, and turned
// off by the platform.
func decideActive(f facts, p *plan) {
	want := f.webhook.WantsActive()
	if want == f.remote.Active {
		return
	}
	noticed := want && f.known() && !f.specChanged() && f.webhook.Status.Active != nil && *f.webhook.Status.Active
	off := noticed || want && deactivated(f.webhook) && f.known()
	next := f.webhook.Status.NextReactivationTime
	if noticed {
		p.steps = append(p.steps, noteDeactivation)
		next = nextReactivation(f.webhook, f.now)
	}
	if off && !f.specChanged() && !f.reactivationRequested() {
		if f.webhook.Spec.ReactivationPolicy == v1alpha1.ReactivateOnRequest {
			p.verdict = verdict{reason: v1alpha1.DeactivatedReason, message: onRequestMessage}
			return
		}
		if next != nil && f.now.Before(next.Time) {
			p.verdict = verdict{
				reason: v1alpha1.DeactivatedReason, reconciling: true, retry: next.Sub(f.now),
				message: "The platform turned the webhook off again soon after it was reactivated; next try at " +
					next.UTC().Format(time.RFC3339),
			}
			return
		}
	}
	p.patch.Active = &want
	switch {
	case off:
		p.cause = causeReactivate
	case want && p.cause == causeNone:
		p.cause = causeActivation
	case p.cause == causeNone:
		p.cause, p.drift = describeActive(f)
	}
}

const onRequestMessage = "The platform turned the webhook off after failed deliveries; mend the receiver, then set the " +
	"annotation " + v1alpha1.ReactivateRequestedAtAnnotation + " to a new value, or change the spec"

// deactivated tells whether the status says that the platform turned the webhook off.
func deactivated(w *v1alpha1.Webhook) bool {
	active := apimeta.FindStatusCondition(w.Status.Conditions, v1alpha1.ActiveCondition)
	return active != nil && active.Reason == v1alpha1.DeactivatedReason
}

func describeActive(f facts) (cause, string) {
	if f.specChanged() {
		return causeSpec, ""
	}
	return causeDrift, "it was active although the spec says that it is not"
}

// difference is the update that makes a webhook's callback and event types those of the spec.
func difference(w *v1alpha1.Webhook, remote platform.Webhook) (p platform.Patch) {
	if w.Spec.CallbackURL != remote.CallbackURL {
		p.CallbackURL = w.Spec.CallbackURL
	}
	if !sameSet(w.Spec.EventTypes, remote.EventTypes) {
		p.EventTypes = w.Spec.EventTypes
	}
	return p
}

// sameID compares UUIDs, which are the same in either case.
func sameID(a, b string) bool { return strings.EqualFold(a, b) }

func sameSet(a, b []string) bool {
	unique := func(s []string) []string { return slices.Compact(slices.Sorted(slices.Values(s))) }
	return slices.Equal(unique(a), unique(b))
}

func describeDifference(f facts, p platform.Patch) (cause, string) {
	switch {
	case p.Empty():
		return causeNone, ""
	case f.specChanged():
		return causeSpec, ""
	}
	var found string
	if p.CallbackURL != "" {
		found = fmt.Sprintf("callbackUrl was %q", f.remote.CallbackURL)
	}
	if p.EventTypes != nil {
		if found != "" {
			found += " and "
		}
		found += fmt.Sprintf("eventTypes were %q", f.remote.EventTypes)
	}
	return causeDrift, found
}

// decideDeletion lets an object go once nothing remote is left of it.
func decideDeletion(f facts) plan {
	release := plan{steps: []step{removeFinalizer}, verdict: nothing}
	switch {
	case !f.finalized():
		return plan{verdict: nothing}
	case f.webhook.Spec.DeletionPolicy == v1alpha1.RetainRemote, f.webhook.Spec.Suspend, f.rival != "":
		return release
	case f.id == "" && f.attempt.clean, f.presence == fleet.Gone:
		return release
	case !f.connection.synced && f.connection.problem != nil:
		v := deleting(f.connection.problem.message)
		v.await = true
		return plan{verdict: v}
	case !f.connection.synced:
		return plan{verdict: awaitList}
	case f.id != "":
		return plan{steps: []step{deleteRemote, removeFinalizer}, target: f.id, verdict: nothing}
	case f.attempt.busy:
		return plan{verdict: verdict{silent: true, retry: busyPause}}
	case f.attempt.orphan != nil:
		return plan{steps: []step{deleteRemote, removeFinalizer}, target: f.attempt.orphan.ID, verdict: nothing}
	case !f.attempt.settled:
		return plan{verdict: verdict{silent: true, await: true, since: f.attempt.horizon}}
	}
	return release
}

// deleting says why the remote delete has not succeeded, and how to let go.
func deleting(why string) verdict {
	return verdict{reason: v1alpha1.DeletingReason, message: fmt.Sprintf(
		"The remote webhook could not be deleted yet: %s. To let go of it without deleting, set "+
			"spec.deletionPolicy to Retain", why)}
}

// fingerprintCreate and fingerprintUpdate tell requests apart, without their secret: its version stands for it.
func fingerprintCreate(f facts) string {
	return fingerprint("create", createRequest(f.webhook), f.secret.version)
}

func fingerprintUpdate(f facts, p plan) string {
	version := ""
	if p.sendSecret {
		version = f.secret.version
	}
	return fingerprint("update", p.patch, version)
}

func fingerprint(operation string, body any, secretVersion string) string {
	data, err := json.Marshal([]any{operation, body, secretVersion})
	if err != nil {
		panic(err) // plain structs of strings always marshal
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// createRequest is the create that a spec asks for, without its secret.
func createRequest(w *v1alpha1.Webhook) platform.CreateRequest {
	return platform.CreateRequest{
		CallbackURL: w.Spec.CallbackURL, Scope: string(w.Spec.Scope), ScopeID: w.Spec.ScopeID,
		EventTypes: w.Spec.EventTypes,
	}
}

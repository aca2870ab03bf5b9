package controllers

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/internal/proof"
)

// facts are all that a decision is made from. They are values: deciding calls nothing.
type facts struct {
	now     time.Time
	webhook *v1alpha1.Webhook
	// requests are the object's annotations when it was read.
	requests map[string]string
	// generation of the spec that is decided about.
	generation int64

	// listCounts is how many lists of each account had succeeded before its snapshot was looked at.
	listCounts map[string]uint64

	connection connectionFacts
	identity   identity
	// spelling is how the platform spells the spec's callback, where it differs.
	spelling spelling
	// holder is how the account that owns the remote webhook is reached. It is the connection's unless the object moves.
	holder holderFacts
	// presence and remote say what is known of the remote webhook that the object owns or asks to import.
	presence fleet.Presence
	remote   platform.Webhook
	// conflictingOwner is the Webhook that has the better claim to it, as "namespace/name"; "" when there is none.
	conflictingOwner string

	attempt attemptFacts
	// refusals are the requests that the platform refused, by what they sent.
	refusals map[string]refusal
	// marked are the webhooks that creates of this object made, other than the one it owns.
	marked []markedFacts
	former []formerFacts
	// duplicates are the Webhooks that have the same events delivered to the same callback.
	duplicates []duplicate
	// adoptable is an unclaimed webhook that adoptionPolicy Matching allows to take over.
	adoptable *platform.Webhook
	// adoptionWaitSince is set while a list that began since one to adopt is looked for has not been seen.
	adoptionWaitSince time.Time
	secret            secretFacts
	// refreshSince is set while a list that began then, which reconcile-requested-at asks for, has not been seen.
	refreshSince time.Time
	// restless says how far the platform's times of modification can be relied on.
	restless fleet.Restlessness
	// confirmed is true when remote is the answer to a call about it, and no list's.
	confirmed bool
	// modified is the platform's time of the last change that this process made to the remote webhook; zero when it made
	// none.
	modified time.Time
	// turnedOff is true when this process turned the remote webhook off, and has not seen it on since.
	turnedOff bool
	// contestedUntil is when a change by another client may be corrected again.
	contestedUntil time.Time
}

// connectionFacts tell whether the platform can be reached for this object.
type connectionFacts struct {
	// account that the connection reaches; "" while it is not connected.
	account string
	// problem lies in the configuration, or in the credentials; nil when there is none.
	problem *status.Problem
	// forbidden is set when the problem is that the connection refuses this object.
	forbidden bool
	// adoption is true when the connection lets its Webhooks take over what the operator did not create for them.
	adoption bool
	// failure is why nothing is sent at the moment, or why the account is not listed.
	failure error
	// synced is true when the account has been listed.
	synced bool
}

// absent reports whether the connection that spec.connectionRef names does not exist.
func (c *connectionFacts) absent() bool {
	return c.problem != nil && c.problem.Reason == v1alpha1.ConnectionNotFoundReason
}

// reach says by which connections an object reaches an account.
type reach int

const (
	// unreachable: no connection to the account is known.
	unreachable reach = iota
	// notConnected: a connection that the object may use reached it before, and has not logged in since the operator
	// started.
	notConnected
	// forbidden: connections reach it, but none lets this object use it.
	forbidden
	// reachable: through a connection that the object may use.
	reachable
)

// none reports whether nothing can be learned about the account.
func (h reach) none() bool { return h == unreachable || h == notConnected }

// holderFacts tell how the account that owns the object's remote webhook is reached.
type holderFacts struct {
	reach   reach
	synced  bool
	failure error
	// moving is true when it is not the account that spec.connectionRef names.
	moving bool
	// callbackForbidden is true when the platform delivers to a host that the connection does not allow.
	callbackForbidden bool
}

// formerFacts tell about a remote webhook that was given up.
type formerFacts struct {
	proof.Remote
	reach    reach
	synced   bool
	failure  error
	presence fleet.Presence
	webhook  platform.Webhook
	// callbackForbidden is true when the platform delivers to a host that the connection does not allow.
	callbackForbidden bool
	// taken is true when another Webhook owns it now: nothing is done about it any more.
	taken bool
}

// markedFacts tell about a webhook that a create of this object made.
type markedFacts struct {
	account string
	webhook platform.Webhook
}

// attemptFacts tell whether an earlier create may have left a webhook behind.
type attemptFacts struct {
	// noneInFlight: none can have.
	noneInFlight bool
	// settled: a list shows what every earlier attempt left behind, if anything.
	settled bool
	// settledAfter is when a list can settle it.
	settledAfter time.Time
	// warmUp is how long the cache may not show yet who claims what. Nothing is taken, or deleted, that may be another's.
	warmUp time.Duration
}

// secretFacts tell about the signing secret. Its value is read only when it may have to be sent.
type secretFacts struct {
	name, version string
	// missing: the generated Secret must be made.
	missing bool
	// rotate: the generated Secret is to get another value.
	rotate bool
	// ownership of the generated Secret must be written: the Webhook becomes its owner, or is no longer.
	ownership bool
	// problem with a Secret that a person must fix; nil when there is none. retry is when it may have passed by itself.
	problem *status.Problem
	retry   time.Duration
	// loaded is true when value and fingerprint are those of the Secret.
	loaded             bool
	value, fingerprint string
	// read is the Secret that the value was read from; nil while it was not.
	read *corev1.Secret
	// release: the generated Secret is to outlive the object, which is being deleted and still owns it.
	release bool
	// refused is what the API server said when it refused to write the generated Secret.
	refused secretRefusal
	// held is why the generated Secret is not written now, though its value can be used; nil when nothing holds it back.
	held *status.Problem
	// sent is the fingerprint of the value that this process sent last; unknownSecret when it is not known whether the
	// platform has it, "" when it sent none.
	sent string
}

// finalized reports whether a remote webhook may exist: the finalizer is there before anything is sent.
func (f *facts) finalized() bool {
	return controllerutil.ContainsFinalizer(f.webhook, v1alpha1.WebhookFinalizer)
}

// id is the remote webhook that the object owns; "" when there is none.
func (f *facts) id() string { return f.identity.owned.ID }

// pending reports whether an edit of the spec has not reached the platform yet.
func (f *facts) pending() bool { return f.generation != appliedGeneration(&f.webhook.Status) }

// appliedGeneration is the generation that the platform was last known to have in full. Version 0.1.0 did not record
// it: what its status has observed, the platform has, unless it says that a change was waiting.
func appliedGeneration(s *v1alpha1.WebhookStatus) int64 {
	if s.AppliedGeneration > 0 || s.WebhookID == "" || s.Account != "" {
		return s.AppliedGeneration
	}
	ready := apimeta.FindStatusCondition(s.Conditions, v1alpha1.ReadyCondition)
	if ready != nil && status.Waits(ready.Reason) {
		return 0
	}
	return s.ObservedGeneration
}

// described reports whether the status speaks of the remote webhook that the object owns now.
func (f *facts) described() bool {
	return f.id() != "" && platform.SameID(f.webhook.Status.WebhookID, f.id()) &&
		(f.webhook.Status.Account == f.identity.owned.Account || f.webhook.Status.Account == "")
}

// createdUnreported reports whether a webhook was created of which the status does not speak yet.
func (f *facts) createdUnreported() bool { return f.id() != "" && f.identity.proven && !f.described() }

// untouchedImport reports whether the remote webhook was imported and has not been written to since: which secret it
// has is not known.
func (f *facts) untouchedImport() bool {
	s := f.webhook.Status
	return f.described() && s.SecretName == "" && s.SecretFingerprint == ""
}

// changedElsewhere reports whether another client changed the remote webhook since the operator wrote to it: what such
// a change did to the secret cannot be seen.
func (f *facts) changedElsewhere() bool {
	return f.described() && f.presence == fleet.Present && f.restless != fleet.Restless && !f.madeHere(f.remote) &&
		!sameTime(f.webhook.Status.Modified, f.remote.Modified)
}

// outdated reports whether a list shows the remote webhook as it was before the last write that the status knows of:
// lists may lag.
func (f *facts) outdated() bool {
	known, listed := f.webhook.Status.Modified, platformTime(f.remote.Modified)
	return f.described() && f.presence == fleet.Present && !f.confirmed && f.restless != fleet.Restless &&
		known != nil && listed != nil && listed.Before(known) && !sameTime(known, f.remote.Modified)
}

// madeHere reports whether the last change of the remote webhook is one that this process made.
func (f *facts) madeHere(remote platform.Webhook) bool {
	return !f.modified.IsZero() && sameTime(platformTime(f.modified), remote.Modified)
}

// scopeMismatch reports whether the webhook to import is of another scope than the spec, which no update can change.
func (f *facts) scopeMismatch() bool {
	return f.presence == fleet.Present && !inScope(f.remote, f.webhook)
}

// unreachableFormers are the remote webhooks that were given up in accounts that no connection reaches.
func (f *facts) unreachableFormers() (left []proof.Remote) {
	for _, former := range f.former {
		if former.reach == unreachable && !former.taken {
			left = append(left, former.Remote)
		}
	}
	return left
}

// formerRemotes are the remote webhooks that were given up, without some.
func (f *facts) formerRemotes(without ...proof.Remote) (remotes []proof.Remote) {
	for _, r := range f.identity.former {
		if !slices.ContainsFunc(without, func(o proof.Remote) bool { return sameRemote(o, r) }) {
			remotes = append(remotes, r)
		}
	}
	return remotes
}

// requested reports whether an annotation asks for something that was not handled yet.
func requested(w *v1alpha1.Webhook, annotation, handled string) bool {
	value := w.Annotations[annotation]
	return value != "" && value != handled
}

func (f *facts) reactivationRequested() bool {
	return requested(f.webhook, v1alpha1.ReactivateRequestedAtAnnotation, f.webhook.Status.LastHandledReactivateAt)
}

// rotationRequested reports whether another value of a generated Secret was asked for.
func (f *facts) rotationRequested() bool {
	return f.webhook.GeneratesSecret() &&
		requested(f.webhook, v1alpha1.RotateRequestedAtAnnotation, f.webhook.Status.LastHandledRotateAt)
}

func (f *facts) reconcileRequested() bool {
	return requested(f.webhook, v1alpha1.ReconcileRequestedAtAnnotation, f.webhook.Status.LastHandledReconcileAt)
}

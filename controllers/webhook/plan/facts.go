package plan

import (
	"slices"
	"time"

	apimeta "k8s.io/apimachinery/pkg/api/meta"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/identity"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/internal/proof"
)

// Facts are all that a decision is made from. They are values: deciding calls nothing.
type Facts struct {
	Now     time.Time
	Webhook *itwinv1alpha1.Webhook
	// Requests are the object's annotations when it was read.
	Requests map[string]string
	// Generation of the spec that is decided about.
	Generation int64

	// ListCounts is how many lists of each account had succeeded before its snapshot was looked at.
	ListCounts map[string]uint64

	Connection connectionFacts
	Identity   identity.Identity
	// Spelling is how the platform spells the spec's callback, where it differs.
	Spelling Spelling
	// Holder is how the account that owns the remote webhook is reached. It is the connection's unless the object moves.
	Holder holderFacts
	// Presence and remote say what is known of the remote webhook that the object owns or asks to import.
	Presence fleet.Presence
	Remote   platform.Webhook
	// ConflictingOwner is the Webhook that has the better claim to it, as "namespace/name"; "" when there is none.
	ConflictingOwner string
	// OwnerLeaves is true when every Webhook with a better claim is being deleted.
	OwnerLeaves bool

	Attempt attemptFacts
	// Refusals are the requests that the platform refused, by what they sent.
	Refusals map[string]Refusal
	// Marked are the webhooks that creates of this object made, other than the one it owns.
	Marked []MarkedFacts
	Former []FormerFacts
	// Duplicates are the Webhooks that have the same events delivered to the same callback.
	Duplicates []Duplicate
	// Adoptable is an unclaimed webhook that adoptionPolicy Matching allows to take over.
	Adoptable *platform.Webhook
	// AdoptionWaitSince is set while a list that began since one to adopt is looked for has not been seen.
	AdoptionWaitSince time.Time
	Secret            SecretFacts
	// RefreshSince is set while a list that began then, which reconcile-requested-at asks for, has not been seen.
	RefreshSince time.Time
	// Restless says how far the platform's times of modification can be relied on.
	Restless fleet.Restlessness
	// Confirmed is true when remote is the answer to a call about it, and no list's.
	Confirmed bool
	// Modified is the platform's time of the last change that this process made to the remote webhook; zero when it made
	// none.
	Modified time.Time
	// TurnedOff is true when this process turned the remote webhook off, and has not seen it on since.
	TurnedOff bool
	// ContestedUntil is when a change by another client may be corrected again.
	ContestedUntil time.Time
}

// connectionFacts tell whether the platform can be reached for this object.
type connectionFacts struct {
	// Account that the connection reaches; "" while it is not connected.
	Account string
	// Problem lies in the configuration, or in the credentials; nil when there is none.
	Problem *status.Problem
	// Forbidden is set when the problem is that the connection refuses this object.
	Forbidden bool
	// Adoption is true when the connection lets its Webhooks take over what the operator did not create for them.
	Adoption bool
	// Failure is why nothing is sent at the moment, or why the account is not listed.
	Failure error
	// Synced is true when the account has been listed.
	Synced bool
}

// Absent reports whether the connection that spec.connectionRef names does not exist.
func (c *connectionFacts) Absent() bool {
	return c.Problem != nil && c.Problem.Reason == itwinv1alpha1.ConnectionNotFoundReason
}

// Reach says by which connections an object reaches an account.
type Reach int

const (
	// Unreachable: no connection to the account is known.
	Unreachable Reach = iota
	// NotConnected: a connection that the object may use reached it before, and has not logged in since the operator
	// started.
	NotConnected
	// Forbidden: connections reach it, but none lets this object use it.
	Forbidden
	// Reachable: through a connection that the object may use.
	Reachable
)

// none reports whether nothing can be learned about the account.
func (h Reach) none() bool { return h == Unreachable || h == NotConnected }

// holderFacts tell how the account that owns the object's remote webhook is reached.
type holderFacts struct {
	Reach   Reach
	Synced  bool
	Failure error
	// Moving is true when it is not the account that spec.connectionRef names.
	Moving bool
	// CallbackForbidden is true when the platform delivers to a host that the connection does not allow.
	CallbackForbidden bool
}

// FormerFacts tell about a remote webhook that was given up.
type FormerFacts struct {
	proof.Remote
	Reach    Reach
	Synced   bool
	Failure  error
	Presence fleet.Presence
	Webhook  platform.Webhook
	// CallbackForbidden is true when the platform delivers to a host that the connection does not allow.
	CallbackForbidden bool
	// Taken is true when another Webhook owns it now: nothing is done about it any more.
	Taken bool
}

// MarkedFacts tell about a webhook that a create of this object made.
type MarkedFacts struct {
	Account string
	Webhook platform.Webhook
}

// attemptFacts tell whether an earlier create may have left a webhook behind.
type attemptFacts struct {
	// NoneInFlight: none can have.
	NoneInFlight bool
	// Settled: a list shows what every earlier attempt left behind, if anything.
	Settled bool
	// SettledAfter is when a list can settle it.
	SettledAfter time.Time
	// WarmUp is how long the cache may not show yet who claims what. Nothing is taken, or deleted, that may be another's.
	WarmUp time.Duration
}

// SecretFacts tell about the signing secret. Its value is read only when it may have to be sent.
type SecretFacts struct {
	Name, Version string
	// Missing: the generated Secret must be made.
	Missing bool
	// Awaited: it is missing and may still be restored, which Problem tells.
	Awaited bool
	// Rotate: the generated Secret is to get another value.
	Rotate bool
	// Metadata of the generated Secret must be written: the Webhook becomes its owner, or is no longer; or its labels and
	// annotations are not those of spec.secretTemplate.
	Metadata bool
	// Problem with a Secret that a person must fix; nil when there is none. retry is when it may have passed by itself.
	Problem *status.Problem
	Retry   time.Duration
	// Loaded is true when value and fingerprint are those of the Secret.
	Loaded             bool
	Value, Fingerprint string
	// Release: the generated Secret is to outlive the object, which is being deleted and still owns it.
	Release bool
	// Refused is what the API server said when it refused to write the generated Secret.
	Refused SecretRefusal
	// Held is why the generated Secret is not written now, though its value can be used; nil when nothing holds it back.
	Held *status.Problem
	// Unsent is true when the status has no more than the note of this process that it is about to send the value, and
	// nothing came of it.
	Unsent bool
	// Sent is the fingerprint of the value that this process sent last; UnknownSecret when it is not known whether the
	// platform has it, "" when it sent none.
	Sent string
}

// Finalized reports whether a remote webhook may exist: the finalizer is there before anything is sent.
func (f *Facts) Finalized() bool {
	return slices.Contains(f.Webhook.Finalizers, itwinv1alpha1.WebhookFinalizer)
}

// ID is the remote webhook that the object owns; "" when there is none.
func (f *Facts) ID() string { return f.Identity.Owned.ID }

// Pending reports whether an edit of the spec has not reached the platform yet.
func (f *Facts) Pending() bool { return f.Generation != appliedGeneration(&f.Webhook.Status) }

// appliedGeneration is the generation that the platform was last known to have in full. Version 0.1.0 did not record
// it: what its status has observed, the platform has, unless it says that a change was waiting.
func appliedGeneration(s *itwinv1alpha1.WebhookStatus) int64 {
	if s.AppliedGeneration > 0 || s.WebhookID == "" || s.Account != "" {
		return s.AppliedGeneration
	}
	ready := apimeta.FindStatusCondition(s.Conditions, itwinv1alpha1.ReadyCondition)
	switch {
	case ready == nil:
		return s.ObservedGeneration
	case status.Waits(ready.Reason):
		return 0
	}
	return ready.ObservedGeneration
}

// Described reports whether the status speaks of the remote webhook that the object owns now.
func (f *Facts) Described() bool {
	return f.ID() != "" && platform.SameID(f.Webhook.Status.WebhookID, f.ID()) &&
		(f.Webhook.Status.Account == f.Identity.Owned.Account || f.Webhook.Status.Account == "")
}

// WaitsForFirstList reports whether nothing else can be decided than to wait for the first list of the connection's
// account, if the remote webhook that the object owns is in an account that has not been listed. It needs the facts
// about the connection and the identity alone.
func (f *Facts) WaitsForFirstList() bool {
	return f.Connection.Problem == nil && !f.Connection.Synced && f.ID() != "" && len(f.Identity.Former) == 0 &&
		f.Webhook.DeletionTimestamp.IsZero() && !f.Webhook.Spec.Suspend
}

// CreatedUnreported reports whether a webhook was created of which the status does not speak yet.
func (f *Facts) CreatedUnreported() bool { return f.ID() != "" && f.Identity.Proven && !f.Described() }

// changedElsewhere reports whether another client changed the remote webhook since the operator wrote to it: what such
// a change did to the secret cannot be seen.
func (f *Facts) changedElsewhere() bool {
	return f.Described() && f.Presence == fleet.Present && f.Restless != fleet.Restless && !f.MadeHere(f.Remote) &&
		!sameTime(f.Webhook.Status.Modified, f.Remote.Modified)
}

// outdated reports whether a list shows the remote webhook as it was before the last write that the status knows of:
// lists may lag.
func (f *Facts) outdated() bool {
	known, listed := f.Webhook.Status.Modified, PlatformTime(f.Remote.Modified)
	return f.Described() && f.Presence == fleet.Present && !f.Confirmed && f.Restless != fleet.Restless &&
		known != nil && listed != nil && listed.Before(known) && !sameTime(known, f.Remote.Modified)
}

// MadeHere reports whether the last change of the remote webhook is one that this process made.
func (f *Facts) MadeHere(remote platform.Webhook) bool {
	return !f.Modified.IsZero() && sameTime(PlatformTime(f.Modified), remote.Modified)
}

// scopeMismatch reports whether the webhook to import is of another scope than the spec, which no update can change.
func (f *Facts) scopeMismatch() bool {
	return f.Presence == fleet.Present && !InScope(f.Remote, f.Webhook)
}

// UnreachableFormers are the remote webhooks that were given up in accounts that no connection reaches.
func (f *Facts) UnreachableFormers() (left []proof.Remote) {
	for _, former := range f.Former {
		if former.Reach == Unreachable && !former.Taken {
			left = append(left, former.Remote)
		}
	}
	return left
}

// formerRemotes are the remote webhooks that were given up, without some.
func (f *Facts) formerRemotes(without ...proof.Remote) (remotes []proof.Remote) {
	for _, r := range f.Identity.Former {
		if !slices.ContainsFunc(without, func(o proof.Remote) bool { return identity.SameRemote(o, r) }) {
			remotes = append(remotes, r)
		}
	}
	return remotes
}

// requested reports whether an annotation asks for something that was not handled yet.
func requested(w *itwinv1alpha1.Webhook, annotation, handled string) bool {
	value := w.Annotations[annotation]
	return value != "" && value != handled
}

func (f *Facts) reactivationRequested() bool {
	return requested(f.Webhook, itwinv1alpha1.ReactivateRequestedAtAnnotation, f.Webhook.Status.LastHandledReactivateAt)
}

// RotationRequested reports whether another value of a generated Secret was asked for.
func (f *Facts) RotationRequested() bool {
	return f.Webhook.GeneratesSecret() &&
		requested(f.Webhook, itwinv1alpha1.RotateRequestedAtAnnotation, f.Webhook.Status.LastHandledRotateAt)
}

// ReconcileRequested reports whether another look at the platform was asked for.
func (f *Facts) ReconcileRequested() bool {
	return requested(f.Webhook, itwinv1alpha1.ReconcileRequestedAtAnnotation, f.Webhook.Status.LastHandledReconcileAt)
}

// AlreadySays reports whether the status gives this reason for the current spec: the words of the first failure are
// better than those of whatever else fails in the same outage, and one outage is one write.
func (f *Facts) AlreadySays(reason string) bool {
	ready := status.ReadyAt(f.Webhook, f.Generation)
	return ready != nil && ready.Reason == reason
}

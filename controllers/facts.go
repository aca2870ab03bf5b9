package controllers

import (
	"time"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

// facts are all that a decision is made from. They are values: deciding calls nobody.
type facts struct {
	now time.Time
	// heard is how many lists had succeeded before the remote side was looked at.
	heard   uint64
	webhook *v1alpha1.Webhook
	// asked are the object's annotations when it was looked at.
	asked map[string]string
	// generation of the spec that is decided about.
	generation int64

	connection connectionFacts
	// id of the remote webhook that the object owns; "" when none is known.
	id       string
	presence fleet.Presence
	// remote is the webhook as last seen; only with presence Present.
	remote platform.Webhook
	// rival is the older Webhook that already owns the id, as "namespace/name"; "" when there is none.
	rival string

	attempt attemptFacts
	// adoptable is an unclaimed webhook that adoptionPolicy Matching allows to take over.
	adoptable *platform.Webhook
	// hopeSince is set while a list that began since one is looked for has not been seen.
	hopeSince time.Time
	secret    secretFacts
	// refreshSince is set while a list that began then, which reconcile-requested-at asks for, has not been seen.
	refreshSince time.Time
}

// problem is something that a person, or time, must mend before the object can be carried out.
type problem struct{ reason, message string }

// connectionFacts tell whether the platform can be reached for this object.
type connectionFacts struct {
	// problem lies in the configuration, or in the credentials; nil when there is none.
	problem *problem
	// forbidden is set when the problem is that the connection refuses this object.
	forbidden bool
	// trouble is why nothing is sent at the moment.
	trouble error
	// synced is true when the remote side has been listed.
	synced bool
}

// attemptFacts tell whether an earlier create may have left a webhook behind.
type attemptFacts struct {
	// clean: none can have.
	clean bool
	// settled: a list shows what every earlier attempt left behind, if anything.
	settled bool
	// horizon is when a list can settle it.
	horizon time.Time
	// immature is how long the cache may not show yet who claims what. Nothing is taken, or deleted, that may be
	// another's.
	immature time.Duration
	// busy: a create of the same kind is under way, whose webhook cannot be told apart yet.
	busy bool
	// orphan is what an attempt left behind.
	orphan *platform.Webhook
}

// secretFacts tell about the signing secret. Its value is read only when it must be sent.
type secretFacts struct {
	name, version string
	// missing: the generated Secret must be made.
	missing bool
	// rotate: the generated Secret is to get a new value.
	rotate bool
	// doubtful: the platform, which does not tell which secret it has, may have another one than the status says.
	doubtful bool
	// problem with a Secret that somebody else must mend; nil when there is none.
	problem *problem
	// value is set only when the platform does not have this version.
	value string
}

// finalized tells whether a remote webhook may exist: the finalizer is there before anything is sent.
func (f *facts) finalized() bool {
	return controllerutil.ContainsFinalizer(f.webhook, v1alpha1.WebhookFinalizer)
}

// specChanged tells whether the spec has changed since it was last carried out. One that still waits to be sent has.
func (f *facts) specChanged() bool {
	ready := apimeta.FindStatusCondition(f.webhook.Status.Conditions, v1alpha1.ReadyCondition)
	return f.generation != f.webhook.Status.ObservedGeneration || ready != nil && waits(ready.Reason)
}

// known tells whether the status speaks of the remote webhook that the object owns now.
func (f *facts) known() bool { return f.id != "" && f.webhook.Status.WebhookID == f.id }

// begun tells whether a webhook was created of which the status does not speak yet.
func (f *facts) begun() bool {
	return f.id != "" && !f.known() && f.webhook.Annotations[v1alpha1.WebhookIDAnnotation] == f.id
}

// secretSent tells whether the platform has the current version of the signing secret, as far as the status knows. A
// webhook that is gone had it: the one that replaces it needs the value again.
func (f *facts) secretSent() bool {
	s := f.webhook.Status
	return f.known() && f.presence != fleet.Gone && s.SecretName == f.secret.name &&
		s.SecretVersion == f.secret.version && !f.secret.missing && !f.secret.rotate
}

// doubtsSecret tells whether the platform may have another secret than the status says: the webhook was changed by
// somebody who did not write the status, such as a process that died, or a request that came late; or it is going to be
// changed, after which that could not be seen any more. A process that has vouched for the secret need not ask.
func (f *facts) doubtsSecret() bool {
	if !f.known() || f.presence != fleet.Present {
		return false
	}
	changed := !f.webhook.Status.SecretAsOf.Equal(platformTime(f.remote.Modified))
	return changed || !difference(f.webhook, f.remote).Empty() || f.webhook.WantsActive() != f.remote.Active
}

// misfit tells whether the webhook that the object names is of another scope than the spec, which no update can change.
// It is not the object's, then.
func (f *facts) misfit() bool {
	return !f.known() && f.presence == fleet.Present && !inScope(f.remote, createRequest(f.webhook))
}

// requested tells whether an annotation asks for something that was not handled yet.
func requested(w *v1alpha1.Webhook, annotation, handled string) bool {
	value := w.Annotations[annotation]
	return value != "" && value != handled
}

func (f *facts) reactivationRequested() bool {
	return requested(f.webhook, v1alpha1.ReactivateRequestedAtAnnotation, f.webhook.Status.LastHandledReactivateAt)
}

func (f *facts) reconcileRequested() bool {
	return requested(f.webhook, v1alpha1.ReconcileRequestedAtAnnotation, f.webhook.Status.LastHandledReconcileAt)
}

package controllers

import (
	"fmt"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/fleet"
)

// decideDeletion lets an object go once nothing remote is left of it.
func decideDeletion(f facts) plan {
	release := plan{steps: []step{removeFinalizer}, verdict: nothing}
	switch {
	case !f.finalized():
		return plan{verdict: nothing}
	case f.webhook.Spec.DeletionPolicy == v1alpha1.RetainRemote, f.webhook.Spec.Suspend, f.rival != "", f.misfit():
		return release
	case f.connection.forbidden && f.id != "" && !f.known():
		// It merely names a webhook, which may be somebody else's.
		return release
	case f.id == "" && f.attempt.clean, f.presence == fleet.Gone:
		return release
	case !f.connection.synced && f.connection.problem != nil:
		v := deleting(f.connection.problem.message)
		v.await = true
		return plan{verdict: v}
	case !f.connection.synced && f.connection.trouble == nil:
		return plan{verdict: awaitList}
	case f.connection.trouble != nil:
		v := deleting(troubleOf(f.connection.trouble))
		v.await = true
		return plan{verdict: v}
	case f.id != "":
		return plan{steps: []step{deleteRemote, removeFinalizer}, target: f.id, verdict: nothing}
	case f.attempt.busy:
		return plan{verdict: verdict{silent: true, retry: busyPause}}
	case f.attempt.orphan != nil && f.attempt.immature > 0:
		return plan{verdict: verdict{silent: true, retry: f.attempt.immature}}
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

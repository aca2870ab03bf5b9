package webhook

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/controllers/webhook/plan"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/internal/proof"
)

// confirm reads a webhook that the lists lack. What it finds is in the snapshot; deciding again is up to the next run.
func (e *executor) confirm(remote context.Context) error {
	id, member := cmp.Or(e.facts.ID(), e.facts.Identity.Requested), e.holder()
	if other := e.plan.Other; other.ID != "" {
		id, member = other.ID, e.via[other.Account]
	}
	if err := member.Confirm(remote, e.priority(), id); err != nil {
		return err
	}
	e.outcome = status.RequeueAfter(status.Again, "deciding again with what was read")
	return nil
}

func (e *executor) create(remote context.Context) error {
	request := plan.CreateRequest(e.object())
	request.Secret = e.facts.Secret.Value
	request.CallbackURL = e.facts.MarkedCallback()
	created, err := e.target().Create(remote, e.priority(), e.owner(), request)
	if refusesMark(err) {
		request.CallbackURL = e.object().Spec.CallbackURL
		created, err = e.target().Create(remote, e.priority(), e.owner(), request)
	}
	if err != nil {
		if platform.MayHaveHappened(err) {
			e.entry.CreateUnknown(e.now())
		}
		return err
	}
	e.owns(created.ID)
	e.described, e.created = &created, true
	if e.plan.Cause == plan.CauseDrift {
		e.warn("Drifted", "Recreate", "The remote webhook was found changed: %s", e.plan.Drift)
	}
	e.event("Created", "Create", "Created remote webhook %s", created.ID)
	return nil
}

// owns makes a webhook of the connection's account the object's own.
func (e *executor) owns(id string) {
	e.facts.Identity.Owned = proof.Remote{Account: e.facts.Connection.Account, ID: id}
	e.facts.Identity.Requested, e.facts.Holder.Moving = "", false
	e.entry.Owns(e.facts.Identity.Owned)
}

var errTaken = errors.New("the remote webhook was claimed by another Webhook meanwhile")

func (e *executor) adopt() error {
	if !e.target().Fleet().Claim(e.plan.Target, e.owner()) {
		return errTaken
	}
	e.owns(e.plan.Target)
	if w, presence := e.target().Fleet().Lookup(e.plan.Target); presence == fleet.Present {
		e.described = &w
	}
	switch {
	case e.plan.Cause == plan.CauseCreation:
		e.event("Created", "Create", "Found remote webhook %s, which an interrupted create had made", e.facts.ID())
	case !slices.Contains(e.plan.Steps, plan.UpdateRemote):
		e.event("Adopted", "Adopt", "Took over remote webhook %s as it is", e.facts.ID())
	}
	return nil
}

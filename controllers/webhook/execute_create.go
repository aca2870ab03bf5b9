package webhook

import (
	"context"
	"errors"
	"slices"
	"strings"

	"webhook-operator.io/itwin/controllers/webhook/plan"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/internal/proof"
)

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

// refusesMark reports whether the platform refused a create because of the query parameter that marks its callbackUrl,
// in words that speak of it: any other refusal is about the spec.
func refusesMark(err error) bool {
	said, answered := errors.AsType[*platform.Error](err)
	if !answered || !platform.IsRefused(err) || platform.IsForbidden(err) {
		return false
	}
	words := strings.ToLower(said.Said())
	return strings.Contains(words, platform.OwnerParameter) || strings.Contains(words, "query")
}

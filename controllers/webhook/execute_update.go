package webhook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/controllers/webhook/plan"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

func (e *executor) update(remote context.Context) error {
	patch := e.plan.Patch
	if !e.plan.WithoutSecret {
		patch.Secret = e.facts.Secret.Value
	}
	var before plan.EarlierCallbacks
	if patch.CallbackURL != "" {
		before = e.entry.SendingCallback(patch.CallbackURL, e.callbackBefore())
	}
	updated, err := e.send(remote, patch)
	if platform.IsAccepted(err) {
		e.entry.AcceptedUpdate(patch.Active != nil && !*patch.Active)
		e.secretSent, e.reactivated = !e.plan.WithoutSecret, e.plan.Cause == plan.CauseReactivation
		if e.failures() == 0 { // the same again is no news: nothing came of it
			e.announceUpdate()
		}
	}
	if err != nil {
		return err
	}
	e.described, e.updated = &updated, true
	e.entry.Wrote(updated, patch.Active != nil && !*patch.Active)
	e.secretSent = !e.plan.WithoutSecret
	e.reactivated = e.plan.Cause == plan.CauseReactivation
	e.announceUpdate()
	if patch.CallbackURL != "" {
		e.facts.LearnSpelling(before, updated.CallbackURL)
		e.entry.CallbackAnswered(e.facts.Spelling)
	}
	return e.compare(patch, updated)
}

// callbackBefore is what the remote webhook had before the spec's callback was first sent to it.
func (e *executor) callbackBefore() plan.EarlierCallbacks {
	switch {
	case e.created:
		return plan.EarlierCallbacks{Had: []string{e.facts.MarkedCallback()}}
	case slices.Contains(e.plan.Steps, plan.AdoptRemote) && e.described != nil:
		return plan.EarlierCallbacks{Had: []string{e.described.CallbackURL}}
	}
	return e.facts.CallbackBefore()
}

// send sends an update, and keeps in mind which secret the platform has because of it.
func (e *executor) send(remote context.Context, patch platform.Patch) (platform.Webhook, error) {
	if patch.Secret == "" {
		return e.holder().Update(remote, e.priority(), e.facts.ID(), patch)
	}
	before := e.entry.SendingSecret()
	updated, err := e.holder().Update(remote, e.priority(), e.facts.ID(), patch)
	switch {
	case err == nil || platform.IsAccepted(err):
		e.entry.SecretSent(e.facts.Secret.Fingerprint)
	case !platform.MayHaveHappened(err):
		e.entry.SecretSent(before)
	}
	return updated, err
}

// compare looks at what is left to do after an update. The snapshot has the answer already, so no list will tell of it:
// what the update did not speak of, but another client had changed since the last list, is decided on at once.
func (e *executor) compare(patch platform.Patch, updated platform.Webhook) error {
	if e.facts.Generation != e.object().Generation {
		return nil // there is more to come anyway
	}
	if patch.Active != nil && updated.Active != *patch.Active {
		return errIgnored
	}
	left := e.facts.Difference(updated)
	if !left.Empty() && (patch.CallbackURL != "" || patch.EventTypes != nil) {
		return keptError(left, updated)
	}
	turned := patch.Active == nil && e.facts.Presence == fleet.Present && updated.Active != e.facts.Remote.Active ||
		patch.Active == nil && e.created && updated.Active != e.object().WantsActive()
	if turned || !left.Empty() {
		e.outcome = status.RequeueAfter(status.Again, "the update left differences; deciding again")
	}
	return nil
}

// errIgnored is an activation, or the opposite, that the platform accepted without doing it: it may do it later.
var errIgnored = errors.New("the platform accepted the change of active but has not made it yet")

var errKept = errors.New("the platform accepted the change but kept another value")

// keptError says what the platform kept.
func keptError(left platform.Patch, updated platform.Webhook) error {
	var kept []string
	if left.CallbackURL != "" {
		kept = append(kept, fmt.Sprintf("callbackUrl %q instead of %q",
			platform.WithoutQueries(updated.CallbackURL), platform.WithoutQueries(left.CallbackURL)))
	}
	if left.EventTypes != nil {
		kept = append(kept, fmt.Sprintf("eventTypes %q instead of %q", updated.EventTypes, left.EventTypes))
	}
	return fmt.Errorf("%w: %s", errKept, strings.Join(kept, ", and "))
}

package webhook

import (
	"context"
	"fmt"
	"time"

	"webhook-operator.io/itwin/internal/platform"
)

func (e *executor) delete(remote context.Context) error {
	id := e.facts.ID()
	if err := e.holder().Delete(remote, e.priority(), id); err != nil {
		if platform.IsAccepted(err) && e.failures() == 0 {
			e.log.Info("The platform accepted the deletion of a remote webhook", "webhookId", id)
		}
		return err
	}
	e.event("Deleted", "Delete", "Deleted remote webhook %s", id)
	return nil
}

// removeOther deletes a webhook that the object made and no longer wants, or turns it off.
func (e *executor) removeOther(remote context.Context) error {
	other := e.plan.Other
	member := e.via[other.Account]
	if other.TurnOff {
		updated, err := member.Update(remote, e.priority(), other.ID, platform.Patch{Active: new(false)})
		if err == nil && updated.Active {
			return errIgnored
		}
		if err == nil {
			e.event("Updated", "Update", "Turned remote webhook %s off: %s, and the connection no longer allows it",
				other.ID, other.Why)
		}
		return err
	}
	if err := member.Delete(remote, e.priority(), other.ID); err != nil {
		return err
	}
	member.Fleet().Release(other.ID, e.owner())
	e.event("Deleted", "Delete", "Deleted remote webhook %s: %s", other.ID, other.Why)
	return nil
}

// undoCreate removes a webhook that this run created but that has no owner. One that was taken over is left alone.
func (e *executor) undoCreate(ctx context.Context, why string) error {
	id, account := e.facts.ID(), e.holder().Fleet()
	e.entry.Forget()
	defer account.Release(id, e.owner())
	if !e.created {
		return errTaken
	}
	// No object will come back for it: it is worth waiting for a slot within the rate limit.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoBudget)
	defer cancel()
	if err := e.deleteAtOnce(ctx, id); err != nil {
		return fmt.Errorf("the webhook %s, created just now, is left over, because %s and deleting it failed: %w",
			id, why, err)
	}
	return fmt.Errorf("deleted the webhook created just now, because %s", why)
}

// deleteAtOnce waits for a slot within the rate limit: no object will come back for this webhook.
func (e *executor) deleteAtOnce(ctx context.Context, id string) error {
	priority := e.priority()
	priority.Class = platform.Finishing
	for {
		err := e.holder().Delete(ctx, priority, id)
		if platform.IsNotFound(err) {
			return nil
		}
		wait, limited := platform.IsRateLimited(err)
		if !limited {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"webhook-operator.io/itwin/simulator"
)

const (
	iTwinCreated = "iTwins.iTwinCreated.v1"
	iTwinDeleted = "iTwins.iTwinDeleted.v1"
	anyITwin     = "5c9d64cf-d22f-4149-ad08-c24ff395c3a0"
	// retryPeriod is how long the platform tries to deliver an event before it turns the webhook off.
	retryPeriod = 72 * time.Hour
)

// happens makes an event happen on the platform, which the Webhook of the account asks for.
func (d *demo) happens(ctx context.Context, eventType string) (simulator.Published, error) {
	d.say(platformSide, "%s happens", eventType)
	published, err := d.platform.Publish(ctx, simulator.Event{EventType: eventType, ITwinID: anyITwin})
	if err == nil && len(published.Webhooks) != 1 {
		err = fmt.Errorf("the event goes to %d webhooks, not to 1", len(published.Webhooks))
	}
	return published, err
}

func (d *demo) eventArrives(ctx context.Context) error {
	published, err := d.happens(ctx, iTwinCreated)
	if err != nil {
		return err
	}
	_, err = d.receiver.Await(ctx, published.MessageID)
	return err
}

func (d *demo) receiverBreaks(ctx context.Context) error {
	d.breakReceiver()
	published, err := d.happens(ctx, iTwinDeleted)
	if err != nil {
		return err
	}
	begun := d.now()
	if err := d.platform.Advance(ctx, retryPeriod); err != nil {
		return err
	}
	failures, err := d.failures(ctx, published.MessageID)
	if err != nil {
		return err
	}
	d.say(platformSide, "3 days pass: %d attempts to deliver it failed, so the webhook is turned off", failures)
	d.say(operator, "lists the remote webhooks every %s, and will see it then", pollInterval)
	about := "Webhook " + accountWebhook
	return d.await(ctx, begun, about+" Ready=False (Deactivated) Active=False (Deactivated)",
		about+": Reactivated remote webhook", about+" Ready=True (InSync) Active=True (Active)")
}

// failures counts the attempts to deliver a message; the platform must have given up.
func (d *demo) failures(ctx context.Context, messageID string) (n int, err error) {
	attempts, err := d.platform.Deliveries(ctx)
	if err != nil {
		return 0, err
	}
	gaveUp := false
	for _, attempt := range attempts {
		if attempt.MessageID == messageID && attempt.Status == http.StatusServiceUnavailable {
			n++
			gaveUp = gaveUp || attempt.Outcome == simulator.GaveUp
		}
	}
	if !gaveUp {
		return n, fmt.Errorf("the platform has not given up after %d failed attempts", n)
	}
	return n, nil
}

func (d *demo) receiverIsFixed(ctx context.Context) error {
	d.fixReceiver()
	return d.eventArrives(ctx)
}

func (d *demo) edit(ctx context.Context) error {
	if err := d.platform.ResetRequests(ctx); err != nil {
		return err
	}
	if err := d.patchSpec(ctx, modelsWebhook, addEventType); err != nil {
		return err
	}
	counts, err := d.platform.Requests(ctx)
	if err != nil {
		return err
	}
	if n := counts.Counts["PATCH /webhooks/{id}"]; n != 1 {
		return fmt.Errorf("the platform got %d changes, not 1", n)
	}
	return d.showRemote(ctx, 2)
}

func (d *demo) remove(ctx context.Context) error {
	begun := d.now()
	d.say(you, "kubectl delete webhook %s", modelsWebhook)
	if _, err := d.plane.Kubectl(ctx, "delete", "webhook", modelsWebhook, "-n", namespace); err != nil {
		return err
	}
	about := "Webhook " + modelsWebhook
	if err := d.await(ctx, begun, about+": Deleted remote webhook", about+" is gone"); err != nil {
		return err
	}
	return d.showRemote(ctx, 1)
}

// showRemote says what the platform has, which must be so many webhooks, all of them turned on.
func (d *demo) showRemote(ctx context.Context, want int) error {
	webhooks, err := d.platform.Webhooks(ctx)
	if err != nil {
		return err
	}
	off := slices.ContainsFunc(webhooks, func(w simulator.Webhook) bool { return !w.Active })
	if off || len(webhooks) != want {
		return fmt.Errorf("the platform has %d webhooks, not %d that are active: %+v", len(webhooks), want, webhooks)
	}
	for _, w := range webhooks {
		d.say(platformSide, "has webhook %.8s: %s, active, %d event types, %s", w.ID, w.Scope, len(w.EventTypes),
			w.CallbackURL)
	}
	return nil
}

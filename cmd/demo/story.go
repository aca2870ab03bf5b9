package main

import (
	"context"
	"fmt"
	"strings"
)

// step is a part of the story. It fails if what it shows does not happen.
type step struct {
	title string
	do    func(context.Context) error
}

// tell tells the story, step by step.
func (d *demo) tell(ctx context.Context) error {
	steps := d.simulatedStory()
	if !d.simulated() {
		steps = d.accountStory()
	}
	for i, s := range steps {
		if err := s.do(ctx); err != nil {
			return fmt.Errorf("step %d of %d, %s: %w", i+1, len(steps), s.title, err)
		}
	}
	d.print("\nAll %d steps passed.\n", len(steps))
	return nil
}

func (d *demo) simulatedStory() []step {
	return []step{
		{"the samples are applied and exist on the platform", d.apply},
		{"an event arrives and its signature is right", d.eventArrives},
		{"the receiver breaks and the platform gives up", d.receiverBreaks},
		{"the receiver is fixed and events arrive again", d.receiverIsFixed},
		{"an edit reaches the platform with one request", d.edit},
		{"a deleted Webhook is gone on both sides", d.remove},
	}
}

func (d *demo) accountStory() []step {
	return []step{
		{"the sample is applied and exists on the platform", d.applyToAccount},
		{"an edit reaches the platform", d.editOnAccount},
	}
}

func (d *demo) apply(ctx context.Context) error {
	begun := d.now()
	d.say(you, "kubectl apply -k config/samples, with the addresses above")
	if err := d.applySamples(ctx); err != nil {
		return err
	}
	ready := " Ready=True (InSync) Active=True (Active)"
	if err := d.await(ctx, begun, "Webhook "+accountWebhook+ready, "Webhook "+modelsWebhook+ready); err != nil {
		return err
	}
	return d.showRemote(ctx, 2)
}

func (d *demo) applyToAccount(ctx context.Context) error {
	begun := d.now()
	d.say(you, "kubectl apply -k config/samples, with your account")
	if err := d.applySamples(ctx); err != nil {
		return err
	}
	return d.await(ctx, begun, fmt.Sprintf("Webhook %s Ready=True", d.settings.account.webhook()))
}

const addEventType = `{"spec":{"eventTypes":["iModels.iModelCreated.v1","iModels.iModelDeleted.v1",` +
	`"iModels.namedVersionCreated.v1","iModels.changesReady.v1"]}}`

// patchSpec edits a Webhook and waits until the operator says that it sent the change.
func (d *demo) patchSpec(ctx context.Context, name, change string) error {
	begun := d.now()
	d.say(you, "kubectl edit webhook %s: one more event type", name)
	_, err := d.plane.Kubectl(ctx, "patch", "webhook", name, "-n", namespace, "--type=merge", "-p", change)
	if err != nil {
		return err
	}
	return d.await(ctx, begun, fmt.Sprintf("Webhook %s: Updated remote webhook", name))
}

func (d *demo) editOnAccount(ctx context.Context) error {
	change := addEventType
	if d.settings.account.webhook() == accountWebhook {
		change = strings.ReplaceAll(change, "iModels.iModelCreated.v1", "iTwins.iTwinCreated.v1")
	}
	return d.patchSpec(ctx, d.settings.account.webhook(), change)
}

// removeWebhooks leaves nothing of the demo on a real platform; the simulated one ends anyway.
func (d *demo) removeWebhooks() error {
	if d.simulated() || !d.applied {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), cleanupPatience)
	defer cancel()
	d.say(you, "kubectl delete webhooks --all")
	_, err := d.plane.Kubectl(ctx, "delete", "webhooks", "--all", "-n", namespace)
	if err != nil {
		return fmt.Errorf("the webhook %s may still exist on the platform: %w", d.settings.account.webhook(), err)
	}
	return nil
}

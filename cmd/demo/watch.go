package main

import (
	"context"
	"fmt"
	"strings"
	"sync"

	eventsv1 "k8s.io/api/events/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// watch says what becomes of the objects, and what the operator reports about them.
func (d *demo) watch(ctx context.Context) error {
	objects, err := cache.New(d.plane.Config, cache.Options{
		Scheme: d.plane.Client.Scheme(), DefaultNamespaces: map[string]cache.Config{namespace: {}},
	})
	if err != nil {
		return err
	}
	for _, kind := range []client.Object{&itwinv1alpha1.Connection{}, &itwinv1alpha1.Webhook{}, &eventsv1.Event{}} {
		informer, err := objects.GetInformer(ctx, kind, cache.BlockUntilSynced(false))
		if err != nil {
			return err
		}
		if _, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
			AddFunc:    func(o any) { d.noticeChange(nil, o) },
			UpdateFunc: d.noticeChange,
			DeleteFunc: d.noticeDeletion,
		}); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { _ = objects.Start(ctx) })
	d.unwatch = func() {
		cancel()
		watching.Wait()
	}
	return nil
}

func (d *demo) noticeChange(before, after any) {
	if event, ok := after.(*eventsv1.Event); ok {
		if before == nil {
			d.say(operator, "%s %s: %s", event.Regarding.Kind, event.Regarding.Name, event.Note)
		}
		return
	}
	if now := describe(after); now != "" && now != describe(before) {
		d.say(operator, "%s", now)
	}
}

func (d *demo) noticeDeletion(o any) {
	if w, ok := o.(*itwinv1alpha1.Webhook); ok {
		d.say(operator, "Webhook %s is gone", w.Name)
	}
}

// describe is what a status comes to; empty when there is none yet.
func describe(o any) string {
	switch o := o.(type) {
	case *itwinv1alpha1.Connection:
		return describeConditions("Connection "+o.Name, o.Status.Conditions, itwinv1alpha1.ReadyCondition)
	case *itwinv1alpha1.Webhook:
		return describeConditions("Webhook "+o.Name, o.Status.Conditions, itwinv1alpha1.ReadyCondition,
			itwinv1alpha1.ActiveCondition)
	}
	return ""
}

func describeConditions(whose string, conditions []metav1.Condition, types ...string) string {
	var found []string
	for _, t := range types {
		if c := apimeta.FindStatusCondition(conditions, t); c != nil {
			found = append(found, fmt.Sprintf("%s=%s (%s)", c.Type, c.Status, c.Reason))
		}
	}
	if len(found) == 0 {
		return ""
	}
	return whose + " " + strings.Join(found, " ")
}

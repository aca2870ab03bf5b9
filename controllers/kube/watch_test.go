package kube

import (
	"context"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

func TestWatchOfOtherObjectsPassesWhatChangesAfterTheStart(t *testing.T) {
	find := func(context.Context, client.Object) []reconcile.Request { return nil }
	none := predicate.NewPredicateFuncs(func(client.Object) bool { return false })
	object := &itwinv1alpha1.Connection{}
	for _, c := range []struct {
		name                                 string
		watch                                Watch
		initial, created, changed, disappear bool
	}{
		{name: "of its own kind", watch: Watch{}, initial: true, created: true, changed: true, disappear: true},
		{name: "of its own kind, filtered", watch: Watch{Changes: none}},
		{name: "of others", watch: Watch{Find: find}, created: true, changed: true, disappear: true},
		{name: "of others, filtered", watch: Watch{Find: find, Changes: none}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, is := range []struct {
				change    string
				got, want bool
			}{
				{"what was there at the start", c.watch.Passes(nil, object, true), c.initial},
				{"a new one", c.watch.Passes(nil, object, false), c.created},
				{"an update", c.watch.Passes(object, object, false), c.changed},
				{"a deletion", c.watch.Passes(object, nil, false), c.disappear},
			} {
				if is.got != is.want {
					t.Errorf("%s: passes %t, want %t", is.change, is.got, is.want)
				}
			}
		})
	}
}

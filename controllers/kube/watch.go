package kube

import (
	"time"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"webhook-operator.io/itwin/controllers/status"
)

// Watch is one kind of change that makes a controller look at objects. The watches of a controller are one table, which
// the manager and the crash simulation read.
type Watch struct {
	// Object is an empty object of the kind that is watched.
	Object client.Object
	// MetadataOnly watches, and keeps, no more than the metadata.
	MetadataOnly bool
	// Changes lets through the changes that matter; nil lets all through.
	Changes predicate.Predicate
	// Find returns the objects that a changed one concerns; nil for the kind that the controller reconciles, of which a
	// change concerns the object itself. Of an update it is asked about the object before and after.
	Find handler.MapFunc
}

// Passes reports whether a change, of which old is nil for a new object and changed is nil for one that is gone,
// matters.
func (w Watch) Passes(old, changed client.Object) bool {
	switch {
	case w.Changes == nil:
		return true
	case old == nil:
		return w.Changes.Create(event.CreateEvent{Object: changed})
	case changed == nil:
		return w.Changes.Delete(event.DeleteEvent{Object: old})
	}
	return w.Changes.Update(event.UpdateEvent{ObjectOld: old, ObjectNew: changed})
}

// AddTo makes a controller watch.
func (w Watch) AddTo(b *builder.Builder) *builder.Builder {
	passing := builder.WithPredicates()
	if w.Changes != nil {
		passing = builder.WithPredicates(w.Changes)
	}
	switch {
	case w.Find == nil:
		return b.For(w.Object, passing)
	case w.MetadataOnly:
		return b.WatchesMetadata(w.Object, handler.EnqueueRequestsFromMapFunc(w.Find), passing)
	}
	return b.Watches(w.Object, handler.EnqueueRequestsFromMapFunc(w.Find), passing)
}

// syncTimeout is how long the caches may take to be filled at a start before the process ends, to start again. An API
// server that is busy, or an operator that is short of memory or of processor time, may take minutes for tens of
// thousands of objects, and would take as long the next time.
const syncTimeout = 15 * time.Minute

// Options are those of a controller with a number of workers: what fails is tried again from FirstRetry on, and at
// least every KubernetesPause.
func Options(workers int) controller.Options {
	return controller.Options{
		MaxConcurrentReconciles: workers, CacheSyncTimeout: syncTimeout,
		RateLimiter: workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](
			status.FirstRetry, status.KubernetesPause),
	}
}

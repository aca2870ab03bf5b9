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
	// change concerns the object itself. Of an update it is asked about the object before and after. What is there at
	// the start concerns none: the controller begins with a look at all objects of its kind.
	Find handler.MapFunc
}

// Passes reports whether a change, of which old is nil for a new object and changed is nil for one that is gone,
// matters; initial is true for an object that was there when the controller started.
func (w Watch) Passes(old, changed client.Object, initial bool) bool {
	switch {
	case old == nil:
		return w.predicate().Create(event.CreateEvent{Object: changed, IsInInitialList: initial})
	case changed == nil:
		return w.predicate().Delete(event.DeleteEvent{Object: old})
	}
	return w.predicate().Update(event.UpdateEvent{ObjectOld: old, ObjectNew: changed})
}

// predicate lets through what matters.
func (w Watch) predicate() predicate.Predicate {
	var passing []predicate.Predicate
	if w.Changes != nil {
		passing = append(passing, w.Changes)
	}
	if w.Find != nil {
		passing = append(passing, predicate.Funcs{CreateFunc: afterStart})
	}
	return predicate.And(passing...)
}

func afterStart(e event.CreateEvent) bool { return !e.IsInInitialList }

// AddTo makes a controller watch.
func (w Watch) AddTo(b *builder.Builder) *builder.Builder {
	passing := builder.WithPredicates(w.predicate())
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

package kube

import (
	"context"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// Priorities in a queue: what a person changed comes at 0, restarts at controller-runtime's handler.LowPriority.
const (
	PriorityRemote = -10
	PriorityBulk   = handler.LowPriority
)

// Queue is the work queue of a controller.
type Queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// Enqueuer puts objects into a controller's queue from outside of any watch. It is a source of that controller.
type Enqueuer struct {
	mu    sync.Mutex
	queue Queue
}

// Start implements source.Source: it keeps the queue.
func (w *Enqueuer) Start(_ context.Context, q Queue) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue = q
	return nil
}

// String names the source in errors and logs.
func (w *Enqueuer) String() string { return "enqueuer" }

// Enqueue queues objects with a priority. Before the controller started there is nothing to enqueue: it begins with
// all.
func (w *Enqueuer) Enqueue(priority int, names ...types.NamespacedName) {
	w.mu.Lock()
	q := w.queue
	w.mu.Unlock()
	if q == nil {
		return
	}
	requests := make([]reconcile.Request, len(names))
	for i, name := range names {
		requests[i].NamespacedName = name
	}
	if pq, ok := q.(priorityqueue.PriorityQueue[reconcile.Request]); ok {
		pq.AddWithOpts(priorityqueue.AddOpts{Priority: &priority}, requests...)
		return
	}
	for _, request := range requests {
		q.Add(request)
	}
}

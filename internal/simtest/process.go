package simtest

import (
	"context"
	"fmt"
	"runtime"
	"time"

	apimachineryruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"webhook-operator.io/itwin/controllers/connection"
	"webhook-operator.io/itwin/controllers/kube"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/controllers/webhook"
	"webhook-operator.io/itwin/internal/backoff"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

// process is one life of the operator: its reconcilers, with everything that they remember, its queue and its cache.
type process struct {
	simulation  *simulation
	webhooks    *webhook.Reconciler
	connections *connection.Reconciler
	// clusterConnections is nil unless the operator serves the whole cluster.
	clusterConnections *connection.Reconciler
	cache              *informers
	// context ends when the process is deposed or dies.
	context context.Context
	end     context.CancelFunc

	queue    map[item]time.Time
	active   map[item]bool
	failures map[item]int
	fibers   map[*fiber]bool
	// started is when the process began, known when the snapshots did by which the last reconcile of an item went.
	started time.Time
	known   map[item]map[string]time.Time

	// dead processes do nothing any more; frozen ones not until then; deposed ones only end what they have begun.
	dead    bool
	frozen  time.Time
	deposed bool

	// faults are what happens to the process at its points, which are counted until counted.
	faults  []disruption
	counted time.Time
	trace   []string

	// events counts the watch events that come while points are counted. coming are those of each kind that have not come
	// yet, and due is when the last one comes: none overtakes another.
	events int
	coming map[string][]change
	due    map[string]time.Time
}

// item is what the queue holds: an object, and the controller that should look at it.
type item struct {
	controller string
	types.NamespacedName
}

func (i item) name() string { return "work " + i.controller + " " + i.String() }

// The controllers by their names.
const webhookController = "webhook"

var connectionController, clusterConnectionController = connection.Namespaced.Name, connection.Cluster.Name

// start begins a life.
func (w *simulation) start(faults ...disruption) *process {
	p := &process{
		simulation: w,
		cache:      newInformers(w.clusterWide),
		faults:     faults,
		queue:      map[item]time.Time{},
		active:     map[item]bool{},
		failures:   map[item]int{},
		fibers:     map[*fiber]bool{},
		coming:     map[string][]change{},
		due:        map[string]time.Time{},
		started:    time.Now(),
		known:      map[item]map[string]time.Time{},
	}
	p.context, p.end = context.WithCancel(ctrl.LoggerInto(context.Background(), w.logger))
	p.assemble()
	history, late := w.cluster.history, p.disrupted(startBehind, 0)
	known := max(len(history)-late.point, 0)
	for _, c := range history[:known] {
		p.cache.take(c)
	}
	w.processes = append(w.processes, p)
	for _, r := range p.cache.refs() {
		p.spawn(func() { p.handle(change{ref: r, changed: p.cache.objects[r], initial: true}) })
	}
	for _, c := range history[known:] {
		p.watch(c, late.late)
	}
	return p
}

// assemble makes the reconcilers as Add does.
func (p *process) assemble() {
	fleets := fleet.NewRegistry(clock.RealClock{})
	fleets.Bound(64)
	p.webhooks = &webhook.Reconciler{
		Kube: p.client(), Live: p.reader(), Recorder: recorder{p.simulation}, Fleets: fleets.View(), Clock: clock.RealClock{},
		Key: crashKey, Cluster: p.simulation.clusterWide,
	}
	p.webhooks.Init()
	_ = p.webhooks.Enqueuer.Start(p.context, processQueue{p: p, controller: webhookController})
	p.connections = p.serveConnections(fleets, connection.Namespaced)
	if p.simulation.clusterWide {
		p.clusterConnections = p.serveConnections(fleets, connection.Cluster)
	}
}

// serveConnections makes the reconciler of one kind of connection.
func (p *process) serveConnections(fleets *fleet.Registry, kind connection.Kind) *connection.Reconciler {
	r := &connection.Reconciler{
		Kube: p.client(), Live: p.reader(), Fleets: fleets, Clock: clock.RealClock{}, Webhooks: &p.webhooks.Enqueuer,
		Key: crashKey, Kind: kind,
		AllowHost: p.simulation.allowHost, Recorder: recorder{p.simulation},
	}
	r.Init()
	r.Dial = func(o platform.Options) (connection.API, error) {
		o.Transport = transport{p}
		return platform.New(o)
	}
	_ = r.Enqueuer.Start(p.context, processQueue{p: p, controller: kind.Name})
	return r
}

// recorder takes the Events. The operator writes them in the background, and nothing depends on them.
type recorder struct{ simulation *simulation }

// Eventf implements events.EventRecorder.
func (r recorder) Eventf(about, _ apimachineryruntime.Object, _, reason, _, note string, args ...any) {
	if r.simulation.onEvent != nil {
		r.simulation.onEvent(about, reason+": "+fmt.Sprintf(note, args...))
	}
}

// processQueue is the queue as an enqueuer sees it.
type processQueue struct {
	kube.Queue
	p          *process
	controller string
}

// Add implements the queue's.
func (q processQueue) Add(r reconcile.Request) { q.p.enqueue(item{q.controller, r.NamespacedName}, 0) }

// in plans something that only a process that lives and is not frozen does.
func (p *process) in(d time.Duration, name string, do func()) {
	p.inRanked(d, p.simulation.agenda.rank(), name, do)
}

func (p *process) inRanked(d time.Duration, rank uint64, name string, do func()) {
	p.simulation.inRanked(d, rank, name, func() {
		switch {
		case p.dead:
		case time.Now().Before(p.frozen):
			p.in(time.Until(p.frozen), name, do)
		default:
			do()
		}
	})
}

func (p *process) enqueue(i item, after time.Duration) {
	due := time.Now().Add(after)
	if earlier, queued := p.queue[i]; queued && !due.Before(earlier) {
		return
	}
	p.queue[i] = due
	p.in(after, i.name(), func() { p.work(i) })
}

// work reconciles an item that is due, unless that is going on already.
func (p *process) work(i item) {
	due, queued := p.queue[i]
	if !queued || due.After(time.Now()) || p.active[i] || p.deposed {
		return
	}
	delete(p.queue, i)
	p.active[i] = true
	p.noteKnown(i)
	p.spawn(func() {
		result, err := p.reconcile(i)
		delete(p.active, i)
		p.finish(i, result, err)
	})
}

func (p *process) reconcile(i item) (ctrl.Result, error) {
	request := ctrl.Request{NamespacedName: i.NamespacedName}
	switch i.controller {
	case connectionController:
		return p.connections.Reconcile(p.context, request)
	case clusterConnectionController:
		return p.clusterConnections.Reconcile(p.context, request)
	}
	return p.webhooks.Reconcile(p.context, request)
}

// finish queues an item again as controller-runtime does.
func (p *process) finish(i item, result ctrl.Result, err error) {
	if err != nil {
		p.enqueue(i, backoff.Doubling{First: status.FirstRetry, Longest: status.KubernetesPause}.After(p.failures[i]+1))
		p.failures[i]++
	} else {
		delete(p.failures, i)
		if result.RequeueAfter > 0 {
			p.enqueue(i, result.RequeueAfter)
		}
	}
	if due, queued := p.queue[i]; queued {
		p.in(max(time.Until(due), 0), i.name(), func() { p.work(i) })
	}
}

// watch lets the cache see a change, some time after it was made.
func (p *process) watch(c change, late time.Duration) {
	if p.counting() {
		p.events++
		late += p.disrupted(holdBack, p.events).late
	}
	due := time.Now().Add(watchLatency + late)
	if due.Before(p.due[c.kind]) {
		due = p.due[c.kind]
	}
	p.due[c.kind] = due
	p.coming[c.kind] = append(p.coming[c.kind], c)
	p.in(time.Until(due), "", func() {
		first := p.coming[c.kind][0]
		p.coming[c.kind] = p.coming[c.kind][1:]
		p.spawn(func() { p.handle(p.cache.take(first)) })
	})
}

// handle queues what a change concerns, as the watches of the reconcilers have it.
func (p *process) handle(c change) {
	p.follow(webhookController, p.webhooks.Watches(), c)
	p.follow(connectionController, p.connections.Watches(), c)
	if p.clusterConnections != nil {
		p.follow(clusterConnectionController, p.clusterConnections.Watches(), c)
	}
}

// concerned is the object that a change is about, as it is now or as it was last.
func concerned(c change) client.Object {
	if c.changed == nil {
		return c.old
	}
	return c.changed
}

func (p *process) follow(controller string, watches []kube.Watch, c change) {
	for i, watch := range watches {
		switch {
		case p.simulation.leftOut == watchNumber{controller, i}:
		case kindOf(watch.Object) != c.kind || !watch.Passes(c.old, c.changed, c.initial):
		case watch.Find == nil:
			p.enqueueAll(controller, reconcile.Request{NamespacedName: c.key})
		default:
			for _, o := range []client.Object{c.old, c.changed} {
				if o != nil {
					p.enqueueAll(controller, watch.Find(p.context, o)...)
				}
			}
		}
	}
}

func (p *process) enqueueAll(controller string, requests ...reconcile.Request) {
	for _, r := range requests {
		p.enqueue(item{controller, r.NamespacedName}, 0)
	}
}

// die ends the process at once. It is called by a fiber of the process, which does not go on.
func (p *process) die(f disruption) {
	p.kill()
	p.simulation.succeed(f.gap)
	runtime.Goexit()
}

func (p *process) kill() {
	p.dead = true
	p.end()
	p.simulation.in(0, "", func() {
		for f := range p.fibers {
			f.resume()
		}
	})
}

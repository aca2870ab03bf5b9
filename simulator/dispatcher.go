package simulator

import "sync"

// defaultDeliveryConcurrency is how many callbacks are called at a time.
const defaultDeliveryConcurrency = 64

// dispatcher runs jobs on bounded numbers of goroutines: so many in all, fewer of them for one host, and fewer still
// for one webhook. However slow a callback is, it holds up no other webhook of its host, and no host another.
type dispatcher struct {
	limit, perHost, perWebhook int

	mu      sync.Mutex
	idle    sync.Cond // signalled when pending is zero
	pending int       // jobs that wait or run
	running int
	queues  map[string]*webhookQueue // by webhook
	hosts   map[string]*host
	ready   []*webhookQueue // those that may start a job, as far as they know; served in turn
}

// webhookQueue is the jobs of one webhook that wait, in order, and the number of those that run.
type webhookQueue struct {
	webhook string
	host    *host
	jobs    []func()
	running int
	listed  bool // among the ready, or among the blocked of its host
}

type host struct {
	name    string
	queues  int
	running int
	blocked []*webhookQueue // those that wait for the host; there are none while more may run
}

func newDispatcher(limit int) *dispatcher {
	d := &dispatcher{
		limit:      limit,
		perHost:    max(1, limit/2),
		perWebhook: max(1, limit/8),
		queues:     map[string]*webhookQueue{},
		hosts:      map[string]*host{},
	}
	d.idle.L = &d.mu
	return d
}

// submit queues a job behind the others of its webhook. It does not wait.
func (d *dispatcher) submit(hostName, webhook string, job func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.queueLocked(hostName, webhook)
	l.jobs = append(l.jobs, job)
	d.pending++
	d.listLocked(l)
	d.startLocked()
}

// wait waits until no job waits or runs.
func (d *dispatcher) wait() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.pending > 0 {
		d.idle.Wait()
	}
}

// queueLocked finds the queue of a webhook. One whose callback has moved keeps the host of the jobs it has until they
// are done.
func (d *dispatcher) queueLocked(hostName, webhook string) *webhookQueue {
	if l, found := d.queues[webhook]; found {
		return l
	}
	h, found := d.hosts[hostName]
	if !found {
		h = &host{name: hostName}
		d.hosts[hostName] = h
	}
	h.queues++
	l := &webhookQueue{webhook: webhook, host: h}
	d.queues[webhook] = l
	return l
}

func (d *dispatcher) listLocked(l *webhookQueue) {
	if !l.listed && len(l.jobs) > 0 && l.running < d.perWebhook {
		l.listed = true
		d.ready = append(d.ready, l)
	}
}

func (d *dispatcher) startLocked() {
	for d.running < d.limit && len(d.ready) > 0 {
		l := d.ready[0]
		d.ready = d.ready[1:]
		if l.host.running >= d.perHost {
			l.host.blocked = append(l.host.blocked, l)
			continue
		}
		job := l.jobs[0]
		l.jobs = l.jobs[1:]
		l.listed = false
		l.running++
		l.host.running++
		d.running++
		d.listLocked(l)
		go func() {
			job()
			d.done(l)
		}()
	}
}

func (d *dispatcher) done(l *webhookQueue) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l.running--
	l.host.running--
	d.running--
	d.pending--
	if blocked := l.host.blocked; len(blocked) > 0 {
		d.ready, l.host.blocked = append(d.ready, blocked[0]), blocked[1:] // one more may run
	}
	d.listLocked(l)
	d.forgetLocked(l)
	d.startLocked()
	if d.pending == 0 {
		d.idle.Broadcast()
	}
}

// forgetLocked drops a queue and a host that have nothing to do.
func (d *dispatcher) forgetLocked(l *webhookQueue) {
	if l.running > 0 || len(l.jobs) > 0 {
		return
	}
	delete(d.queues, l.webhook)
	if l.host.queues--; l.host.queues == 0 {
		delete(d.hosts, l.host.name)
	}
}

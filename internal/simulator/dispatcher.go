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
	lanes   map[string]*lane // by webhook
	hosts   map[string]*host
	ready   []*lane // those that may start a job, as far as they know; served in turn
}

// lane is the jobs of one webhook that wait, in order, and the number of those that run.
type lane struct {
	webhook string
	host    *host
	jobs    []func()
	running int
	listed  bool // among the ready, or among the blocked of its host
}

type host struct {
	name    string
	lanes   int
	running int
	blocked []*lane // those that wait for the host; there are none while it has room
}

func newDispatcher(limit int) *dispatcher {
	d := &dispatcher{
		limit:      limit,
		perHost:    max(1, limit/2),
		perWebhook: max(1, limit/8),
		lanes:      map[string]*lane{},
		hosts:      map[string]*host{},
	}
	d.idle.L = &d.mu
	return d
}

// submit queues a job behind the others of its webhook. It does not wait.
func (d *dispatcher) submit(hostName, webhook string, job func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.laneLocked(hostName, webhook)
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

// laneLocked finds the lane of a webhook. One whose callback has moved keeps the host of the jobs it has until they are
// done.
func (d *dispatcher) laneLocked(hostName, webhook string) *lane {
	if l, found := d.lanes[webhook]; found {
		return l
	}
	h, found := d.hosts[hostName]
	if !found {
		h = &host{name: hostName}
		d.hosts[hostName] = h
	}
	h.lanes++
	l := &lane{webhook: webhook, host: h}
	d.lanes[webhook] = l
	return l
}

func (d *dispatcher) listLocked(l *lane) {
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

func (d *dispatcher) done(l *lane) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l.running--
	l.host.running--
	d.running--
	d.pending--
	if blocked := l.host.blocked; len(blocked) > 0 {
		d.ready, l.host.blocked = append(d.ready, blocked[0]), blocked[1:] // there is room for one
	}
	d.listLocked(l)
	d.forgetLocked(l)
	d.startLocked()
	if d.pending == 0 {
		d.idle.Broadcast()
	}
}

// forgetLocked drops a lane and a host that have nothing to do.
func (d *dispatcher) forgetLocked(l *lane) {
	if l.running > 0 || len(l.jobs) > 0 {
		return
	}
	delete(d.lanes, l.webhook)
	if l.host.lanes--; l.host.lanes == 0 {
		delete(d.hosts, l.host.name)
	}
}

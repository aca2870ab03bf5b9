package simtest

import (
	"container/heap"
	"runtime"
	"testing/synctest"
	"time"
)

// agenda is what will happen in a simulation, by time. What happens at the same time does so in the order of the names, then
// in the order in which it was planned, so that every run is the same.
type agenda struct {
	entries entries
	last    int
}

type agendaEntry struct {
	at   time.Time
	name string
	turn int
	do   func()
}

func (a *agenda) plan(at time.Time, name string, do func()) {
	a.last++
	heap.Push(&a.entries, &agendaEntry{at: at, name: name, turn: a.last, do: do})
}

// next takes the first entry that is due at the given time.
func (a *agenda) next(by time.Time) (*agendaEntry, bool) {
	if len(a.entries) == 0 || a.entries[0].at.After(by) {
		return nil, false
	}
	return heap.Pop(&a.entries).(*agendaEntry), true
}

// entries is a container/heap, the next one first.
type entries []*agendaEntry

func (e entries) Len() int { return len(e) }

func (e entries) Less(i, j int) bool {
	a, b := e[i], e[j]
	switch {
	case !a.at.Equal(b.at):
		return a.at.Before(b.at)
	case a.name != b.name:
		return a.name < b.name
	}
	return a.turn < b.turn
}

func (e entries) Swap(i, j int) { e[i], e[j] = e[j], e[i] }

func (e *entries) Push(x any) { *e = append(*e, x.(*agendaEntry)) }

func (e *entries) Pop() any {
	last := len(*e) - 1
	popped := (*e)[last]
	*e = (*e)[:last]
	return popped
}

// sleepUntil lets virtual time pass, and timers of contexts run that end on the way.
func sleepUntil(t time.Time) {
	if d := time.Until(t); d > 0 {
		time.Sleep(d)
		synctest.Wait()
	}
}

// fiber is a goroutine of a process. Only one of all fibers runs at a time, until it sleeps or ends: the order of what
// they do is that of the agenda, not that of Go's scheduler.
type fiber struct {
	process *process
	turn    chan struct{}
}

// spawn starts a fiber and returns when it sleeps or has ended.
func (p *process) spawn(work func()) {
	if p.dead {
		return
	}
	f := &fiber{process: p, turn: make(chan struct{})}
	p.fibers[f] = true
	p.simulation.running = f
	go func() {
		defer func() {
			delete(p.fibers, f)
			p.simulation.yielded <- struct{}{}
		}()
		work()
	}()
	<-p.simulation.yielded
}

// resume lets a sleeping fiber go on and returns when it sleeps again or has ended.
func (f *fiber) resume() {
	f.process.simulation.running = f
	f.turn <- struct{}{}
	<-f.process.simulation.yielded
}

// sleep lets others run for a while. A fiber whose process died meanwhile ends instead of going on.
func (f *fiber) sleep(d time.Duration) {
	f.process.in(d, "", f.resume)
	f.process.simulation.yielded <- struct{}{}
	<-f.turn
	if f.process.dead {
		runtime.Goexit()
	}
}

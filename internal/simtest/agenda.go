package simtest

import (
	"container/heap"
	"math/rand/v2"
	"runtime"
	"testing/synctest"
	"time"
)

// agenda is what will happen in a simulation, by time. What happens at the same time does so in the order of the names,
// then in the order in which it was planned, so that every run is the same. A seed other than 0 orders it at random
// instead, for each seed in another way that is the same in every run.
type agenda struct {
	entries entries
	last    int
	// random ranks what happens at the same time; nil for the order above.
	random *rand.Rand
}

// permute orders by a seed what is planned from now on for the same time.
func (a *agenda) permute(seed uint64) {
	if a.random = nil; seed != 0 {
		a.random = rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // not for secrets
	}
}

type agendaEntry struct {
	at time.Time
	// rank comes first among what is at the same time; 0 for all unless a seed orders it.
	rank uint64
	name string
	turn int
	do   func()
}

// rank is a place among what happens at the same time. What is planned with the same one, at the same time and under
// the same name happens in the order in which it was planned.
func (a *agenda) rank() uint64 {
	if a.random == nil {
		return 0
	}
	return a.random.Uint64()
}

func (a *agenda) plan(at time.Time, rank uint64, name string, do func()) {
	a.last++
	heap.Push(&a.entries, &agendaEntry{at: at, rank: rank, name: name, turn: a.last, do: do})
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
	case a.rank != b.rank:
		return a.rank < b.rank
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
func (f *fiber) sleep(d time.Duration) { f.sleepRanked(d, f.process.simulation.agenda.rank()) }

func (f *fiber) sleepRanked(d time.Duration, rank uint64) {
	f.process.inRanked(d, rank, "", f.resume)
	f.process.simulation.yielded <- struct{}{}
	<-f.turn
	if f.process.dead {
		runtime.Goexit()
	}
}

package simulator

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// task is something that happens at a virtual time.
type task struct {
	due   time.Time
	order uint64 // among those of the same time
	index int    // in the heap; -1: in none
	run   func() // must not wait for anything but locks
}

// scheduler runs tasks in the order in which they are due, as the clock reaches them, or as advance takes it there.
type scheduler struct {
	clock   *clock
	changed chan struct{}

	running sync.Mutex // held while tasks run, so that a loop and an advance do not mix

	mu    sync.Mutex
	tasks taskHeap
	last  uint64
}

func newScheduler(c *clock) *scheduler {
	return &scheduler{clock: c, changed: make(chan struct{}, 1)}
}

// at plans a task. A time in the past means now.
func (s *scheduler) at(due time.Time, run func()) *task {
	s.mu.Lock()
	s.last++
	t := &task{due: due, order: s.last, run: run}
	heap.Push(&s.tasks, t)
	s.mu.Unlock()
	select {
	case s.changed <- struct{}{}:
	default:
	}
	return t
}

// cancel forgets a task that has not run yet.
func (s *scheduler) cancel(t *task) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.index >= 0 {
		heap.Remove(&s.tasks, t.index)
	}
}

// loop runs tasks as the clock reaches them, until the context ends.
func (s *scheduler) loop(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		s.running.Lock()
		s.runDue()
		s.running.Unlock()
		var ticks <-chan time.Time
		if wait := s.realUntilNext(); wait >= 0 {
			timer.Reset(wait)
			ticks = timer.C
		}
		select {
		case <-ticks:
		case <-s.changed:
		case <-ctx.Done():
			return
		}
	}
}

// advance moves the clock forward by a duration and stops on the way wherever a task is due. settle waits until what
// the tasks of one stop have begun is done; it may plan more of them.
func (s *scheduler) advance(d time.Duration, settle func()) time.Time {
	s.running.Lock()
	defer s.running.Unlock()
	s.clock.hold()
	defer s.clock.release()
	target := s.clock.now().Add(d)
	for {
		s.runDue()
		settle()
		next, ok := s.nextDue()
		if !ok || next.After(target) {
			break
		}
		s.clock.moveTo(next)
	}
	s.clock.moveTo(target)
	return s.clock.now()
}

func (s *scheduler) runDue() {
	for now := s.clock.now(); ; {
		t := s.popDue(now)
		if t == nil {
			return
		}
		t.run()
	}
}

func (s *scheduler) popDue(now time.Time) *task {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.tasks) == 0 || s.tasks[0].due.After(now) {
		return nil
	}
	return heap.Pop(&s.tasks).(*task)
}

func (s *scheduler) nextDue() (time.Time, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.tasks) == 0 {
		return time.Time{}, false
	}
	return s.tasks[0].due, true
}

// realUntilNext is how long the next task is away in real time; negative when there is none to wait for.
func (s *scheduler) realUntilNext() time.Duration {
	next, ok := s.nextDue()
	if !ok {
		return -1
	}
	return s.clock.realUntil(next)
}

// taskHeap is a container/heap of tasks, the next one first.
type taskHeap []*task

func (h taskHeap) Len() int { return len(h) }

func (h taskHeap) Less(i, j int) bool {
	if h[i].due.Equal(h[j].due) {
		return h[i].order < h[j].order
	}
	return h[i].due.Before(h[j].due)
}

func (h taskHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *taskHeap) Push(x any) {
	t := x.(*task)
	t.index = len(*h)
	*h = append(*h, t)
}

func (h *taskHeap) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	t.index = -1
	return t
}

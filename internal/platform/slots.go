package platform

import (
	"sync"
	"time"
)

// Tempo is how quickly calls were answered lately.
type Tempo int

const (
	// Unproven: no call has ended yet.
	Unproven Tempo = iota
	// Quick: the last call ended within SlowCall.
	Quick
	// Slow: the last call took longer, or one that is under way already has.
	Slow

	tempos
)

// SlowCall is how long a call may take and still be quick.
const SlowCall = 2 * time.Second

// TempoOf is the tempo of a call that took so long.
func TempoOf(took time.Duration) Tempo {
	if took > SlowCall {
		return Slow
	}
	return Quick
}

// Slots are the workers that calls to platforms may hold in this process. What is slow may hold half of them, and
// together with what is unproven three quarters: a quarter is always left to what is quick. What a holder may have at
// most shrinks as fewer of the slots that its tempo may use are free, so that some stay free however many others hold
// theirs. A nil Slots has no bound. It is safe for concurrent use.
type Slots struct {
	total int
	// kept is what is kept of the accounts' lists.
	kept kept

	mu   sync.Mutex
	held [tempos]int
}

// NewSlots makes slots, of which there is at least one.
func NewSlots(total int) *Slots { return &Slots{total: max(total, 1)} }

// Take takes a slot for a holder that has some already, and may have most where all are free; 0 means all of them. It
// returns leave, to be called once, or false.
func (p *Slots) Take(t Tempo, has, most int) (leave func(), ok bool) {
	if p == nil {
		return func() {}, true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if has >= p.allowed(t, most) {
		return nil, false
	}
	p.held[t]++
	return func() { p.leave(t) }, true
}

func (p *Slots) leave(t Tempo) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held[t]--
}

// Allowed is how many slots a holder of some tempo may have now, of most where all are free.
func (p *Slots) Allowed(t Tempo, most int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.allowed(t, most)
}

func (p *Slots) allowed(t Tempo, most int) int {
	if most == 0 {
		most = p.total
	}
	slow, unproven := p.held[Slow], p.held[Unproven]
	free := p.total - slow - unproven - p.held[Quick]
	usable := p.total
	if t != Quick {
		usable = max(p.total*3/4, 1)
		free = min(free, usable-slow-unproven)
	}
	if t == Slow {
		usable = max(p.total/2, 1)
		free = min(free, usable-slow)
	}
	if free <= 0 {
		return 0
	}
	return max(most*free/usable, 1)
}

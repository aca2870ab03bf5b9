package platform

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	// largeList is the size, in decompressed bytes, from which on a list is large, and largeEntries the number of entries,
	// which takes a processor as long.
	largeList    = 4 << 20
	largeEntries = 8_000
	// largePause is when a list that found no slot among the large ones is tried again.
	largePause = 5 * time.Second
	// largePlaces is how many large lists are read at a time, and untriedPlaces how many of them belong to accounts whose
	// last large list was not quick and good.
	largePlaces, untriedPlaces = 2, 1
	// untriedPause is for how many times as long as a list held the place of such accounts it then stays free, and
	// longestPause the most: what they cost of a processor is bounded.
	untriedPause = 3
	longestPause = 20 * time.Second
	// servePause is how often those that wait look whether that is over.
	servePause = 100 * time.Millisecond
	// ticketKept is for how long an account that found no slot keeps its turn.
	ticketKept = time.Minute
)

const (
	// slowestList is how many bytes of a large list have to come in a second of waiting for them, and quickList how many
	// make it quick.
	slowestList = 1 << 20
	quickList   = 4 << 20
	// listGrace is how long a large list may be waited for beside that.
	listGrace = 5 * time.Second
)

// largeLists are the slots of the lists that are large, in this process: an account whose lists are huge, or a hundred
// of them, take no more memory than these.
var largeLists = &largePool{}

// largePool hands the slots out in the order in which accounts first asked. Accounts are told apart by their gates.
type largePool struct {
	mu sync.Mutex
	// tried and untried count the slots that are held.
	tried, untried int
	// untriedFrom is when the place of the others is given again.
	untriedFrom time.Time
	// tickets are the accounts that wait, or came in vain lately, in the order in which they asked.
	tickets []*ticket
}

// ticket is the turn of one account.
type ticket struct {
	account *gate
	// given is closed when the account gets its place; nil while it does not wait for it.
	given chan struct{}
	// tried says which slots it is one of.
	tried bool
	// left is when it last came in vain.
	left time.Time
}

// place is a list's place among the large ones.
type place struct {
	account *gate
	taken   bool
	// tried says which slots it is one of.
	tried bool
	// since is when it was taken.
	since time.Time
	// busy is true when there was none in time, or so late that too little of the time was left to read the list.
	busy bool
}

// take waits for a slot until the context ends.
func (p *place) take(ctx context.Context) error {
	t, began := largeLists.ask(p.account), time.Now()
	tick := time.NewTicker(servePause)
	defer tick.Stop()
	for {
		select {
		case <-t.given:
			p.taken, p.tried, p.since = true, t.tried, time.Now()
			if deadline, bounded := ctx.Deadline(); bounded {
				p.busy = p.since.Sub(began) > deadline.Sub(p.since)
			}
			return nil
		case <-tick.C:
			largeLists.look()
		case <-ctx.Done():
			if !largeLists.giveUp(t) {
				p.busy = true
				return ctx.Err()
			}
		}
	}
}

// leave gives the place up. A list that was quick and good lets the account use all slots the next time.
func (p *place) leave(good bool) {
	if p.taken {
		largeLists.leave(p, good)
		p.taken = false
	}
}

// ask takes the account's turn, which it may have from before.
func (l *largePool) ask(account *gate) *ticket {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.tickets = slices.DeleteFunc(l.tickets, func(t *ticket) bool {
		return t.given == nil && now.Sub(t.left) > ticketKept
	})
	i := slices.IndexFunc(l.tickets, func(t *ticket) bool { return t.account == account && t.given == nil })
	if i < 0 {
		i = len(l.tickets)
		l.tickets = append(l.tickets, &ticket{account: account})
	}
	t := l.tickets[i]
	t.given = make(chan struct{})
	l.serve()
	return t
}

// giveUp ends the wait for a slot, and keeps the turn. It returns true when the place was given just now.
func (l *largePool) giveUp(t *ticket) (given bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-t.given:
		return true
	default:
		t.given, t.left = nil, time.Now()
		return false
	}
}

// look gives slots that have become free with time.
func (l *largePool) look() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.serve()
}

// serve gives the slots that are free to those that wait.
func (l *largePool) serve() {
	pausing := time.Until(l.untriedFrom)
	paused := pausing > 0 && pausing <= longestPause // a longer one is of a clock that was set back
	l.tickets = slices.DeleteFunc(l.tickets, func(t *ticket) bool {
		t.tried = t.account.largeListGood
		if t.given == nil || l.tried+l.untried >= largePlaces || !t.tried && (l.untried >= untriedPlaces || paused) {
			return false
		}
		if t.tried {
			l.tried++
		} else {
			l.untried++
		}
		close(t.given)
		return true
	})
}

func (l *largePool) leave(p *place, good bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.tried {
		l.tried--
	} else {
		l.untried--
		now := time.Now()
		l.untriedFrom = now.Add(min(untriedPause*now.Sub(p.since), longestPause))
	}
	p.account.largeListGood = good
	l.serve()
}

// speed is how quickly a large list comes.
type speed struct {
	// waited is how long its bytes were waited for, since it was found to be large.
	waited time.Duration
	bytes  int64
}

// add counts bytes that were waited for. It returns an error when they come too slowly.
func (s *speed) add(n int, waited time.Duration) error {
	s.waited += waited
	s.bytes += int64(n)
	if s.waited > s.bound(slowestList) {
		return fmt.Errorf("%w: less than %d MiB a second", errSlowList, slowestList>>20)
	}
	return nil
}

var errSlowList = errors.New("a list of more than 4 MiB comes too slowly")

// quick reports whether the bytes came so quickly that the list held its place for a short time.
func (s *speed) quick() bool { return s.waited <= s.bound(quickList)-listGrace+SlowCall }

// bound is how long the bytes may be waited for at some pace.
func (s *speed) bound(perSecond int64) time.Duration {
	return listGrace + time.Duration(s.bytes*int64(time.Second)/perSecond)
}

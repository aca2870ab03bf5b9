package platform

import (
	"context"
	"time"
)

const (
	// largeList is the size, in decompressed bytes, from which on a list is large; that is about 8,000 webhooks.
	largeList = 4 << 20
	// largePause is when a list that found no place among the large ones is tried again.
	largePause = 5 * time.Second
)

// largeLists are the places of the lists that are large, in this process: an account whose lists are huge, or a hundred
// of them, take no more memory than these.
var largeLists = make(chan struct{}, 2)

// place is a list's place among the large ones.
type place struct {
	taken bool
	// busy is true when there was none in time.
	busy bool
}

// take waits for a place until the context ends. It returns at once when the list has one.
func (p *place) take(ctx context.Context) error {
	if p.taken {
		return nil
	}
	select {
	case largeLists <- struct{}{}:
		p.taken = true
		return nil
	case <-ctx.Done():
		p.busy = true
		return ctx.Err()
	}
}

// leave gives the place up.
func (p *place) leave() {
	if p.taken {
		<-largeLists
		p.taken = false
	}
}

package platform

import "sync"

const (
	// maxKept bounds the entries of all large lists that are kept in a process; 100,000 are about 180 MiB at most.
	maxKept = 120_000
	// keptAlways is how many entries a list may have whatever is kept of other accounts.
	keptAlways = 5_000
)

// kept counts the entries that are kept of the lists of all accounts. Of the room that others leave an account may use
// half, so that some is left however many accounts have as many as they may.
type kept struct {
	mu    sync.Mutex
	total int
}

// most is how many entries a list of an account may have, which has some already.
func (k *kept) most(has int) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return min(max((maxKept-(k.total-has))/2, keptAlways), maxListEntries)
}

// change counts that an account has another number of entries now.
func (k *kept) change(from, to int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.total += to - from
}

// mostEntries is how many entries a list of the account may have now.
func (g *gate) mostEntries() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inFlight.places == nil {
		return maxListEntries
	}
	return g.inFlight.places.kept.most(g.entries)
}

// keep notes how many entries of the account's list are kept.
func (g *gate) keep(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inFlight.places != nil {
		g.inFlight.places.kept.change(g.entries, n)
	}
	g.entries = n
}

// Forget notes that nothing is kept of the account's lists any more.
func (p *Pace) Forget() { p.gate.keep(0) }

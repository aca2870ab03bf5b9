package platform

import "sync"

const (
	// maxKept bounds the entries of all large lists that are kept in a process; 100,000 are about 180 MiB at most.
	maxKept = 120_000
	// keptAlways is how many entries a list may have whatever is kept of other accounts.
	keptAlways = 1_000
	// entryText is how much text, in bytes, there may be for each entry, and counts as one: few entries may hold much.
	entryText = 1 << 10
)

// kept counts the entries that are kept of the lists of all accounts. An account may have as many as others leave room
// for; and always some, or twice as many as there are Webhooks that use it, so that others cannot displace it.
type kept struct {
	mu    sync.Mutex
	total int
}

// most is how many entries a list of an account may have, which has some already and is used by so many Webhooks.
func (k *kept) most(has, expected int) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return min(max(maxKept-(k.total-has), keptAlways, 2*expected), maxListEntries)
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
	if g.inFlight.slots == nil {
		return maxListEntries
	}
	expected := 0
	for _, m := range g.members {
		if !m.left {
			expected += m.expected
		}
	}
	return g.inFlight.slots.kept.most(g.entries, expected)
}

// keep notes how many entries of the account's list are kept.
func (g *gate) keep(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inFlight.slots != nil {
		g.inFlight.slots.kept.change(g.entries, n)
	}
	g.entries = n
}

// kept is how many entries of the account's last list are kept.
func (g *gate) kept() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.entries
}

// Expect notes how many Webhooks use a connection: its account has at least as many.
func (p *Pace) Expect(member string, webhooks int) {
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	if m := p.gate.members[member]; m != nil {
		m.expected = webhooks
	}
}

// Forget notes that nothing is kept of the account's lists any more.
func (p *Pace) Forget() { p.gate.keep(0) }

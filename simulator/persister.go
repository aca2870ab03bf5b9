package simulator

import "sync"

// persister writes the state after changes, one write for all changes that were made during the one before. A nil
// persister writes nothing.
type persister struct {
	write func() error // of the state as it is now
	onErr func(error)

	mu      sync.Mutex
	changed sync.Cond // wanted or closed has changed
	written sync.Cond // saved has changed
	wanted  uint64    // changes made
	saved   uint64    // changes that are in the file
	closed  bool
	done    sync.WaitGroup
}

func newPersister(write func() error, onErr func(error)) *persister {
	p := &persister{write: write, onErr: onErr}
	p.changed.L, p.written.L = &p.mu, &p.mu
	p.done.Go(p.loop)
	return p
}

// later has the changes made so far written some time soon.
func (p *persister) later() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wanted++
	p.changed.Signal()
}

// now has the changes made so far written, and waits for that.
func (p *persister) now() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wanted++
	p.changed.Signal()
	for mine := p.wanted; p.saved < mine && !p.closed; {
		p.written.Wait()
	}
}

// close writes the state once more and ends.
func (p *persister) close() error {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	p.closed = true
	p.changed.Signal()
	p.written.Broadcast()
	p.mu.Unlock()
	p.done.Wait()
	return p.write()
}

func (p *persister) loop() {
	for {
		target, ok := p.nextTarget()
		if !ok {
			return
		}
		if err := p.write(); err != nil {
			p.onErr(err)
		}
		p.mu.Lock()
		p.saved = target // or not: a full disk must not stop the platform
		p.written.Broadcast()
		p.mu.Unlock()
	}
}

// nextTarget waits for changes that are not written; ok is false when there will be none.
func (p *persister) nextTarget() (target uint64, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.wanted == p.saved && !p.closed {
		p.changed.Wait()
	}
	return p.wanted, !p.closed
}

package fleet

import "sync"

// Registry holds the fleets of this process by the name of their connection. A fleet outlives its connection object
// while webhooks remain to be deleted through it.
type Registry struct {
	mu     sync.RWMutex
	fleets map[string]*Fleet
}

// NewRegistry makes an empty registry.
func NewRegistry() *Registry { return &Registry{fleets: map[string]*Fleet{}} }

// Get returns the fleet of a connection, or nil when it was never connected.
func (r *Registry) Get(connection string) *Fleet {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.fleets[connection]
}

// Put makes a fleet the one of a connection.
func (r *Registry) Put(connection string, f *Fleet) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fleets[connection] = f
}

// Remove forgets the fleet of a connection.
func (r *Registry) Remove(connection string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.fleets, connection)
}

// Each calls do for every connection that has a fleet.
func (r *Registry) Each(do func(connection string, f *Fleet)) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for connection, f := range r.fleets {
		do(connection, f)
	}
}

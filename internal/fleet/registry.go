package fleet

import (
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"webhook-operator.io/itwin/internal/platform"
)

// forgetAccountAfter is for how long an account without members is kept: what was spent of its rate limit, and a pause
// that the platform asked for, outlive a connection that is deleted and made again.
const forgetAccountAfter = time.Hour

// Registry holds the accounts that this process reaches and the connections by which it reaches them. A member outlives
// its connection object while webhooks remain to be deleted through it.
type Registry struct {
	clock clock.PassiveClock
	marks *markIndex
	// slots are the workers that calls of all accounts may hold; nil has no bound.
	slots *platform.Slots

	mu       sync.RWMutex
	members  map[string]*Member
	accounts map[string]*Fleet
	// left is when the last member of an account left it.
	left map[string]time.Time
}

// Bound bounds how many of the process's workers the calls of all accounts hold, lists and logins excepted, and shares
// them among the accounts. It is called before any account is made.
func (r *Registry) Bound(workers int) { r.slots = platform.NewSlots(workers) }

// NewRegistry makes an empty registry.
func NewRegistry(c clock.PassiveClock) *Registry {
	return &Registry{
		clock: c, marks: newMarkIndex(),
		members: map[string]*Member{}, accounts: map[string]*Fleet{}, left: map[string]time.Time{},
	}
}

// Member returns a connection's membership of its account, or nil when it was never connected.
func (r *Registry) Member(connection string) *Member {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.members[connection]
}

// Account returns the snapshot of an account, or nil when no connection reaches it.
func (r *Registry) Account(account string) *Fleet {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if f := r.accounts[account]; f != nil && r.left[account].IsZero() {
		return f
	}
	return nil
}

// Share returns a connection's share of an account's pace, for the client that is going to call it.
func (r *Registry) Share(account, connection string, limits platform.Limits) *platform.Share {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.account(account).pace.Join(connection, limits)
}

// account returns an account, and makes it when it is new.
func (r *Registry) account(name string) *Fleet {
	maps.DeleteFunc(r.left, func(account string, since time.Time) bool {
		expired := account != name && r.clock.Since(since) > forgetAccountAfter
		if expired {
			delete(r.accounts, account)
		}
		return expired
	})
	f := r.accounts[name]
	if f == nil {
		f = newFleet(name, r.clock, r.marks, r.slots)
		r.accounts[name] = f
		r.left[name] = r.clock.Now()
	}
	return f
}

// Join makes a connection, which has proven itself by obtaining a token, a member of an account. It leaves the account
// that it was a member of. A member of the same account uses the new client from now on.
func (r *Registry) Join(account, connection string, api API, cadence Cadence, enqueue func()) *Member {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m := r.members[connection]; m != nil {
		if m.fleet.account == account {
			m.Use(api, cadence)
			return m
		}
		r.leave(m)
	}
	f := r.account(account)
	m := &Member{fleet: f, name: connection, enqueue: enqueue, joined: r.clock.Now(), api: api, cadence: cadence}
	f.mu.Lock()
	f.members[connection] = m
	f.mu.Unlock()
	r.members[connection] = m
	delete(r.left, account)
	return m
}

// Leave forgets a connection.
func (r *Registry) Leave(connection string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m := r.members[connection]; m != nil {
		r.leave(m)
	}
}

func (r *Registry) leave(m *Member) {
	f := m.fleet
	f.mu.Lock()
	delete(f.members, m.name)
	f.pace.Leave(m.name)
	empty := len(f.members) == 0
	if empty {
		f.forgetSnapshot()
	}
	f.mu.Unlock()
	delete(r.members, m.name)
	if empty {
		r.left[f.account] = r.clock.Now()
	}
}

// forgetSnapshot drops what nothing keeps up to date any more. The pace, and what went wrong, stay.
func (f *Fleet) forgetSnapshot() {
	clear(f.entries)
	f.forgetMarks()
	clear(f.absent)
	clear(f.waiting)
	f.pace.Forget()
	f.listed, f.polled, f.unmanaged = time.Time{}, time.Time{}, -1
}

// EachMember calls do for every connected connection, in the order of their names.
func (r *Registry) EachMember(do func(m *Member)) {
	r.mu.RLock()
	members := slices.Collect(maps.Values(r.members))
	r.mu.RUnlock()
	slices.SortFunc(members, func(a, b *Member) int { return compareNames(a.name, b.name) })
	for _, m := range members {
		do(m)
	}
}

// EachAccount calls do for every account that is reached.
func (r *Registry) EachAccount(do func(f *Fleet)) {
	r.mu.RLock()
	accounts := slices.Collect(maps.Values(r.accounts))
	r.mu.RUnlock()
	for _, f := range accounts {
		do(f)
	}
}

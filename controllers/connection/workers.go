package connection

import (
	"strings"
	"sync"
	"time"

	"webhook-operator.io/itwin/internal/platform"
)

const (
	// namespacePart is which part of the workers the connections of one namespace may have where all are free.
	namespacePart = 2
	// pollPlacePause is when a connection that found no slot is looked at again, and slowPollPlacePause when one that
	// was slow lately is.
	pollPlacePause     = 250 * time.Millisecond
	slowPollPlacePause = time.Second
)

// polls shares the workers of the connections among them: those whose logins and lists were slow lately have a part of
// the workers, and so have those of one namespace, so that a connection that is quick finds one however many others get
// no answer.
type polls struct {
	slots *platform.Slots
	// most is how many workers the connections of one namespace may have where all are free.
	most int

	mu sync.Mutex
	// tempo is how quick each connection was, by its key.
	tempo map[string]platform.Tempo
	// held counts the workers that the connections of a namespace have.
	held map[string]int
}

func newPolls(workers int) *polls {
	return &polls{
		slots: platform.NewSlots(workers), most: workers / namespacePart,
		tempo: map[string]platform.Tempo{}, held: map[string]int{},
	}
}

// begin takes a slot for a connection. It returns leave, to be called with the time at the end, or how long to wait.
func (p *polls) begin(key string, now time.Time) (leave func(now time.Time), wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	group := pollGroup(key)
	giveBack, ok := p.slots.Take(p.tempo[key], p.held[group], p.most)
	switch {
	case !ok && p.tempo[key] == platform.Slow:
		return nil, slowPollPlacePause
	case !ok:
		return nil, pollPlacePause
	}
	p.held[group]++
	return func(ended time.Time) {
		giveBack()
		p.end(key, group, ended.Sub(now))
	}, 0
}

func (p *polls) end(key, group string, took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tempo[key] = platform.TempoOf(took)
	if p.held[group]--; p.held[group] == 0 {
		delete(p.held, group)
	}
}

// forget drops what is known of a connection that is gone.
func (p *polls) forget(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.tempo, key)
}

// pollGroup is what a connection shares its workers with: the others of its namespace. A ClusterConnection, which only
// an administrator makes, is one by itself.
func pollGroup(key string) string {
	if namespace, _, _ := strings.Cut(key, "/"); namespace != "" {
		return namespace
	}
	return key
}

package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"webhook-operator.io/itwin/internal/harness"
)

const (
	// restartPause is how long an ended process stays away, on average.
	restartPause = 500 * time.Millisecond
	shortPause   = time.Second
	// takeover bounds the wait for a standby to lead: a lease lasts 15 seconds.
	takeover = 40 * time.Second
)

// managerGroup is the operator's processes, each run again whenever it ends, as a kubelet does.
type managerGroup struct {
	members []*member
	stop    context.CancelFunc
	keepers sync.WaitGroup
}

// member is one process after the other.
type member struct {
	name    string
	journal *journal

	mu      sync.Mutex
	current *harness.Manager
	past    []*harness.Manager
}

// startManagers starts the operator's processes.
func (w *scene) startManagers(ctx context.Context, n int) (*managerGroup, error) {
	flags := []string{"--watch-namespace=" + w.namespace}
	if w.hostile != nil {
		flags = append(flags, "--watch-namespace="+w.hostile.namespace)
	}
	if n > 1 {
		flags = append(flags, "--leader-elect", "--leader-election-namespace="+harness.Namespace)
	}
	keep, stop := context.WithCancel(context.WithoutCancel(ctx))
	c := &managerGroup{stop: stop}
	for i := range n {
		process, err := plane.StartManager(ctx, flags...)
		if err != nil {
			return nil, errors.Join(err, c.stopAll())
		}
		m := &member{name: fmt.Sprintf("manager %d", i+1), journal: &w.journal, current: process}
		c.members = append(c.members, m)
		c.keepers.Go(func() { m.keep(keep, w.random(streamMembers+i)) })
	}
	return c, nil
}

// keep runs the process again when it has ended.
func (m *member) keep(ctx context.Context, random *rand.Rand) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.process().Done():
		}
		m.journal.note("", m.name+" has ended", nil)
		if sleepRandom(ctx, random, restartPause) {
			m.relaunch()
		}
	}
}

func (m *member) process() *harness.Manager {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.current
}

func (m *member) relaunch() {
	next, err := m.process().Relaunch()
	m.journal.note("", m.name+" starts", err)
	if err != nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.past = append(m.past, m.current)
	m.current = next
}

// leads reports whether the process has won the lease; one that loses it ends.
func (m *member) leads() bool {
	p := m.process()
	return p.Ended() == nil && strings.Contains(p.Output(), "Successfully acquired lease")
}

// leader is the first member that leads, which may be one that does not know yet that it does not; else the first.
func (c *managerGroup) leader() *member {
	for _, m := range c.members {
		if m.leads() {
			return m
		}
	}
	return c.members[0]
}

// stopAll ends all processes.
func (c *managerGroup) stopAll() (err error) {
	c.stop()
	c.keepers.Wait()
	for _, m := range c.members {
		err = errors.Join(err, m.process().Stop())
	}
	return err
}

// outputs are what all processes wrote, by the path of the file.
func (c *managerGroup) outputs() map[string]string {
	all := map[string]string{}
	for _, m := range c.members {
		m.mu.Lock()
		for _, p := range append(slices.Clip(m.past), m.current) {
			all[p.OutputPath()] = p.Output()
		}
		m.mu.Unlock()
	}
	return all
}

// disruptions are those of the operator's processes.
func (c *managerGroup) disruptions() []disruption {
	all := []disruption{
		{"kill the operator", func(context.Context, *rand.Rand) error { return c.leader().process().Kill() }},
		{"terminate the operator", func(context.Context, *rand.Rand) error { return c.leader().process().Stop() }},
		{"pause the operator", func(ctx context.Context, random *rand.Rand) error {
			return pause(c.leader().process(), func() { sleepRandom(ctx, random, shortPause) })
		}},
	}
	if len(c.members) == 1 {
		return append(all, all[0])
	}
	return append(all, disruption{"depose the leader", func(ctx context.Context, _ *rand.Rand) error {
		return c.deposeLeader(ctx)
	}})
}

// deposeLeader pauses the leader until another leads, and then lets it go on with what it was about to do.
func (c *managerGroup) deposeLeader(ctx context.Context) error {
	leader := c.leader()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), takeover)
	defer cancel()
	return pause(leader.process(), func() {
		tick := time.NewTicker(shortPause / 4)
		defer tick.Stop()
		for ctx.Err() == nil {
			<-tick.C
			for _, m := range c.members {
				if m != leader && m.leads() {
					return
				}
			}
		}
	})
}

// pause stops a process where it is for as long as something else takes.
func pause(p *harness.Manager, meanwhile func()) error {
	if err := p.Pause(); err != nil {
		return err
	}
	meanwhile()
	return p.Resume()
}

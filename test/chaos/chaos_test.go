// Package chaos breaks everything around the operator, and the operator itself, at random moments while users edit
// Webhooks, and then expects both sides to match. The seed decides what is done; when it hits depends on the machine.
package chaos

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"webhook-operator.io/itwin/internal/harness"
)

var (
	webhooks      = flag.Int("n", 40, "how many Webhooks come and go in each scenario")
	duration      = flag.Duration("for", 25*time.Second, "how long everything breaks in each scenario")
	seed          = flag.Uint64("seed", 1, "what all random choices follow from; 0 picks one")
	settleTimeout = flag.Duration("settle-timeout", 3*time.Minute, "how long settling may take; it bounds a failure")
)

var (
	// plane is the control plane of all scenarios.
	plane *harness.ControlPlane
	// collector collects garbage: without it a Webhook that is created again finds the generated Secret of the one before,
	// forever.
	collector *harness.Process
)

func TestMain(m *testing.M) {
	harness.Main(m, harness.Suite{
		Name: "chaos",
		Start: func(_ context.Context, p *harness.ControlPlane) error {
			plane = p
			if *seed == 0 {
				*seed = rand.Uint64()
			}
			return restartCollector()
		},
		End: func() error {
			if collector == nil {
				return nil
			}
			return errors.Join(collector.Ended(), collector.Kill())
		},
	})
}

// restartCollector restarts the garbage collector. One that has seen the API server go waits for minutes to look again.
func restartCollector() (err error) {
	if collector != nil {
		err = collector.Kill()
	}
	next, failure := plane.StartTeardownControllers()
	if failure == nil {
		collector = next
	}
	return errors.Join(err, failure)
}

func TestChaos(t *testing.T) {
	for _, scenario := range []struct {
		name string
		// managers is how many of them compete for the lease; a single one does not ask for it.
		managers int
		// hostile lets a hostile tenant act beside the users.
		hostile bool
	}{
		{"one manager", 1, false},
		{"two managers", 2, false},
		{"a hostile tenant", 1, true},
	} {
		t.Run(scenario.name, func(t *testing.T) {
			t.Logf("repeat this with: make chaos SEED=%d N=%d FOR=%s", *seed, *webhooks, *duration)
			w := newScene(t, scenario.managers, scenario.hostile)
			must(t, w.breakEverything(t.Context()))
			must(t, restartCollector())
			t.Log("done:", w.journal.summary())
			t.Log("calls that went wrong:", w.played())
			w.settles(t)
			w.staysSettled(t)
			if w.hostile != nil {
				w.hostile.leaves(t)
				w.settles(t)
			}
			w.vanishes(t)
			w.noManagerPanicked(t)
		})
	}
}

// breakEverything lets users act during faults and disruptions, and returns once all of them have ended.
func (w *scene) breakEverything(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, *duration)
	defer cancel()
	var busy sync.WaitGroup
	for i, p := range w.users() {
		busy.Go(func() { p.run(ctx, w.random(streamUsers+i)) })
	}
	if w.hostile != nil {
		busy.Go(func() { w.hostile.run(ctx, w.random(streamHostile)) })
	}
	var operator, control, platform error
	busy.Go(func() { operator = w.disrupt(ctx, w.random(streamOperator), *duration/6, w.managers.disruptions()) })
	busy.Go(func() { control = w.disrupt(ctx, w.random(streamPlane), *duration/3, planeDisruptions()) })
	busy.Go(func() { platform = w.injectFaults(ctx, w.random(streamPlatform)) })
	busy.Wait()
	return errors.Join(operator, control, platform)
}

// settles waits until nothing differs.
func (w *scene) settles(t *testing.T) {
	t.Helper()
	began, count := time.Now(), 0
	w.eventually(t, "both sides match", func(ctx context.Context) ([]difference, error) {
		s, err := w.look(ctx)
		if err != nil {
			return nil, err
		}
		count = len(s.webhooks)
		found := s.differences()
		if w.hostile != nil {
			wins, err := w.hostile.wins(ctx, s)
			return append(found, wins...), err
		}
		return found, nil
	})
	t.Logf("settled after %s: %d Webhooks", time.Since(began).Round(time.Second), count)
}

// staysSettled waits until all that was delayed has happened and the operator has looked twice, and looks again.
func (w *scene) staysSettled(t *testing.T) {
	t.Helper()
	time.Sleep(time.Until(w.faultsEnded.Add(longestDelay)))
	if err := w.platform.ResetRequests(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := harness.Until(t.Context(), "the operator lists the remote webhooks twice", func(ctx context.Context) error {
		requests, err := w.platform.Requests(ctx)
		if n := requests.Counts["GET /webhooks"]; err == nil && n < 2 {
			err = fmt.Errorf("%d lists", n)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	w.settles(t)
}

// vanishes deletes all Webhooks and waits until neither side has any.
func (w *scene) vanishes(t *testing.T) {
	t.Helper()
	if err := w.deleteAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.eventually(t, "everything goes", func(ctx context.Context) (left []difference, err error) {
		s, err := w.look(ctx)
		if err != nil {
			return nil, err
		}
		for _, webhook := range s.webhooks {
			left = append(left, difference{webhook.Name, "is still there"})
		}
		for _, remote := range s.remotes {
			left = append(left, difference{remote.ID, "is still there"})
		}
		return left, nil
	})
}

func (w *scene) noManagerPanicked(t *testing.T) {
	t.Helper()
	for path, text := range w.managers.outputs() {
		if found := linesWith(text, []string{"panic"}); found != "" {
			t.Errorf("%s:\n%s", path, found)
		}
	}
}

// eventually waits until nothing is found, and reports the history of what is found in the end.
func (w *scene) eventually(t *testing.T, what string, find func(context.Context) ([]difference, error)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), *settleTimeout)
	defer cancel()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	var last []difference
	for {
		found, err := find(ctx)
		if err == nil && len(found) == 0 {
			return
		}
		if err == nil {
			last = found
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("seed %d: waited %s, but not until %s (%v)%s", *seed, *settleTimeout, what, err, w.tell(last))
		}
	}
}

// maxStories bounds what a failure reports.
const maxStories = 5

// tell lists differences, and what happened to the first few that they are about.
func (w *scene) tell(found []difference) string {
	var text strings.Builder
	var about []string
	for _, d := range found {
		fmt.Fprintf(&text, "\n%s", d)
		if !slices.Contains(about, d.about) {
			about = append(about, d.about)
		}
	}
	for _, name := range about[:min(len(about), maxStories)] {
		fmt.Fprintf(&text, "\n\n=== the history of %s\n%s", name, w.history(name))
	}
	return text.String()
}

package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"webhook-operator.io/itwin/internal/simulator"
)

const (
	faultPause = 500 * time.Millisecond
	// longestDelay of a request on its way is shorter than the operator's request timeout: what is under way longer
	// than anyone waits for an answer is beyond every protocol.
	longestDelay = 8 * time.Second
	mostTimes    = 4
)

// blow breaks something, and mends it before it returns.
type blow struct {
	name   string
	strike func(context.Context, *rand.Rand) error
}

// torment strikes each blow in a random order, and then all again, until the time is over. A blow that could not be
// struck, or not be mended, is an error.
func (w *world) torment(ctx context.Context, random *rand.Rand, average time.Duration, blows []blow) error {
	for {
		for _, i := range random.Perm(len(blows)) {
			if !rest(ctx, random, average) {
				return nil
			}
			w.journal.note("", "begin: "+blows[i].name, nil)
			err := blows[i].strike(ctx, random)
			w.journal.note("", blows[i].name, err)
			if err != nil {
				return fmt.Errorf("%s: %w", blows[i].name, err)
			}
		}
	}
}

// planeBlows are what the control plane has to take.
func planeBlows() []blow {
	return []blow{
		{"restart the API server", func(ctx context.Context, _ *rand.Rand) error {
			return errors.Join(plane.StopAPIServer(context.WithoutCancel(ctx)), plane.StartAPIServer())
		}},
		{"kill the API server", func(ctx context.Context, _ *rand.Rand) error {
			return errors.Join(plane.KillAPIServer(context.WithoutCancel(ctx)), plane.StartAPIServer())
		}},
		{"pause etcd", func(ctx context.Context, random *rand.Rand) error {
			if err := plane.PauseEtcd(); err != nil {
				return err
			}
			rest(ctx, random, 2*shortPause)
			return plane.ResumeEtcd()
		}},
	}
}

// faultActions are what a call may come to; an empty list is for those who list.
var faultActions = []string{
	"status:500", "status:503", "status:429;retry-after=1", "status:429;retry-after=3", "html:502", "empty:503",
	"drop-request", "drop-response", "garbage", "truncate", "delay:200ms", "delay:2s", "delay:" + longestDelay.String(),
	"delay-response:1s", "delay-response:12s",
}

// faultMatches are the calls that go wrong: all, or those of one kind.
var faultMatches = []simulator.Match{
	{},
	{Method: http.MethodPost, Path: "/webhooks"},
	{Method: http.MethodGet, Path: "/webhooks"},
	{Method: http.MethodPatch, Path: "/webhooks/{id}"},
	{Method: http.MethodDelete, Path: "/webhooks/{id}"},
	{Method: http.MethodPost, Path: "/connect/token"},
}

// sabotage lets calls to the platform go wrong until the time is over.
func (w *world) sabotage(ctx context.Context, random *rand.Rand) error {
	for rest(ctx, random, faultPause) {
		fault := randomFault(random)
		err := w.platform.Fault(ctx, fault)
		w.journal.note("", "fault: "+fault.Match.Method+" "+fault.Match.Path+" "+fault.Action, err)
	}
	w.mended = time.Now()
	return w.platform.ClearFaults(context.WithoutCancel(ctx))
}

func randomFault(random *rand.Rand) simulator.Fault {
	fault := simulator.Fault{
		Match: faultMatches[random.IntN(len(faultMatches))], Times: 1 + random.IntN(mostTimes),
		Action: faultActions[random.IntN(len(faultActions))],
	}
	if fault.Match.Method == http.MethodGet && random.IntN(2) == 0 {
		fault.Action = "empty-list"
	}
	return fault
}

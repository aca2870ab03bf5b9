package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"time"

	"webhook-operator.io/itwin/simulator"
)

const (
	faultPause = 250 * time.Millisecond
	// longestDelay of a request on its way is shorter than the operator's request timeout: what is under way longer
	// than any caller waits for an answer is beyond every protocol.
	longestDelay = 8 * time.Second
	mostTimes    = 3
	// faultsKept is how many faults wait at the same time, about, for a call that they match.
	faultsKept = 6
)

// disruption breaks something, and repairs it before it returns.
type disruption struct {
	name  string
	apply func(context.Context, *rand.Rand) error
}

// disrupt applies each disruption in a random order, and then all again, until the time is over. A disruption that could
// not be applied, or not be repaired, is an error.
func (w *scene) disrupt(ctx context.Context, random *rand.Rand, average time.Duration, disruptions []disruption) error {
	for {
		for _, i := range random.Perm(len(disruptions)) {
			if !sleepRandom(ctx, random, average) {
				return nil
			}
			w.journal.note("", "begin: "+disruptions[i].name, nil)
			err := disruptions[i].apply(ctx, random)
			w.journal.note("", disruptions[i].name, err)
			if err != nil {
				return fmt.Errorf("%s: %w", disruptions[i].name, err)
			}
		}
	}
}

// planeDisruptions are those of the control plane.
func planeDisruptions() []disruption {
	return []disruption{
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
			sleepRandom(ctx, random, 2*shortPause)
			return plane.ResumeEtcd()
		}},
	}
}

// faultActions are what a call may come to. Those that hold it for long hold the operator, too, so they are few.
var (
	faultActions = []string{
		"status:500", "status:503", "status:429;retry-after=1", "status:429;retry-after=3", "html:502", "empty:503",
		"drop-request", "drop-response", "drop-response", "garbage", "garbage", "truncate", "truncate",
		"delay:200ms", "delay:2s", "delay-response:1s", slow,
	}
	slowActions = []string{"delay:" + longestDelay.String(), "delay-response:12s"}
)

// slow stands for one of the slow actions.
const slow = "slow"

// faultMatches are the calls that go wrong. Creates do most often, for they are what cannot be repeated; lists and tokens
// seldom, for while they fail nothing is written at all.
var faultMatches = []simulator.Match{
	{Method: http.MethodPost, Path: "/webhooks"},
	{Method: http.MethodPost, Path: "/webhooks"},
	{Method: http.MethodPost, Path: "/webhooks"},
	{Method: http.MethodPatch, Path: "/webhooks/{id}"},
	{Method: http.MethodPatch, Path: "/webhooks/{id}"},
	{Method: http.MethodDelete, Path: "/webhooks/{id}"},
	{Method: http.MethodDelete, Path: "/webhooks/{id}"},
	{Method: http.MethodGet, Path: "/webhooks"},
	{Method: http.MethodPost, Path: "/connect/token"},
	{},
}

// injectFaults lets calls to the platform go wrong, the first ones too, until the time is over.
func (w *scene) injectFaults(ctx context.Context, random *rand.Rand) error {
	for n := 0; n < faultsKept || sleepRandom(ctx, random, faultPause); n++ {
		fault := randomFault(random)
		var err error
		if n >= faultsKept && random.IntN(faultsKept) == 0 {
			err = w.platform.ClearFaults(ctx)
		}
		err = errors.Join(err, w.platform.Fault(ctx, fault))
		w.journal.note("", "fault: "+fault.Match.Method+" "+fault.Match.Path+" "+fault.Action, err)
	}
	w.faultsEnded = time.Now()
	return w.platform.ClearFaults(context.WithoutCancel(ctx))
}

func randomFault(random *rand.Rand) simulator.Fault {
	fault := simulator.Fault{
		Match: faultMatches[random.IntN(len(faultMatches))], Times: 1 + random.IntN(mostTimes),
		Action: faultActions[random.IntN(len(faultActions))],
	}
	switch {
	case fault.Action == slow:
		fault.Action, fault.Times = slowActions[random.IntN(len(slowActions))], 1
	case fault.Match.Method == http.MethodGet && random.IntN(2) == 0:
		fault.Action = "empty-list"
	}
	return fault
}

var played = regexp.MustCompile(`msg="playing a fault".* method=(\S+) path=(\S+) action=(\S+)`)

// played counts the calls to the platform that went wrong, by what they asked for and what came of it.
func (w *scene) played() map[string]int {
	counts := map[string]int{}
	for _, match := range played.FindAllStringSubmatch(w.platform.Output(), -1) {
		path := identifiers.ReplaceAllString(match[2], "{id}")
		counts[match[1]+" "+path+" "+match[3]]++
	}
	return counts
}

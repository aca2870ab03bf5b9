// Package bench counts what a fleet of Webhooks costs: the built programs run as processes, with the shipped manifests,
// on a real control plane. Every call to the platform is counted by the simulator, every request to the API server by a
// proxy before it. Counts are asserted; times, memory and CPU are only reported.
//
//	make bench N=10000
package bench

import (
	"context"
	"flag"
	"os"
	"testing"
	"time"

	"webhook-operator.io/itwin/internal/harness"
)

var (
	webhooks = flag.Int("n", 50, "how many Webhooks the fleet has")
	interval = flag.Duration("interval", 10*time.Second, "the pollInterval of the connections")
)

// byHand is from how many Webhooks on a run takes its time: one test after the other, and more samples of everything.
const byHand = 201

func large() bool { return *webhooks >= byHand }

// pick chooses between what a run by hand does and what fits into a test.
func pick[T any](byHand, tested T) T {
	if large() {
		return byHand
	}
	return tested
}

var plane *harness.ControlPlane

func TestMain(m *testing.M) {
	flag.Parse() // what is parallel depends on it
	harness.Main(m, harness.Suite{
		Name: "bench", Parallel: pick("1", "8"),
		Start: func(_ context.Context, p *harness.ControlPlane) error {
			plane = p
			return nil
		},
		End: func() error {
			printTable(os.Stdout)
			return nil
		},
	})
}

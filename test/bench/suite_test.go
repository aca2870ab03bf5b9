// Package bench counts what a fleet of Webhooks costs: the built programs run as processes, with the shipped manifests,
// on a real control plane. Every call to the platform is counted by the simulator, every request to the API server by a
// proxy before it. Counts are asserted; times, memory and CPU are only told.
//
//	make bench N=10000
package bench

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"

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
	os.Exit(run(m))
}

func run(m *testing.M) (code int) {
	flag.Parse()
	ctrl.SetLogger(logr.Discard())
	dir, err := os.MkdirTemp("", "itwin-bench-")
	if err != nil {
		return failed("make a folder", err)
	}
	defer func() {
		if code != 0 {
			fmt.Fprintln(os.Stderr, "what the programs wrote is in", dir)
			return
		}
		_ = os.RemoveAll(dir)
	}()
	if plane, err = harness.StartControlPlane(dir); err != nil {
		return failed("start", err)
	}
	defer func() {
		if err := plane.Stop(); err != nil {
			failed("stop the control plane", err)
		}
	}()
	if err := plane.Install(context.Background()); err != nil {
		return failed("install", err)
	}
	// The tests wait for polls more than they work.
	if err := flag.Set("test.parallel", pick("1", "8")); err != nil {
		return failed("set the number of parallel tests", err)
	}
	code = m.Run()
	printTable(os.Stdout)
	return code
}

func failed(what string, err error) int {
	fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
	return 1
}

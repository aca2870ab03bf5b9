// Package e2e runs the built programs as processes, with the shipped manifests and no rights beyond theirs, on a real
// control plane.
package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"

	"webhook-operator.io/itwin/internal/harness"
)

var (
	plane *harness.ControlPlane
	// manager is the one operator of the suite. Tests that are not parallel may replace it.
	manager *harness.Manager
	// metrics is where it serves them.
	metrics string
)

// parallel is how many scenarios run at the same time.
const parallel = "16"

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

// run starts what all tests share. Tests that stop the operator run first and alone: they are those without t.Parallel.
func run(m *testing.M) (code int) {
	harness.Quiet()
	dir, err := os.MkdirTemp("", "itwin-e2e-")
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
	ctx := context.Background()
	if err := plane.Install(ctx); err != nil {
		return failed("install", err)
	}
	if metrics, err = harness.FreeAddress(); err != nil {
		return failed("find a port", err)
	}
	if manager, err = startManager(ctx); err != nil {
		return failed("start the operator", err)
	}
	// They wait more than they work, so there may be more of them than processors.
	if err := flag.Set("test.parallel", parallel); err != nil {
		return failed("set the number of parallel tests", err)
	}
	code = m.Run()
	if err := manager.Stop(); err != nil {
		return failed("stop the operator", err)
	}
	return code
}

func startManager(ctx context.Context) (*harness.Manager, error) {
	return plane.StartManager(ctx, "--metrics-bind-address="+metrics)
}

func failed(what string, err error) int {
	fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
	return 1
}

// Package teardown takes namespaces down with Kubernetes' own namespace controller and garbage collector, with the
// operator at work, without it, and without the credentials it needs.
package teardown

import (
	"context"
	"errors"
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
)

// parallel is how many scenarios run at the same time: they wait more than they work.
const parallel = "16"

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

// run starts what all tests share.
func run(m *testing.M) (code int) {
	dir, err := os.MkdirTemp("", "itwin-teardown-")
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
			code = failed("stop the control plane", err)
		}
	}()
	ctx := context.Background()
	if err := plane.Install(ctx); err != nil {
		return failed("install", err)
	}
	controllers, err := plane.StartTeardownControllers()
	if err != nil {
		return failed("start the teardown controllers", err)
	}
	defer func() {
		if err := errors.Join(controllers.Ended(), controllers.Kill()); err != nil {
			code = failed("stop the teardown controllers", err)
		}
	}()
	if manager, err = plane.StartManager(ctx); err != nil {
		return failed("start the operator", err)
	}
	defer func() {
		if err := manager.Stop(); err != nil {
			code = failed("stop the operator", err)
		}
	}()
	if err := flag.Set("test.parallel", parallel); err != nil {
		return failed("set the number of parallel tests", err)
	}
	return m.Run()
}

func failed(what string, err error) int {
	fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
	return 1
}

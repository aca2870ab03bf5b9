// Package teardown takes namespaces down with Kubernetes' own namespace controller and garbage collector, with the
// operator at work, without it, and without the credentials it needs.
package teardown

import (
	"context"
	"errors"
	"testing"

	"webhook-operator.io/itwin/internal/harness"
)

var (
	plane *harness.ControlPlane
	// manager is the one operator of the suite. Tests that are not parallel may replace it.
	manager     *harness.Manager
	controllers *harness.Process
)

func TestMain(m *testing.M) {
	harness.Main(m, harness.Suite{Name: "teardown", Parallel: "16", Start: start, End: end})
}

func start(ctx context.Context, p *harness.ControlPlane) (err error) {
	plane = p
	if controllers, err = plane.StartTeardownControllers(); err != nil {
		return err
	}
	manager, err = plane.StartManager(ctx)
	return err
}

func end() (err error) {
	if manager != nil {
		err = manager.Stop()
	}
	if controllers != nil {
		err = errors.Join(err, controllers.Ended(), controllers.Kill())
	}
	return err
}

// Package e2e runs the built programs as processes, with the shipped manifests and no rights beyond theirs, on a real
// control plane.
package e2e

import (
	"context"
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

// TestMain starts what all tests share. Tests that stop the operator run first and alone: they are those without
// t.Parallel.
func TestMain(m *testing.M) {
	harness.Main(m, harness.Suite{Name: "e2e", Parallel: "16", Start: start, End: end})
}

func start(ctx context.Context, p *harness.ControlPlane) (err error) {
	plane = p
	if metrics, err = harness.FreeAddress(); err != nil {
		return err
	}
	manager, err = startManager(ctx)
	return err
}

func end() error {
	if manager == nil {
		return nil
	}
	return manager.Stop()
}

func startManager(ctx context.Context) (*harness.Manager, error) {
	return plane.StartManager(ctx, "--metrics-bind-address="+metrics)
}

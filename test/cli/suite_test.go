// Package cli runs the built kubectl-itwin as a process, by itself and as a plugin of kubectl, on a real control plane
// with the operator and the platform's stand-in.
package cli

import (
	"context"
	"testing"

	"webhook-operator.io/itwin/internal/harness"
)

var (
	plane   *harness.ControlPlane
	manager *harness.Manager
)

// TestMain starts what all tests share.
func TestMain(m *testing.M) {
	harness.Main(m, harness.Suite{Name: "cli", Parallel: "8", Start: start, End: end})
}

func start(ctx context.Context, p *harness.ControlPlane) (err error) {
	plane = p
	if err = markAvailable(ctx, p.Client, 2); err != nil {
		return err
	}
	manager, err = plane.StartManager(ctx, "--leader-elect", "--leader-election-namespace="+harness.Namespace)
	return err
}

func end() error {
	if manager == nil {
		return nil
	}
	return manager.Stop()
}

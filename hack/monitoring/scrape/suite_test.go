// Package scrape resolves the queries of alerts and dashboard against what the built operator serves, on a real control
// plane.
package scrape

import (
	"context"
	"testing"

	"webhook-operator.io/itwin/internal/harness"
)

var (
	plane   *harness.ControlPlane
	manager *harness.Manager
	// metrics is where the operator serves them.
	metrics string
)

func TestMain(m *testing.M) {
	harness.Main(m, harness.Suite{Name: "monitoring", Start: start, End: end})
}

func start(ctx context.Context, p *harness.ControlPlane) (err error) {
	plane = p
	if metrics, err = harness.FreeAddress(); err != nil {
		return err
	}
	manager, err = plane.StartManager(ctx, append(harness.MetricsFlags(metrics),
		"--leader-elect", "--leader-election-namespace="+harness.Namespace)...)
	return err
}

func end() error {
	if manager == nil {
		return nil
	}
	return manager.Stop()
}

package upgrade

import (
	"context"
	"testing"

	"webhook-operator.io/itwin/internal/harness"
	"webhook-operator.io/itwin/internal/harness/clustertest"
)

// fresh is a control plane that was installed without an upgrade.
var fresh *harness.ControlPlane

func TestMain(m *testing.M) {
	start := func(_ context.Context, plane *harness.ControlPlane) error {
		fresh = plane
		return nil
	}
	harness.Main(m, harness.Suite{Name: "upgrade", Parallel: "4", Start: start})
}

// cluster is a control plane that a test has to itself.
type cluster struct{ *clustertest.Cluster }

func newCluster(t *testing.T) *cluster {
	t.Helper()
	return &cluster{clustertest.New(t)}
}

// apply applies a folder of config as docs/deployment.md says for an upgrade.
func (c *cluster) apply(folder string) {
	c.Helper()
	c.MustKubectl("apply", "--server-side", "--force-conflicts", "-k", config(c.T, folder))
}

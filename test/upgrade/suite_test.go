package upgrade

import (
	"context"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/harness"
	"webhook-operator.io/itwin/internal/harness/clustertest"
	"webhook-operator.io/itwin/internal/harness/documented"
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

// apply applies a folder of config as docs/deployment.md says for an upgrade, in place of the file of a release.
func (c *cluster) apply(folder string) {
	c.Helper()
	command := documented.Commands(c.T, "docs/deployment.md", "### With kubectl", 1)[0]
	apply, found := strings.CutPrefix(strings.TrimSuffix(command, " -f dist/install.yaml\n"), "kubectl ")
	c.Expect(found).To(BeTrue())
	c.MustKubectl(append(strings.Fields(apply), "-k", config(c.T, folder))...)
}

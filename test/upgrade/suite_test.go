package upgrade

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/harness"
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
type cluster struct {
	*testing.T
	*WithT
	*harness.ControlPlane
	ctx context.Context
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{T: t, WithT: NewWithT(t), ctx: t.Context()}
	c.SetDefaultEventuallyTimeout(harness.Timeout)
	c.SetDefaultEventuallyPollingInterval(50 * time.Millisecond)
	var err error
	c.ControlPlane, err = harness.StartControlPlane(t.TempDir())
	c.must(err)
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func (c *cluster) must(err error) {
	c.Helper()
	c.Expect(err).NotTo(HaveOccurred())
}

// kubectl runs it as an administrator.
func (c *cluster) kubectl(args ...string) string {
	c.Helper()
	out, err := c.Kubectl(c.ctx, args...)
	c.must(err)
	return out
}

// apply applies a folder of config as docs/deployment.md says for an upgrade.
func (c *cluster) apply(folder string) {
	c.Helper()
	c.kubectl("apply", "--server-side", "--force-conflicts", "-k", config(c.T, folder))
}

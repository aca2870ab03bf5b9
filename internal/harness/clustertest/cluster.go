// Package clustertest gives a test a control plane to itself, with nothing installed, and what it asserts by.
package clustertest

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/harness"
)

// Cluster is the control plane of one test.
type Cluster struct {
	*testing.T
	*WithT
	*harness.ControlPlane

	Ctx context.Context
}

// New starts one, which the end of the test stops.
func New(t *testing.T) *Cluster {
	t.Helper()
	c := &Cluster{T: t, WithT: NewWithT(t), Ctx: t.Context()}
	c.SetDefaultEventuallyTimeout(harness.Timeout)
	c.SetDefaultEventuallyPollingInterval(50 * time.Millisecond)
	var err error
	c.ControlPlane, err = harness.StartControlPlane(t.TempDir())
	c.Must(err)
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// Must ends the test at an error.
func (c *Cluster) Must(err error) {
	c.Helper()
	c.Expect(err).NotTo(HaveOccurred())
}

// MustKubectl returns what kubectl prints for an administrator.
func (c *Cluster) MustKubectl(args ...string) string {
	c.Helper()
	out, err := c.Kubectl(c.Ctx, args...)
	c.Must(err)
	return out
}

// Package install applies and removes the trees of config as administrators and owners of a namespace do, with kubectl
// and make, on a real control plane with nothing installed before.
package install

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/harness"
)

func TestMain(m *testing.M) { harness.Main(m, harness.Suite{Name: "install"}) }

// cluster is a control plane that a test has to itself.
type cluster struct {
	*testing.T
	*WithT
	*harness.ControlPlane
	ctx  context.Context
	root string
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{T: t, WithT: NewWithT(t), ctx: t.Context()}
	c.SetDefaultEventuallyTimeout(harness.Timeout)
	c.SetDefaultEventuallyPollingInterval(50 * time.Millisecond)
	var err error
	c.root, err = harness.Root()
	c.must(err)
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

func (c *cluster) config(folder string) string { return filepath.Join(c.root, "config", folder) }

// overlay is a kustomization of a folder of config, with more lines.
func (c *cluster) overlay(folder, lines string) (dir string) {
	c.Helper()
	dir, err := filepath.EvalSymlinks(c.TempDir())
	c.must(err)
	base, err := filepath.Rel(dir, c.config(folder))
	c.must(err)
	text := "resources: [" + base + "]\n" + lines
	c.must(os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(text), 0o600))
	return dir
}

func (c *cluster) namespace(name string) {
	c.Helper()
	c.must(c.Client.Create(c.ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}))
}

// heldWebhook is one that only the operator can let go of.
func (c *cluster) heldWebhook() *itwinv1alpha1.Webhook {
	c.Helper()
	w := &itwinv1alpha1.Webhook{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", Name: "held", Finalizers: []string{itwinv1alpha1.WebhookFinalizer},
		},
		Spec: itwinv1alpha1.WebhookSpec{
			CallbackURL: "https://hooks.example.com/itwin", Scope: itwinv1alpha1.AccountScope,
			EventTypes: []string{"iTwins.iTwinCreated.v1"},
		},
	}
	c.must(c.Client.Create(c.ctx, w))
	return w
}

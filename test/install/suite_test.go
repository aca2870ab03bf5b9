// Package install applies and removes the trees of config as administrators and owners of a namespace do, with kubectl
// and make, on a real control plane with nothing installed before.
package install

import (
	"os"
	"path/filepath"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/harness"
	"webhook-operator.io/itwin/internal/harness/clustertest"
)

func TestMain(m *testing.M) { harness.Main(m, harness.Suite{Name: "install"}) }

// cluster is a control plane that a test has to itself, and where the repository is.
type cluster struct {
	*clustertest.Cluster

	root string
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	root, err := harness.Root()
	if err != nil {
		t.Fatal(err)
	}
	return &cluster{clustertest.New(t), root}
}

func (c *cluster) config(folder string) string { return filepath.Join(c.root, "config", folder) }

// overlay is a kustomization of a folder of config, with more lines.
func (c *cluster) overlay(folder, lines string) (dir string) {
	c.Helper()
	dir, err := filepath.EvalSymlinks(c.TempDir())
	c.Must(err)
	base, err := filepath.Rel(dir, c.config(folder))
	c.Must(err)
	text := "resources: [" + base + "]\n" + lines
	c.Must(os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(text), 0o600))
	return dir
}

func (c *cluster) namespace(name string) {
	c.Helper()
	c.Must(c.Client.Create(c.Ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}))
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
	c.Must(c.Client.Create(c.Ctx, w))
	return w
}

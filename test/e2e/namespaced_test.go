package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/harness"
)

// The operator of this test is bound to a namespace by a Role; that of the other tests is stopped meanwhile.
func TestOperatorForOneNamespaceNeedsNoClusterRole(t *testing.T) {
	s, other := newConnectedScene(t), newConnectedScene(t)
	s.must(manager.Stop())
	s.installNamespaced()
	namespaced, err := plane.StartManagerIn(s.ctx, s.namespace, "--watch-namespace="+s.namespace)
	s.must(err)

	other.create(other.webhook("model-events"))
	w := s.ready("model-events")
	s.create(s.webhook("no-cluster", func(w *v1alpha1.Webhook) {
		w.Spec.ConnectionRef = v1alpha1.ConnectionReference{Kind: v1alpha1.ConnectionKindCluster, Name: "organization"}
	}))
	s.becomes("no-cluster", isNotReady(v1alpha1.ConnectionNotFoundReason))
	s.sees("model-events", "Created")
	s.delete(w)
	s.gone("model-events")
	s.Expect(other.remotes()).To(BeEmpty(), "another namespace is not served")

	s.must(namespaced.Stop())
	s.startManager()
	other.becomes("model-events", isReady)
}

// installNamespaced applies config/namespaced into the scene's namespace, as an administrator of no more than that
// would.
func (s *scene) installNamespaced() {
	s.Helper()
	root, err := harness.Root()
	s.must(err)
	dir, err := filepath.EvalSymlinks(s.TempDir())
	s.must(err)
	base, err := filepath.Rel(dir, filepath.Join(root, "config", "namespaced"))
	s.must(err)
	overlay := fmt.Sprintf("namespace: %s\nresources: [%s]\n", s.namespace, base)
	s.must(os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(overlay), 0o600))
	_, err = plane.Kubectl(s.ctx, "apply", "-k", dir)
	s.must(err)
}

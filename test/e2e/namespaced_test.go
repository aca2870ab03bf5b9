package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/harness"
)

// The operator of this test is bound to a namespace by a Role; that of the other tests is stopped meanwhile.
func TestOperatorForOneNamespaceNeedsNoClusterRole(t *testing.T) {
	s, other := newConnectedScene(t), newConnectedScene(t)
	s.Must(manager.Stop())
	s.installNamespaced()
	namespaced, err := plane.StartManagerIn(s.Ctx, s.Namespace, "--watch-namespace="+s.Namespace)
	s.Must(err)

	other.Create(other.webhook("model-events"))
	w := s.ready("model-events")
	s.Create(s.webhook("no-cluster", func(w *itwinv1alpha1.Webhook) {
		w.Spec.ConnectionRef = itwinv1alpha1.ConnectionReference{Kind: itwinv1alpha1.ConnectionKindCluster, Name: "organization"}
	}))
	s.becomes("no-cluster", isNotReady(itwinv1alpha1.ConnectionNotFoundReason))
	s.sees("model-events", "Created")
	s.delete(w)
	s.gone("model-events")
	s.Expect(other.remotes()).To(BeEmpty(), "another namespace is not served")

	s.Must(namespaced.Stop())
	s.startManager()
	other.becomes("model-events", isReady)
}

// The operator of this test works on another namespace than its own, with the Roles that config/namespaced describes
// for that: in its own it may only hold a lease and keep its key.
func TestOperatorForAnotherNamespaceKeepsItsKeyInItsOwn(t *testing.T) {
	s, own := newConnectedScene(t), newScene(t)
	s.Must(manager.Stop())
	own.installNamespaced()
	_, err := plane.Kubectl(s.Ctx, "delete", "rolebinding", "itwin-webhook-operator-namespaced-manager-rolebinding", "-n", own.Namespace)
	s.Must(err)
	s.grantWorkTo(own.Namespace)

	elsewhere, err := plane.StartManagerIn(s.Ctx, own.Namespace, "--watch-namespace="+s.Namespace)
	s.Must(err)
	w := s.ready("model-events")
	s.delete(w)
	s.gone("model-events")
	key := client.ObjectKey{Namespace: own.Namespace, Name: "itwin-webhook-operator-key"}
	s.Must(plane.Client.Get(s.Ctx, key, &corev1.Secret{}))
	key.Namespace = s.Namespace
	s.Expect(plane.Client.Get(s.Ctx, key, &corev1.Secret{})).To(Satisfy(apierrors.IsNotFound))

	s.Must(elsewhere.Stop())
	s.startManager()
}

// grantWorkTo applies a copy of the binding of config/namespaced in the scene's namespace, for the operator of another one.
func (s *scene) grantWorkTo(namespace string) {
	s.Helper()
	root, err := harness.Root()
	s.Must(err)
	text, err := os.ReadFile(filepath.Join(root, "config", "namespaced", "role_binding.yaml"))
	s.Must(err)
	manifest := strings.NewReplacer(
		"  name: controller-manager\n  namespace: system",
		"  name: itwin-webhook-operator-controller-manager\n  namespace: "+namespace,
		"namespace: system", "namespace: "+s.Namespace,
	).Replace(string(text))
	_, err = plane.KubectlWith(s.Ctx, manifest, "apply", "-f", "-")
	s.Must(err)
}

// installNamespaced applies config/namespaced into the scene's namespace, as an administrator of no more than that
// would.
func (s *scene) installNamespaced() {
	s.Helper()
	root, err := harness.Root()
	s.Must(err)
	dir, err := filepath.EvalSymlinks(s.TempDir())
	s.Must(err)
	base, err := filepath.Rel(dir, filepath.Join(root, "config", "namespaced"))
	s.Must(err)
	overlay := fmt.Sprintf("namespace: %s\nresources: [%s]\n", s.Namespace, base)
	s.Must(os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(overlay), 0o600))
	_, err = plane.Kubectl(s.Ctx, "apply", "--server-side", "-k", filepath.Join(root, "config", "namespaced-admin"))
	s.Must(err)
	_, err = plane.Kubectl(s.Ctx, "apply", "-k", dir)
	s.Must(err)
}

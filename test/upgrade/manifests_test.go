package upgrade

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"webhook-operator.io/itwin/internal/harness"
	"webhook-operator.io/itwin/internal/harness/documented"
)

// TestUpgradedManifestsAreThoseOfAFreshInstallation: nothing of version 0.1.0 is left in the objects of the
// installation, however it was applied, and the only object that is left is the one that docs/deployment.md names.
func TestUpgradedManifestsAreThoseOfAFreshInstallation(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string][]string{"server-side": {"--server-side"}, "client-side": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			c.applyText(recorded(t, "default.yaml"), flags...)
			c.apply("install")
			c.Expect(differences(c.installed(fresh), c.installed(c.ControlPlane))).To(BeEmpty())
			c.Expect(left(t, recorded(t, "default.yaml"), c.MustKubectl("kustomize", config(t, "install")))).
				To(ConsistOf("NetworkPolicy itwin-webhook-operator-controller-manager"))
		})
	}
}

// installed are the objects of config/install in a cluster, without what differs between any two clusters.
func (c *cluster) installed(in *harness.ControlPlane) Objects {
	c.Helper()
	text, err := in.Kubectl(c.Ctx, "get", "-k", config(c.T, "install"), "--output=json")
	c.Must(err)
	var list unstructured.UnstructuredList
	c.Must(json.Unmarshal([]byte(text), &list))
	installed := Objects{}
	for _, o := range list.Items {
		for _, path := range []string{
			"metadata uid", "metadata creationTimestamp", "metadata generation", "status", "spec clusterIP", "spec clusterIPs",
			"metadata annotations kubectl.kubernetes.io/last-applied-configuration",
		} {
			unstructured.RemoveNestedField(o.Object, strings.Fields(path)...)
		}
		installed[o.GetKind()+" "+o.GetName()] = o
	}
	c.Expect(len(installed)).To(BeNumerically(">", 20))
	return installed
}

// TestNamespacedInstallationIsUpgraded by an administrator of the cluster, and the owner of the namespace.
func TestNamespacedInstallationIsUpgraded(t *testing.T) {
	t.Parallel()
	const namespace = "digital-twin"
	c := newCluster(t)
	c.MustKubectl("create", "namespace", namespace)
	own := func(manifests string) string { return strings.ReplaceAll(manifests, harness.Namespace, namespace) }
	var kinds []string
	for manifest := range strings.SplitSeq(recorded(t, "default.yaml"), "\n---\n") {
		if strings.Contains(manifest, "\nkind: CustomResourceDefinition\n") {
			kinds = append(kinds, manifest)
		}
	}
	c.Expect(kinds).To(HaveLen(3))
	c.applyText(strings.Join(kinds, "\n---\n"), "--server-side")
	old := own(recorded(t, "namespaced.yaml"))
	c.applyText(old)

	c.apply("namespaced-admin")
	upgraded := own(c.MustKubectl("kustomize", config(t, "namespaced")))
	c.applyText(upgraded)
	c.Expect(left(t, old, upgraded)).To(ConsistOf("NetworkPolicy itwin-webhook-operator-controller-manager",
		"Role itwin-webhook-operator-manager-role", "RoleBinding itwin-webhook-operator-manager-rolebinding"))
	remove := documented.Commands(t, "docs/deployment.md", "### For one namespace", 1)[0]
	c.MustKubectl(strings.Fields(remove)[1:]...)
	manager, err := c.StartManagerIn(c.Ctx, namespace, "--watch-namespace="+namespace)
	c.Must(err)
	c.Must(manager.Kill())
}

// applyText applies manifests.
func (c *cluster) applyText(manifests string, flags ...string) {
	c.Helper()
	_, err := c.KubectlWith(c.Ctx, manifests, append([]string{"apply", "-f", "-"}, flags...)...)
	c.Must(err)
}

// left are the objects of old manifests that newer ones do not have.
func left(t *testing.T, old, newer string) []string {
	t.Helper()
	now := objects(t, newer)
	return slices.DeleteFunc(objects(t, old), func(name string) bool { return slices.Contains(now, name) })
}

// objects are the kinds and names in manifests.
func objects(t *testing.T, manifests string) (names []string) {
	t.Helper()
	for manifest := range strings.SplitSeq(manifests, "\n---\n") {
		var o unstructured.Unstructured
		if err := yaml.Unmarshal([]byte(manifest), &o); err != nil {
			t.Fatal(err)
		}
		names = append(names, o.GetKind()+" "+o.GetName())
	}
	return names
}

func recorded(t *testing.T, name string) string {
	t.Helper()
	text, err := Manifests(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

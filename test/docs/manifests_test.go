package docs

import (
	"maps"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/harness/clustertest"
	"webhook-operator.io/itwin/internal/harness/documented"
)

// served are the groups whose objects the API server of the tests knows, those of Kubernetes itself by their ending.
func served(group string) bool {
	return !strings.Contains(group, ".") || strings.HasSuffix(group, ".k8s.io") && !strings.HasSuffix(group, ".config.k8s.io") ||
		group == itwinv1alpha1.GroupVersion.Group
}

// objects of a block, as far as its documents are objects.
func objects(b documented.Block) (all []*unstructured.Unstructured, whole bool) {
	whole = true
	for document := range strings.SplitSeq("\n"+b.Text, "\n---\n") {
		o := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(document), &o.Object); err != nil || o.GetKind() == "" || o.GetAPIVersion() == "" {
			whole = false
			continue
		}
		all = append(all, o)
	}
	return all, whole
}

// isApplied reports whether the API server is asked about all of a block.
func isApplied(b documented.Block) bool {
	all, whole := objects(b)
	return whole && !slices.ContainsFunc(all, func(o *unstructured.Unstructured) bool {
		return !served(o.GroupVersionKind().Group)
	})
}

// TestManifestsAreAccepted asks a real API server about every object of ours, and of Kubernetes, in the documentation.
func TestManifestsAreAccepted(t *testing.T) {
	t.Parallel()
	_, pages := allPages(t)
	c := clustertest.New(t)
	c.Must(c.Install(c.Ctx))
	namespaces := map[string]bool{"default": true, "itwin-webhook-operator-system": true}
	var accepted int
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		for _, b := range pages[name].Blocks {
			if b.Language != "yaml" || b.Reason != "" || !isApplied(b) {
				continue
			}
			all, _ := objects(b)
			for _, o := range all {
				if n := o.GetNamespace(); n != "" && !namespaces[n] {
					c.MustKubectl("create", "namespace", n)
					namespaces[n] = true
				}
			}
			_, err := c.KubectlWith(c.Ctx, b.Text, "apply", "--dry-run=server", "--validate=strict", "-f", "-")
			c.Expect(err).NotTo(HaveOccurred(), b.String())
			accepted++
		}
	}
	t.Logf("%d blocks of manifests are accepted", accepted)
	c.Expect(accepted).NotTo(BeZero())
}

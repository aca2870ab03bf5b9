package gitops

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// readyReasons finds the reasons of Ready in the tables of docs/api.md.
var readyReasons = regexp.MustCompile("(?m)^\\| `Ready` \\| (?:True|False) \\| `(\\w+)` \\|")

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// kinds are what the page shows, with the API versions that the tools serve.
var kinds = []string{
	"argoproj.io/v1alpha1 Application", "bitnami.com/v1alpha1 SealedSecret", "external-secrets.io/v1 ExternalSecret",
	"kustomize.config.k8s.io/v1beta1 Kustomization", "kustomize.toolkit.fluxcd.io/v1 Kustomization",
	itwinv1alpha1.GroupVersion.String() + " Connection",
}

func TestTheManifestsOfThePageAreObjects(t *testing.T) {
	g := NewWithT(t)
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "gitops.md"))
	g.Expect(err).NotTo(HaveOccurred())
	blocks := yamlBlock.FindAllStringSubmatch(string(page), -1)
	var shown []string
	for _, block := range blocks {
		o := &unstructured.Unstructured{}
		g.Expect(yaml.UnmarshalStrict([]byte(block[1]), &o.Object)).To(Succeed(), block[1])
		kind := o.GetAPIVersion() + " " + o.GetKind()
		g.Expect(kinds).To(ContainElement(kind))
		shown = append(shown, kind)
		if o.GroupVersionKind().Group == itwinv1alpha1.GroupVersion.Group {
			var c itwinv1alpha1.Connection
			g.Expect(yaml.UnmarshalStrict([]byte(block[1]), &c)).To(Succeed())
		}
	}
	g.Expect(shown).To(ContainElements(kinds))
}

func TestTheSettingsForArgoCDAreThoseOfTheScripts(t *testing.T) {
	g := NewWithT(t)
	argo := load(t)
	text := func(path string) string {
		data, err := os.ReadFile(filepath.Join(argoCD, path))
		g.Expect(err).NotTo(HaveOccurred())
		return strings.TrimSpace(string(data))
	}
	for kind, script := range argo.health {
		g.Expect(strings.TrimSpace(script)).To(Equal(text("health.lua")), kind)
	}
	g.Expect(strings.TrimSpace(argo.discovery)).To(Equal(text("actions/discovery.lua")))
	g.Expect(argo.actions).To(HaveLen(3))
	for name, script := range argo.actions {
		g.Expect(strings.TrimSpace(script)).To(Equal(text("actions/" + name + "/action.lua")))
	}
}

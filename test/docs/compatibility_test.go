package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/harness"
)

// TestCompatibilityNamesTheVersions: the release is that of VERSION, the newest Kubernetes the one that tests run on, and
// the oldest the one that docs/api.md promises, which test/api checks.
func TestCompatibilityNamesTheVersions(t *testing.T) {
	g := NewWithT(t)
	root, err := harness.Root()
	g.Expect(err).NotTo(HaveOccurred())
	find := func(file, pattern string) string {
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
		g.Expect(err).NotTo(HaveOccurred())
		found := regexp.MustCompile(pattern).FindStringSubmatch(string(text))
		g.Expect(found).To(HaveLen(2), "%s has no %s", file, pattern)
		return found[1]
	}
	release := find("VERSION", `^(\d+\.\d+)\.`)
	oldest := find("docs/api.md", `on Kubernetes (1\.\d+) or later`)
	newest := find("hack/controlplane/go.mod", `k8s\.io/kubernetes v(1\.\d+)\.`)

	page, err := os.ReadFile(filepath.Join(root, "docs", "compatibility.md"))
	g.Expect(err).NotTo(HaveOccurred())
	for _, row := range []string{
		"| " + release + " | " + oldest + " and later | all tests on " + newest + "; the rules of the CRDs compiled as " +
			oldest + " to " + newest + " would (`test/api`) |",
		"| " + release + ", the latest minor | yes | yes |",
	} {
		g.Expect(strings.Split(string(page), "\n")).To(ContainElement(row))
	}
	g.Expect(find("docs/getting-started.md", `a cluster with Kubernetes (1\.\d+) or later`)).To(Equal(oldest))
	g.Expect(find("docs/install.md", `needs\s+Kubernetes (1\.\d+) or later`)).To(Equal(oldest))
}

package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/harness"
)

var manifest = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")

func TestManifestsOfTheReadmeAreAccepted(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	root, err := harness.Root()
	s.must(err)
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	s.must(err)
	manifests := manifest.FindAllStringSubmatch(string(text), -1)
	s.Expect(manifests).NotTo(BeEmpty())
	for _, found := range manifests {
		here := strings.ReplaceAll(found[1], "namespace: digital-twin", "namespace: "+s.namespace)
		_, err := plane.KubectlWith(s.ctx, here, "apply", "--dry-run=server", "-f", "-")
		s.must(err)
	}
}

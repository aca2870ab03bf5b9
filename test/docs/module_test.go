package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/harness"
	"webhook-operator.io/itwin/internal/harness/documented"
)

// TestAModuleOfAnotherProjectBuildsWithTheRequirementsOfThePages uses what the two pages say of go.mod.
func TestAModuleOfAnotherProjectBuildsWithTheRequirementsOfThePages(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	root, err := harness.Root()
	g.Expect(err).NotTo(HaveOccurred())
	required := documented.Texts(t, "docs/receivers.md", "## In Go", "gomod", 1)[0]
	g.Expect(documented.Texts(t, "docs/testing.md", "## In your module", "gomod", 1)[0]).To(Equal(required))
	dir := t.TempDir()
	const clone = " => ../itwin-webhook-operator"
	g.Expect(required).To(ContainSubstring(clone))
	required = strings.Replace(required, clone, " => "+root, 1)
	for name, text := range map[string]string{
		"go.mod":      "module example.com/receiver\n\ngo 1.26.0\n\n" + required,
		"receiver.go": "package receiver\n\nimport \"webhook-operator.io/itwin/signature\"\n\nvar Verify = signature.Verify\n",
	} {
		g.Expect(os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600)).To(Succeed())
	}
	build := exec.CommandContext(t.Context(), "go", "build", "./...")
	build.Dir, build.Env = dir, append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off", "GOPROXY=off")
	out, err := build.CombinedOutput()
	g.Expect(err).NotTo(HaveOccurred(), "%s", out)
}

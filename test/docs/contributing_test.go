package docs

import (
	"os/exec"
	"testing"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/harness"
	"webhook-operator.io/itwin/internal/harness/documented"
)

// TestFastLoops runs what CONTRIBUTING shows for the first look at a change. A test that was renamed is found by what go
// test says when it runs none; the packages of a pattern may have none of that name.
func TestFastLoops(t *testing.T) {
	g := NewWithT(t)
	root, err := harness.Root()
	g.Expect(err).NotTo(HaveOccurred())
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c",
		documented.Commands(t, "CONTRIBUTING.md", "### Fast loops", 1)[0])
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	g.Expect(err).NotTo(HaveOccurred(), string(out))
	g.Expect(string(out)).To(MatchRegexp(`ok\s+\S+/controllers/webhook/plan\s`))
	g.Expect(string(out)).NotTo(MatchRegexp(`/(plan|simtest)\t.*no tests to run`))
}

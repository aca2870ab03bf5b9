package security

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/harness"
)

// documented is a line of the table of verbs.
var documented = regexp.MustCompile("(?m)^\\| `([a-z]+ [a-z.0-9/-]+)` \\| .* \\|$")

// isDocumented compares the roles with the table in docs/security.md.
func (i *installation) isDocumented(t *testing.T) {
	g := NewWithT(t)
	root, err := harness.Root()
	g.Expect(err).NotTo(HaveOccurred())
	text, err := os.ReadFile(filepath.Join(root, "docs", "security.md"))
	g.Expect(err).NotTo(HaveOccurred())
	var grants []string
	for _, line := range documented.FindAllStringSubmatch(string(text), -1) {
		grants = append(grants, line[1])
	}
	slices.Sort(grants)
	g.Expect(grants).To(Equal(i.grants(t)))
}

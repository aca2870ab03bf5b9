package docs

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/harness"
)

var (
	// mentioned is a command of the plugin in the text of a page, or in a block.
	mentioned = regexp.MustCompile("kubectl itwin ([a-z][a-z-]*)((?: [^`\n|&;>]*)?)")
	flag      = regexp.MustCompile(`(?:^| )(--[a-z-]+)`)
)

// TestMentionedCommandsOfThePluginExist: each command that a page names, with each of its flags, is in the help.
func TestMentionedCommandsOfThePluginExist(t *testing.T) {
	root, pages := allPages(t)
	g := NewWithT(t)
	help := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		g.Expect(err).NotTo(HaveOccurred())
		for _, found := range mentioned.FindAllStringSubmatch(string(text), -1) {
			command := found[1]
			if help[command] == "" {
				help[command] = helpOf(t, command)
			}
			g.Expect(help[command]).To(ContainSubstring("kubectl itwin "+command), "%s names kubectl itwin %s", name, command)
			for _, f := range flag.FindAllStringSubmatch(found[2], -1) {
				g.Expect(help[command]).To(ContainSubstring(f[1]), "%s names kubectl itwin %s %s", name, command, f[1])
			}
		}
	}
	g.Expect(len(help)).To(BeNumerically(">", 3))
}

// helpOf is what the plugin says of a command, with the flags of kubectl.
func helpOf(t *testing.T, command string) string {
	t.Helper()
	g := NewWithT(t)
	plugin, err := harness.Binary("kubectl-itwin")
	g.Expect(err).NotTo(HaveOccurred())
	out, err := exec.CommandContext(t.Context(), plugin, command, "--help").CombinedOutput()
	g.Expect(err).NotTo(HaveOccurred(), "kubectl itwin %s --help: %s", command, out)
	_, usage, _ := strings.Cut(string(out), "\nUsage:\n")
	return usage
}

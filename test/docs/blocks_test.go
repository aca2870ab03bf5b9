package docs

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/harness"
	"webhook-operator.io/itwin/internal/harness/documented"
)

// reasons why no test runs a block.
var reasons = []string{
	"needs an account",      // of the iTwin Platform
	"needs nodes",           // pods that run
	"needs another program", // one that the tests do not have, such as Argo CD or Velero
	"takes long",            // all tests, or a measurement
}

// read are the languages that a program reads, beside commands.
var read = []string{"go", "promql", "yaml"}

// commandLike is a block of another language that would be left out by mistake.
var commandLike = regexp.MustCompile(`(?m)^(\$ )?(kubectl|helm|make|go|curl|skopeo|podman|docker|velero|git|itwin-simulator) [a-z-]`)

// TestEveryBlockIsRunOrSaysWhyNot counts both kinds.
func TestEveryBlockIsRunOrSaysWhyNot(t *testing.T) {
	g := NewWithT(t)
	root, pages, found := pagesAndRequests(g)
	c := census{t: t, root: root, requests: found, notRun: map[string]int{}}
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		for _, problem := range pages[name].Problems {
			t.Error(problem)
		}
		for _, b := range pages[name].Blocks {
			c.look(b)
		}
	}
	t.Logf("%d blocks of commands are run, %d manifests and other texts are tested", c.run, c.tested)
	for _, reason := range reasons {
		t.Logf("%d blocks are not run: %s", c.notRun[reason], reason)
		g.Expect(c.notRun[reason]).NotTo(BeZero(), "no block needs the reason %q any more", reason)
	}
	g.Expect(c.run).NotTo(BeZero())
}

// pagesAndRequests reads all pages, and what tests request of them.
func pagesAndRequests(g *WithT) (root string, pages map[string]*documented.Page, found *requests) {
	root, err := harness.Root()
	g.Expect(err).NotTo(HaveOccurred())
	pages, err = readPages(root)
	g.Expect(err).NotTo(HaveOccurred())
	found, err = findRequests(root)
	g.Expect(err).NotTo(HaveOccurred())
	return root, pages, found
}

// census counts the blocks.
type census struct {
	t        *testing.T
	root     string
	requests *requests

	run, tested int
	notRun      map[string]int
}

func (c *census) look(b documented.Block) {
	at := section{b.Page, b.Heading}
	switch {
	case b.Reason != "" && !slices.Contains(reasons, b.Reason):
		c.t.Errorf("%s: %q is none of the reasons %q", b, b.Reason, reasons)
	case b.Reason != "":
		c.notRun[b.Reason]++
	case b.Commands() && len(c.requests.commands[at])+len(c.requests.commands[section{page: b.Page}]) > 0:
		c.run++
	case b.Commands():
		c.t.Errorf("%s: no test runs it: request it by documented.Commands, or mark it as not run", b)
	case b.Language == "yaml" && isApplied(b), len(c.requests.texts[at]) > 0 && slices.Contains(read, b.Language):
		c.tested++
	case b.Language == "go" && c.isCompiled(b):
		c.tested++
	case slices.Contains(read, b.Language):
		c.t.Errorf("%s: no test reads it: request it by documented.Texts, or mark it as not run", b)
	case commandLike.MatchString(b.Text):
		c.t.Errorf("%s: commands are in blocks of sh or console", b)
	}
}

// isCompiled reports whether a Go file has the lines of a block.
func (c *census) isCompiled(b documented.Block) (compiled bool) {
	wanted := flat(b.Text)
	err := walk(c.root, ".go", func(name string) error {
		text, err := os.ReadFile(filepath.Join(c.root, name))
		compiled = compiled || strings.Contains(flat(string(text)), wanted)
		return err
	})
	if err != nil {
		c.t.Error(err)
	}
	return compiled
}

// flat leaves the indentation out.
func flat(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "\n")
}

// TestRequestsAreOfBlocks: a test that requests what is not there would fail, but not one that is never run.
func TestRequestsAreOfBlocks(t *testing.T) {
	g := NewWithT(t)
	_, pages, found := pagesAndRequests(g)
	for s, tests := range found.commands {
		g.Expect(s.blocks(pages, documented.Block.Commands)).NotTo(BeZero(), "%s run nothing of %s, %q", tests, s.page, s.heading)
	}
}

func (s section) blocks(pages map[string]*documented.Page, wanted func(documented.Block) bool) (n int) {
	page := cmp.Or(pages[s.page], &documented.Page{})
	for _, b := range page.Blocks {
		if (s.heading == "" || b.Heading == s.heading) && wanted(b) {
			n++
		}
	}
	return n
}

func TestABlockThatIsNeitherRunNorMarkedIsFound(t *testing.T) {
	for text, want := range map[string]string{
		"# A\n\n```sh\nmake\n```\n":                                          "sh ",
		"# A\n\n<!-- not run: needs nodes -->\n```sh\nmake\n```\n":           "sh needs nodes",
		"# A\n\n- item\n\n  <!-- not run: x -->\n  ```yaml\n  a: b\n  ```\n": "yaml x",
	} {
		g := NewWithT(t)
		page := documented.Parse("docs/a.md", text)
		g.Expect(page.Problems).To(BeEmpty())
		g.Expect(page.Blocks).To(HaveLen(1))
		b := page.Blocks[0]
		g.Expect(fmt.Sprint(b.Language, " ", b.Reason)).To(Equal(want))
		g.Expect(b.Text).NotTo(HavePrefix(" "))
		g.Expect(b.Heading).To(Equal("# A"))
	}
	for _, text := range []string{"<!-- not run: x -->\n\n```sh\nmake\n```\n", "```sh\nmake\n", "<!-- not run: x -->\n"} {
		NewWithT(t).Expect(documented.Parse("docs/a.md", text).Problems).To(HaveLen(1), text)
	}
}

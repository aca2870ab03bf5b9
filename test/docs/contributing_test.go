package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/harness"
	"webhook-operator.io/itwin/internal/harness/documented"
)

// goTest is a command that runs one test of one package, or all tests of several.
var goTest = regexp.MustCompile(`^go test ((?:\./\S+ ?)+)(?:-(?:run|skip) '?(\w+)|-ginkgo\.focus '([^']+)')?`)

// TestFastLoops holds what CONTRIBUTING shows for the first look at a change to the tests that there are. Running it
// would run again what `make test` runs.
func TestFastLoops(t *testing.T) {
	g := NewWithT(t)
	root, err := harness.Root()
	g.Expect(err).NotTo(HaveOccurred())
	page, err := documented.Read("CONTRIBUTING.md")
	g.Expect(err).NotTo(HaveOccurred())
	var lines []string
	for _, block := range page.Blocks {
		if block.Heading == "### Fast loops" {
			lines = append(lines, strings.Split(strings.TrimSpace(block.Text), "\n")...)
		}
	}
	checked := 0
	for _, line := range lines {
		found := goTest.FindStringSubmatch(line)
		if found == nil {
			g.Expect(line).NotTo(ContainSubstring("go test"))
			continue
		}
		for pattern := range strings.FieldsSeq(found[1]) {
			tests, text := testsOf(g, root, pattern)
			g.Expect(tests).NotTo(BeEmpty(), line)
			g.Expect(text).To(ContainSubstring(found[3]), line)
			if found[2] != "" {
				g.Expect(tests).To(ContainElement(HavePrefix(found[2])), line)
			}
		}
		checked++
	}
	g.Expect(checked).To(BeNumerically(">", 5))
}

// testsOf returns the names of the tests of a package, or of those below it for a pattern with "/...", and their text.
func testsOf(g *WithT, root, pattern string) (names []string, text string) {
	dir, below := strings.CutSuffix(pattern, "/...")
	files, err := filepath.Glob(filepath.Join(root, dir, "*_test.go"))
	g.Expect(err).NotTo(HaveOccurred())
	if below {
		more, err := filepath.Glob(filepath.Join(root, dir, "*", "*_test.go"))
		g.Expect(err).NotTo(HaveOccurred())
		files = append(files, more...)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		g.Expect(err).NotTo(HaveOccurred())
		ast.Inspect(parsed, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if strings.HasPrefix(n.Name.Name, "Test") {
					names = append(names, n.Name.Name)
				}
			case *ast.BasicLit:
				text += n.Value + "\n"
			}
			return true
		})
	}
	return names, text
}

package advice

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

const docs = "../../docs"

// key is what an advice is about.
type key struct {
	kind              Kind
	condition, reason string
}

func document(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(docs, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var conditionRow = regexp.MustCompile("(?m)^\\| `([A-Za-z]+)` \\| (?:True|False) \\| `([A-Za-z]+)` \\|")

// TestEveryConditionOfTheReferenceHasAdvice compares with the tables of conditions in docs/api.md, which a test of its
// own compares with the declared reasons.
func TestEveryConditionOfTheReferenceHasAdvice(t *testing.T) {
	g := NewWithT(t)
	var want []key
	webhook, connection, found := strings.Cut(document(t, "api.md"), "\n## Connection and ClusterConnection\n")
	g.Expect(found).To(BeTrue())
	for kind, text := range map[Kind]string{Webhook: webhook, Connection: connection} {
		for _, row := range conditionRow.FindAllStringSubmatch(text, -1) {
			want = append(want, key{kind, row[1], row[2]})
		}
		want = append(want, key{kind: kind, condition: "Ready"})
	}
	g.Expect(len(want)).To(BeNumerically(">", 25))
	var has []key
	for _, a := range All() {
		has = append(has, key{a.Kind, a.Condition, a.Reason})
	}
	g.Expect(has).To(ConsistOf(want))
}

func TestEveryDeclaredReasonHasAdvice(t *testing.T) {
	g := NewWithT(t)
	file, err := parser.ParseFile(token.NewFileSet(), "../../api/v1alpha1/conditions.go", nil, parser.SkipObjectResolution)
	g.Expect(err).NotTo(HaveOccurred())
	has := map[string]bool{}
	for _, a := range All() {
		has[a.Reason] = true
	}
	ast.Inspect(file, func(node ast.Node) bool {
		if spec, ok := node.(*ast.ValueSpec); ok && strings.HasSuffix(spec.Names[0].Name, "Reason") {
			g.Expect(has).To(HaveKey(strings.Trim(spec.Values[0].(*ast.BasicLit).Value, `"`)))
		}
		return true
	})
}

func TestEveryAdviceCanBeFollowed(t *testing.T) {
	done := regexp.MustCompile(`^(Ready|Active)$`)
	for _, a := range All() {
		t.Run(a.Title(), func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(a.Means).To(HaveSuffix("."))
			g.Expect(a.Commands).NotTo(BeEmpty())
			g.Expect(a.Next).NotTo(ContainSubstring("\n"))
			g.Expect(len(a.Next)).To(BeNumerically("<=", 110))
			g.Expect(a.Next).NotTo(HaveSuffix("."))
			if a.Next == "" {
				g.Expect(a.Condition).To(MatchRegexp(done.String()), "only a good state needs no step")
			}
			for _, text := range append(a.Commands, a.Next) {
				g.Expect(examples.For(text)).NotTo(MatchRegexp(`<[a-z]+>`))
			}
		})
	}
}

func TestAnUnknownReasonHasAdviceToo(t *testing.T) {
	g := NewWithT(t)
	a := About(Webhook, "Ready", "FromTheFuture")
	g.Expect(a.Next).NotTo(BeEmpty())
	g.Expect(a.Commands).NotTo(BeEmpty())
	g.Expect(About(Connection, "Ready", "SecretNotFound").Kind).To(Equal(Connection))
	g.Expect(About(Webhook, "Ready", "SecretNotFound").Kind).To(Equal(Webhook))
}

func TestThePageIsGenerated(t *testing.T) {
	g := NewWithT(t)
	var page bytes.Buffer
	g.Expect(WritePage(&page)).To(Succeed())
	g.Expect(document(t, "troubleshooting.md")).To(Equal(page.String()), "run make manifests")
}

var (
	pageLink = regexp.MustCompile(`\]\(([a-z-]+\.md)?(?:#([a-z0-9-]+))?\)`)
	heading  = regexp.MustCompile(`(?m)^#+ (.+)$`)
	dropped  = regexp.MustCompile("[^a-z0-9 -]")
)

func TestLinksOfThePageLeadToSections(t *testing.T) {
	g := NewWithT(t)
	links := pageLink.FindAllStringSubmatch(document(t, "troubleshooting.md"), -1)
	g.Expect(len(links)).To(BeNumerically(">", len(All())))
	for _, link := range links {
		file, anchor := link[1], link[2]
		if file == "" {
			file = "troubleshooting.md"
		}
		var anchors []string
		for _, h := range heading.FindAllStringSubmatch(document(t, file), -1) {
			anchors = append(anchors, strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-"))
		}
		if anchor != "" {
			g.Expect(anchors).To(ContainElement(anchor), file)
		}
	}
}

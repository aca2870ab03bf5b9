package metrics

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
)

var (
	described = regexp.MustCompile(`fqName: "(itwin_[^"]*)".*variableLabels: \{([^}]*)\}`)
	row       = regexp.MustCompile("(?m)^\\| `(itwin_[a-z_]+\\{[^}`]*\\})` \\| [^|]+ \\| [^|]+ \\|$")
)

// names describes collectors as the documentation does: each metric's name with its labels.
func names(collectors ...prometheus.Collector) (all []string) {
	for _, c := range collectors {
		descriptions := make(chan *prometheus.Desc)
		go func() {
			c.Describe(descriptions)
			close(descriptions)
		}()
		for d := range descriptions {
			if found := described.FindStringSubmatch(d.String()); found != nil {
				all = append(all, found[1]+"{"+found[2]+"}")
			}
		}
	}
	return all
}

// registered are the metrics of a scrape.
func registered(t *testing.T) []string {
	t.Helper()
	registry, ok := ctrlmetrics.Registry.(prometheus.Collector)
	if !ok {
		t.Fatal("the registry cannot be described")
	}
	return names(registry, &Collector{})
}

func TestEveryMetricThatIsMadeIsRegistered(t *testing.T) {
	g := NewWithT(t)
	files, err := filepath.Glob("*.go")
	g.Expect(err).NotTo(HaveOccurred())
	var made []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		g.Expect(err).NotTo(HaveOccurred())
		ast.Inspect(file, func(node ast.Node) bool {
			if literal, ok := node.(*ast.BasicLit); ok && strings.HasPrefix(literal.Value, `"itwin_`) {
				made = append(made, strings.Trim(literal.Value, `"`))
			}
			return true
		})
	}
	var known []string
	for _, metric := range registered(t) {
		name, _, _ := strings.Cut(metric, "{")
		known = append(known, name)
	}
	g.Expect(known).To(ConsistOf(made))
}

func TestEveryMetricIsInTheReferenceWithItsLabels(t *testing.T) {
	g := NewWithT(t)
	page, err := os.ReadFile("../../docs/metrics.md")
	g.Expect(err).NotTo(HaveOccurred())
	var rows []string
	for _, found := range row.FindAllStringSubmatch(string(page), -1) {
		rows = append(rows, found[1])
	}
	g.Expect(rows).To(ConsistOf(registered(t)))
}

// A series whose labels are others is never dropped.
func TestMetricsHaveTheLabelByWhichTheyAreForgotten(t *testing.T) {
	g := NewWithT(t)
	for _, metric := range ofConnections {
		g.Expect(names(metric)).To(HaveEach(MatchRegexp(`\{(.*,)?connection(,.*)?\}`)))
	}
}

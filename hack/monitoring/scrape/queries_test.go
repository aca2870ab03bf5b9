package scrape

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/teststorage"

	"webhook-operator.io/itwin/hack/monitoring"
	"webhook-operator.io/itwin/internal/harness"
)

// prometheus holds scrapes of the operator, and answers queries about them.
type prometheus struct {
	*WithT
	storage *teststorage.TestStorage
	engine  *promql.Engine
	now     time.Time
}

// TestEveryQueryFindsSeriesInAScrape draws the dashboard, too: with -drawing, after twelve minutes, for the
// documentation.
func TestEveryQueryFindsSeriesInAScrape(t *testing.T) {
	p := &prometheus{
		WithT: NewWithT(t), storage: teststorage.New(t),
		engine: promql.NewEngine(promql.EngineOpts{
			MaxSamples: 1e6, Timeout: time.Minute, Parser: monitoring.PromQL, LookbackDelta: 2 * pause,
		}),
	}
	h := &history{scene: newScene(t), prometheus: p}
	if *drawn != "" {
		h.long()
	} else {
		h.brief()
	}
	root, err := harness.Root()
	p.Expect(err).NotTo(HaveOccurred())

	alerts, err := monitoring.Alerts(root)
	p.Expect(err).NotTo(HaveOccurred())
	for _, alert := range alerts {
		p.resolves(alert.Alert, alert.Expr)
	}
	dashboard, err := monitoring.ReadDashboard(root)
	p.Expect(err).NotTo(HaveOccurred())
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			p.resolves(panel.Title, target.Query(h.between))
			p.Expect(p.query(target.Query(h.between))).NotTo(BeEmpty(), "panel %q shows nothing: %s", panel.Title, target.Query(h.between))
		}
	}
	for _, variable := range dashboard.Templating.List {
		if variable.Type == "query" {
			p.offers(variable)
		}
	}
	h.draw(dashboard, t.TempDir())
}

// scrape reads the metrics and stores them with the labels that Prometheus adds to a target.
func (p *prometheus) scrape(ctx context.Context) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+metrics+"/metrics", nil)
	p.Expect(err).NotTo(HaveOccurred())
	response, err := http.DefaultClient.Do(request)
	p.Expect(err).NotTo(HaveOccurred())
	defer func() { _ = response.Body.Close() }()
	p.Expect(response.StatusCode).To(Equal(http.StatusOK))
	body, err := io.ReadAll(response.Body)
	p.Expect(err).NotTo(HaveOccurred())
	series, err := textparse.New(body, response.Header.Get("Content-Type"), nil, textparse.ParserOptions{})
	p.Expect(err).NotTo(HaveOccurred())
	appender := p.storage.Appender(ctx)
	for {
		entry, err := series.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		p.Expect(err).NotTo(HaveOccurred())
		if entry == textparse.EntrySeries {
			p.store(appender, series)
		}
	}
	p.Expect(appender.Commit()).To(Succeed())
}

func (p *prometheus) store(appender storage.Appender, series textparse.Parser) {
	var metric labels.Labels
	series.Labels(&metric)
	_, _, value := series.Series()
	target := labels.NewBuilder(metric).Set("job", "itwin-webhook-operator").Set("instance", metrics)
	_, err := appender.Append(0, target.Labels(), p.now.UnixMilli(), value)
	p.Expect(err).NotTo(HaveOccurred())
}

// resolves checks that each selector of a query finds series, and that each label by which the query groups or matches is
// a label of them.
func (p *prometheus) resolves(name, query string) {
	parsed, err := monitoring.PromQL.ParseExpr(query)
	p.Expect(err).NotTo(HaveOccurred(), "%s: %s", name, query)
	for _, selector := range parser.ExtractSelectors(parsed) {
		text := selectorText(selector)
		p.Expect(p.query(text)).NotTo(BeEmpty(), "%s: the operator serves no series %s", name, text)
	}
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.AggregateExpr:
			p.Expect(n.Without).To(BeFalse(), "%s: name the labels that stay", name)
			p.hasLabels(name, n.Expr, n.Grouping)
		case *parser.BinaryExpr:
			if n.VectorMatching != nil {
				p.hasLabels(name, n.LHS, n.VectorMatching.MatchingLabels)
				p.hasLabels(name, n.RHS, n.VectorMatching.MatchingLabels)
			}
		}
		return nil
	})
}

// hasLabels checks that the series of an expression's first selector, which the others only narrow, have labels.
func (p *prometheus) hasLabels(name string, e parser.Expr, wanted []string) {
	selectors := parser.ExtractSelectors(e)
	if len(selectors) == 0 {
		return
	}
	for _, sample := range p.query(selectorText(selectors[0])) {
		for _, label := range wanted {
			p.Expect(sample.Metric.Has(label)).To(BeTrue(), "%s: %s has no label %s", name, sample.Metric, label)
		}
	}
}

func selectorText(matchers []*labels.Matcher) string {
	var texts []string
	for _, m := range matchers {
		texts = append(texts, m.String())
	}
	return "{" + strings.Join(texts, ", ") + "}"
}

// query returns what Prometheus answers now.
func (p *prometheus) query(text string) promql.Vector {
	query, err := p.engine.NewInstantQuery(context.Background(), p.storage, nil, text, p.now)
	p.Expect(err).NotTo(HaveOccurred(), text)
	defer query.Close()
	result, err := query.Exec(context.Background()).Vector()
	p.Expect(err).NotTo(HaveOccurred(), text)
	return result
}

var labelValues = regexp.MustCompile(`^label_values\((\w+), (\w+)\)$`)

// offers checks that a variable has values to choose from.
func (p *prometheus) offers(v monitoring.Variable) {
	parts := labelValues.FindStringSubmatch(v.Definition)
	p.Expect(parts).To(HaveLen(3), v.Definition)
	p.Expect(p.query(fmt.Sprintf("count by (%s) (%s)", parts[2], parts[1]))).NotTo(BeEmpty(), v.Definition)
}

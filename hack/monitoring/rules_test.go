package monitoring

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
	"sigs.k8s.io/yaml"

	"webhook-operator.io/itwin/internal/harness/documented"
)

// root is the repository.
var root = filepath.Join("..", "..")

// unitTests is a file of promtool, as far as rules_test.yaml uses that format.
type unitTests struct {
	RuleFiles          []string   `json:"rule_files"`
	EvaluationInterval string     `json:"evaluation_interval"`
	Tests              []unitTest `json:"tests"`
}

type unitTest struct {
	Name        string `json:"name"`
	Interval    string `json:"interval"`
	InputSeries []struct {
		Series string `json:"series"`
		Values string `json:"values"`
	} `json:"input_series"`
	Expressions []expression `json:"promql_expr_test"`
}

// expression is a query, and the samples that it must return at a time.
type expression struct {
	Expr       string `json:"expr"`
	EvalTime   string `json:"eval_time"`
	ExpSamples []struct {
		Labels string  `json:"labels"`
		Value  float64 `json:"value"`
	} `json:"exp_samples"`
}

func readUnitTests(t *testing.T) (u unitTests) {
	t.Helper()
	g := NewWithT(t)
	data, err := os.ReadFile(filepath.Join(filepath.Dir(RulesFile(root)), "rules_test.yaml"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(yaml.UnmarshalStrict(data, &u)).To(Succeed())
	g.Expect(u.RuleFiles).To(ConsistOf(filepath.Base(RulesFile(root))))
	return u
}

func TestAlertsFireAsTheirTestsSay(t *testing.T) {
	u := readUnitTests(t)
	every := duration(t, u.EvaluationInterval)
	for _, test := range u.Tests {
		t.Run(test.Name, func(t *testing.T) { test.run(t, every) })
	}
}

func TestEveryAlertHasATestInWhichItFiresAndOneInWhichItIsSilent(t *testing.T) {
	g := NewWithT(t)
	all, err := Alerts(root)
	g.Expect(err).NotTo(HaveOccurred())
	fires, silent := map[string]int{}, map[string]int{}
	for _, test := range readUnitTests(t).Tests {
		_, subject, _ := strings.Cut(test.Name, "→ ")
		name, none := strings.CutPrefix(subject, "no ")
		for _, e := range test.Expressions {
			if !strings.Contains(e.Expr, `alertname="`+name+`"`) {
				continue
			}
			switch {
			case len(e.ExpSamples) > 0:
				fires[name]++
				g.Expect(none).To(BeFalse(), test.Name)
			case none:
				silent[name]++
			}
		}
	}
	for _, alert := range all {
		g.Expect(fires[alert.Alert]).NotTo(BeZero(), "no test in which %s fires", alert.Alert)
		g.Expect(silent[alert.Alert]).NotTo(BeZero(), "no test in which %s is silent", alert.Alert)
	}
}

func TestEveryAlertHasASeverityAndASectionOfTheRunbook(t *testing.T) {
	g := NewWithT(t)
	page, err := os.ReadFile(filepath.Join(root, "docs", "runbook.md"))
	g.Expect(err).NotTo(HaveOccurred())
	all, err := Alerts(root)
	g.Expect(err).NotTo(HaveOccurred())
	for _, alert := range all {
		g.Expect(alert.Labels["severity"]).To(BeElementOf("warning", "critical"), alert.Alert)
		g.Expect(alert.Annotations).To(And(HaveKey("summary"), HaveKey("description")), alert.Alert)
		g.Expect(alert.Annotations["runbook_url"]).To(HaveSuffix("/docs/runbook.md#"+strings.ToLower(alert.Alert)), alert.Alert)
		_, section, found := strings.Cut(string(page), "\n## "+alert.Alert+"\n")
		g.Expect(found).To(BeTrue(), "docs/runbook.md has no section %s", alert.Alert)
		section, _, _ = strings.Cut(section, "\n## ")
		for _, part := range []string{"**What it means.**", "**How to check.**", "**What to do.**"} {
			g.Expect(section).To(ContainSubstring(part), "section %s of docs/runbook.md", alert.Alert)
		}
	}
	for _, heading := range strings.Split(string(page), "\n## ")[1:] {
		name, _, _ := strings.Cut(heading, "\n")
		g.Expect(all).To(ContainElement(HaveField("Alert", name)), "docs/runbook.md has a section %s", name)
	}
}

// TestQueriesOfTheRunbookAreValid: what the pages advise to ask Prometheus can be pasted, line by line.
func TestQueriesOfTheRunbookAreValid(t *testing.T) {
	g := NewWithT(t)
	blocks := append(documented.Texts(t, "docs/runbook.md", "## ItwinSnapshotTooOld", "promql", 1),
		documented.Texts(t, "docs/runbook.md", "## ItwinRateLimitNearlyUsed", "promql", 1)...)
	for query := range strings.Lines(strings.Join(blocks, "")) {
		_, err := PromQL.ParseExpr(query)
		g.Expect(err).NotTo(HaveOccurred(), query)
	}
}

// run loads the series, evaluates the rules up to each time, and compares.
func (u unitTest) run(t *testing.T, every time.Duration) {
	g := NewWithT(t)
	var load strings.Builder
	fmt.Fprintf(&load, "load %s\n", u.Interval)
	for _, series := range u.InputSeries {
		fmt.Fprintf(&load, "  %s %s\n", series.Series, series.Values)
	}
	data, err := promqltest.NewLazyLoader(load.String(), promqltest.LazyLoaderOpts{
		EnableAtModifier: true, EnableNegativeOffset: true, Parser: PromQL,
	})
	g.Expect(err).NotTo(HaveOccurred())
	defer func() { g.Expect(data.Close()).To(Succeed()) }()
	groups := loadRules(t, data)
	now := time.Unix(0, 0).UTC()
	for _, e := range u.Expressions {
		for until := time.Unix(0, 0).UTC().Add(duration(t, e.EvalTime)); !now.After(until); now = now.Add(every) {
			data.WithSamplesTill(now, func(err error) { g.Expect(err).NotTo(HaveOccurred()) })
			evaluate(data.Context(), t, groups, now)
		}
		e.compare(t, data)
	}
}

func loadRules(t *testing.T, data *promqltest.LazyLoader) (groups []*rules.Group) {
	t.Helper()
	manager := rules.NewManager(&rules.ManagerOptions{
		QueryFunc:    rules.EngineQueryFunc(data.QueryEngine(), data.Storage()),
		AppendableV2: data.Storage(), Context: data.Context(), Parser: PromQL,
		NotifyFunc: func(context.Context, string, ...*rules.Alert) {}, Logger: promslog.NewNopLogger(),
	})
	loaded, errs := manager.LoadGroups(time.Minute, labels.EmptyLabels(), "", nil, false, RulesFile(root))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	for _, group := range loaded {
		for _, rule := range group.Rules() {
			// The series ALERTS is written only by rules that have read what was before a restart.
			rule.(*rules.AlertingRule).SetRestored(true)
		}
		groups = append(groups, group)
	}
	return groups
}

// evaluate runs all rules once. The text of an alert that cannot be made is no error of a rule: it is in the text.
func evaluate(ctx context.Context, t *testing.T, groups []*rules.Group, now time.Time) {
	t.Helper()
	g := NewWithT(t)
	for _, group := range groups {
		group.Eval(ctx, now)
		for _, rule := range group.Rules() {
			g.Expect(rule.LastError()).NotTo(HaveOccurred(), rule.Name())
			for _, alert := range rule.(*rules.AlertingRule).ActiveAlerts() {
				alert.Annotations.Range(func(l labels.Label) {
					if l.Name == "runbook_url" {
						return
					}
					g.Expect(l.Value).NotTo(Or(ContainSubstring("error"), ContainSubstring("<no value>")), rule.Name())
				})
			}
		}
	}
}

func (e expression) compare(t *testing.T, data *promqltest.LazyLoader) {
	t.Helper()
	g := NewWithT(t)
	at := time.Unix(0, 0).UTC().Add(duration(t, e.EvalTime))
	query, err := data.QueryEngine().NewInstantQuery(data.Context(), data.Queryable(), nil, e.Expr, at)
	g.Expect(err).NotTo(HaveOccurred())
	defer query.Close()
	result, err := query.Exec(data.Context()).Vector()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(texts(result)).To(ConsistOf(e.expected(t)), "%s at %s", e.Expr, e.EvalTime)
}

func (e expression) expected(t *testing.T) (all []string) {
	t.Helper()
	for _, sample := range e.ExpSamples {
		metric, err := PromQL.ParseMetric(sample.Labels)
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		all = append(all, fmt.Sprint(metric, " ", sample.Value))
	}
	return all
}

func texts(samples promql.Vector) (all []string) {
	for _, sample := range samples {
		all = append(all, fmt.Sprint(sample.Metric, " ", sample.F))
	}
	return all
}

func duration(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := model.ParseDuration(text)
	NewWithT(t).Expect(err).NotTo(HaveOccurred(), text)
	return time.Duration(d)
}

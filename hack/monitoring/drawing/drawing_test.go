package drawing

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"

	"webhook-operator.io/itwin/hack/monitoring"
)

var root = filepath.Join("..", "..", "..")

// oneSeries answers every query with one series.
type oneSeries struct{}

var (
	begin  = time.Date(2026, 5, 4, 12, 1, 0, 0, time.UTC)
	metric = labels.FromStrings("connection", "digital-twin/default", "reason", "Connected", "version", "0.2.0")
)

func (oneSeries) Scraped() (from, to time.Time, between time.Duration) {
	return begin, begin.Add(10 * time.Minute), 10 * time.Second
}

func (oneSeries) Now(string) (promql.Vector, error) {
	return promql.Vector{{Metric: metric, F: 0.5}}, nil
}

func (s oneSeries) Range(string) (promql.Matrix, error) {
	series := promql.Series{Metric: metric}
	for i := range 60 {
		series.Floats = append(series.Floats, promql.FPoint{T: begin.Add(time.Duration(i) * 10 * time.Second).UnixMilli(), F: 0.5})
	}
	return promql.Matrix{series}, nil
}

func TestEveryPanelIsDrawnWithTitleUnitAndLegend(t *testing.T) {
	g := NewWithT(t)
	d, err := monitoring.ReadDashboard(root)
	g.Expect(err).NotTo(HaveOccurred())
	drawn, err := Draw(d, oneSeries{})
	g.Expect(err).NotTo(HaveOccurred())
	for _, p := range d.Panels {
		g.Expect(string(drawn)).To(ContainSubstring(">" + p.Title + "<"))
	}
	for _, shown := range []string{
		"0.2.0", "50%", "500 ms", "digital-twin/default Connected  0.5", "0.5 req/s", "0.5 ops/s", "0.5 B", "12:04",
	} {
		g.Expect(string(drawn)).To(ContainSubstring(shown))
	}
}

func TestAUnitThatIsNotKnownIsRefusedByThePanel(t *testing.T) {
	g := NewWithT(t)
	d, err := monitoring.ReadDashboard(root)
	g.Expect(err).NotTo(HaveOccurred())
	d.Panels[1].FieldConfig.Defaults.Unit = "furlongs"
	_, err = Draw(d, oneSeries{})
	g.Expect(err).To(MatchError(And(ContainSubstring(d.Panels[1].Title), ContainSubstring("furlongs"))))
}

func TestTheDrawingInTheDocumentationIsOfTheDashboard(t *testing.T) {
	g := NewWithT(t)
	d, err := monitoring.ReadDashboard(root)
	g.Expect(err).NotTo(HaveOccurred())
	drawn, err := os.ReadFile(filepath.Join(root, "docs", "dashboard.svg"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(drawn)).To(ContainSubstring("dashboard.json sha256:"+d.Digest),
		"the dashboard has changed since it was drawn; run make dashboard")
}

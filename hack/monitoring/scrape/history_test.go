package scrape

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/util/teststorage"

	"webhook-operator.io/itwin/hack/monitoring"
	"webhook-operator.io/itwin/hack/monitoring/drawing"
	"webhook-operator.io/itwin/internal/harness"
	"webhook-operator.io/itwin/internal/simulator"
)

var drawn = flag.String("drawing", "", "`file` to draw the dashboard to, from a history of twelve minutes")

// history is what happens while the operator is scraped, by the scrape after which it happens.
type history struct {
	*scene
	*prometheus
	from time.Time
}

const (
	scrapes = 72
	pause   = 10 * time.Second
)

// TestDrawTheDashboard takes as long as its history, so that times, rates and durations are what they were.
func TestDrawTheDashboard(t *testing.T) {
	if *drawn == "" {
		t.Skip("only with -drawing, as make dashboard has it")
	}
	h := &history{scene: newScene(t), prometheus: &prometheus{
		WithT: NewWithT(t), storage: teststorage.New(t),
		engine: promql.NewEngine(promql.EngineOpts{
			MaxSamples: 1e6, Timeout: time.Minute, Parser: monitoring.PromQL, LookbackDelta: 2 * pause,
		}),
	}}
	root, err := harness.Root()
	h.prometheus.Expect(err).NotTo(HaveOccurred())
	dashboard, err := monitoring.ReadDashboard(root)
	h.prometheus.Expect(err).NotTo(HaveOccurred())

	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for i := range scrapes {
		h.happens(i)
		h.now = (<-ticker.C).Truncate(time.Second)
		if i == 0 {
			h.from = h.now
		}
		h.scrape(t.Context())
	}
	svg, err := drawing.Draw(dashboard, h)
	h.prometheus.Expect(err).NotTo(HaveOccurred())
	h.prometheus.Expect(os.WriteFile(*drawn, svg, 0o644)).To(Succeed())
}

// happens: Webhooks are created, three are turned off on the platform, which fails as a whole for a minute later; then
// there is one Webhook without its Secret, one that is refused, and one that cannot be deleted.
func (h *history) happens(scrape int) {
	switch scrape {
	case 4, 10, 16:
		for i := range 6 {
			h.webhook(fmt.Sprintf("events-%d", scrape+i), "InSync", nil)
		}
	case 24:
		remotes, err := h.platform.Webhooks(h.ctx)
		h.scene.Expect(err).NotTo(HaveOccurred())
		for _, remote := range remotes[:3] {
			h.scene.Expect(h.platform.Deactivate(h.ctx, remote.ID)).To(Succeed())
		}
	case 36:
		h.scene.Expect(h.platform.Fault(h.ctx, simulator.Fault{Times: simulator.Forever, Action: "status:503"})).To(Succeed())
	case 42, 62:
		h.scene.Expect(h.platform.ClearFaults(h.ctx)).To(Succeed())
	case 50:
		h.play()
	}
}

func (h *history) Scraped() (from, to time.Time, between time.Duration) { return h.from, h.now, pause }

func (h *history) Now(query string) (promql.Vector, error) { return h.query(query), nil }

func (h *history) Range(query string) (promql.Matrix, error) {
	q, err := h.engine.NewRangeQuery(context.Background(), h.storage, nil, query, h.from, h.now, pause)
	if err != nil {
		return nil, err
	}
	return q.Exec(context.Background()).Matrix()
}

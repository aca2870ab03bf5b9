package scrape

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	. "github.com/onsi/gomega"
	"github.com/prometheus/prometheus/promql"

	"webhook-operator.io/itwin/hack/monitoring"
	"webhook-operator.io/itwin/hack/monitoring/drawing"
	"webhook-operator.io/itwin/simulator"
)

var drawn = flag.String("drawing", "", "`file` to draw the dashboard to, from a history of twelve minutes")

const (
	scrapes = 72
	pause   = 10 * time.Second
)

// history is what Prometheus knows after the operator was scraped for some time.
type history struct {
	*scene
	*prometheus
	from    time.Time
	between time.Duration
}

// brief is one without waiting: all is as it is from its beginning on.
func (h *history) brief() {
	h.play()
	h.now, h.between = time.Now().Truncate(time.Second), 30*time.Second
	h.from = h.now.Add(h.between)
	for range 4 {
		h.now = h.now.Add(h.between)
		h.scrape(h.ctx)
	}
}

// long is one that takes its time, so that times, rates and durations are what they were.
func (h *history) long() {
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	h.between = pause
	for i := range scrapes {
		h.happens(i)
		h.now = (<-ticker.C).Truncate(time.Second)
		if i == 0 {
			h.from = h.now
		}
		h.scrape(h.ctx)
	}
}

// happens is what comes before a scrape: Webhooks are created, three are turned off on the platform, which fails as a
// whole for a minute later; then there is one Webhook without its Secret, one that is refused, and one that cannot be
// deleted.
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

// draw draws the dashboard, into the documentation if it is asked for.
func (h *history) draw(dashboard monitoring.Dashboard, dir string) {
	svg, err := drawing.Draw(dashboard, h)
	h.scene.Expect(err).NotTo(HaveOccurred())
	file := *drawn
	if file == "" {
		file = filepath.Join(dir, "dashboard.svg")
	}
	h.scene.Expect(os.WriteFile(file, svg, 0o644)).To(Succeed())
}

// Scraped implements drawing.Prometheus.
func (h *history) Scraped() (from, to time.Time, between time.Duration) {
	return h.from, h.now, h.between
}

// Now implements drawing.Prometheus.
func (h *history) Now(query string) (promql.Vector, error) { return h.query(query), nil }

// Range implements drawing.Prometheus.
func (h *history) Range(query string) (promql.Matrix, error) {
	q, err := h.engine.NewRangeQuery(context.Background(), h.storage, nil, query, h.from, h.now, h.between)
	if err != nil {
		return nil, err
	}
	return q.Exec(context.Background()).Matrix()
}

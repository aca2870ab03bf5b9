// Package drawing draws the dashboard from answers of Prometheus to its queries, for the documentation. It is not
// Grafana: it has the dashboard's panels at their places, with titles, units and legends, and a simpler look.
package drawing

import (
	"bytes"
	"fmt"
	"image/color"
	"time"

	"github.com/prometheus/prometheus/promql"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"webhook-operator.io/itwin/hack/monitoring"
)

// Prometheus answers queries about a time in which it scraped the operator.
type Prometheus interface {
	// Scraped is that time, and the interval between two scrapes.
	Scraped() (from, to time.Time, between time.Duration)
	// Now answers an instant query at the end of that time, and Range one about all of it, with a step of one interval.
	Now(query string) (promql.Vector, error)
	Range(query string) (promql.Matrix, error)
}

const (
	columns, column, line = 24, vg.Length(40), vg.Length(19)
	small, normal, large  = vg.Length(8), vg.Length(10), vg.Length(26)
	gap                   = vg.Length(6)
)

var (
	black = color.RGBA{R: 0x22, G: 0x22, B: 0x22, A: 0xff}
	grey  = color.RGBA{R: 0xcc, G: 0xcc, B: 0xcc, A: 0xff}
)

// Draw returns the dashboard as SVG, with the digest of the dashboard behind it.
func Draw(d monitoring.Dashboard, prometheus Prometheus) ([]byte, error) {
	lines := 0
	for _, p := range d.Panels {
		lines = max(lines, p.GridPos.Y+p.GridPos.H)
	}
	canvas := vgsvg.New(columns*column, vg.Length(lines)*line)
	whole := draw.New(canvas)
	whole.SetColor(color.White)
	whole.Fill(whole.Path())
	for _, p := range d.Panels {
		if err := newPanel(whole, p, prometheus).draw(); err != nil {
			return nil, fmt.Errorf("panel %q: %w", p.Title, err)
		}
	}
	var out bytes.Buffer
	if _, err := canvas.WriteTo(&out); err != nil {
		return nil, err
	}
	svg := bytes.ReplaceAll(out.Bytes(), []byte("font-family:Liberation Sans;"),
		[]byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif;"))
	return fmt.Appendf(svg, "<!-- dashboard.json sha256:%s -->\n", d.Digest), nil
}

// panel is one that is drawn.
type panel struct {
	monitoring.Panel
	Prometheus
	draw.Canvas
}

func newPanel(whole draw.Canvas, p monitoring.Panel, prometheus Prometheus) *panel {
	left, top := vg.Length(p.GridPos.X)*column, whole.Max.Y-vg.Length(p.GridPos.Y)*line
	whole.Min = vg.Point{X: left + gap/2, Y: top - vg.Length(p.GridPos.H)*line + gap/2}
	whole.Max = vg.Point{X: left + vg.Length(p.GridPos.W)*column - gap/2, Y: top - gap/2}
	return &panel{Panel: p, Prometheus: prometheus, Canvas: whole}
}

func (p *panel) draw() error {
	style := text(normal, black)
	style.Font.Weight = 2 // bold
	style.YAlign = draw.YTop
	p.FillText(style, vg.Point{X: p.Min.X + gap, Y: p.Max.Y - gap/2}, p.Title)
	if p.Type == "row" {
		return nil
	}
	p.StrokeLines(draw.LineStyle{Color: grey, Width: 1}, []vg.Point{
		p.Min, {X: p.Min.X, Y: p.Max.Y}, p.Max, {X: p.Max.X, Y: p.Min.Y}, p.Min,
	})
	p.Canvas = draw.Crop(p.Canvas, gap, -gap, gap/2, -2*normal)
	switch p.Type {
	case "stat":
		return p.drawStat()
	case "table":
		return p.drawTable()
	case "timeseries":
		return p.drawSeries()
	}
	return fmt.Errorf("a panel of the type %q cannot be drawn", p.Type)
}

func text(size vg.Length, c color.Color) draw.TextStyle {
	return draw.TextStyle{
		Color: c, Font: font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}, Handler: plot.DefaultTextHandler,
	}
}

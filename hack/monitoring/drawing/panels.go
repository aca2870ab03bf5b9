package drawing

import (
	"cmp"
	"image/color"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// thresholdColors are those of Grafana by name.
var thresholdColors = map[string]color.Color{
	"green": color.RGBA{R: 0x1a, G: 0x7f, B: 0x37, A: 0xff}, "yellow": color.RGBA{R: 0xb0, G: 0x7a, A: 0xff},
	"red": color.RGBA{R: 0xc4, G: 0x16, B: 0x2a, A: 0xff},
}

// drawStat writes the value of each series, or its name, in the color of the threshold that the value reached.
func (p *panel) drawStat() error {
	samples, err := p.now()
	if err != nil {
		return err
	}
	for i, sample := range samples {
		var chosen color.Color = black
		for _, step := range p.FieldConfig.Defaults.Thresholds.Steps {
			if sample.F >= step.Value {
				chosen = thresholdColors[step.Color]
			}
		}
		shown, err := p.value(sample.F)
		if err != nil {
			return err
		}
		if p.Options.TextMode == "name" {
			shown = legend(p.Targets[0].LegendFormat, sample.Metric)
		}
		style := text(large, chosen)
		style.XAlign, style.YAlign = draw.XCenter, draw.YCenter
		width := (p.Max.X - p.Min.X) / vg.Length(len(samples))
		p.FillText(style, vg.Point{X: p.Min.X + (vg.Length(i)+0.5)*width, Y: p.Center().Y}, shown)
	}
	return nil
}

// drawTable writes a line for each series, the greatest value first: its labels, then the value.
func (p *panel) drawTable() error {
	samples, err := p.now()
	if err != nil {
		return err
	}
	slices.SortFunc(samples, func(a, b promql.Sample) int { return cmp.Compare(b.F, a.F) })
	var names, titles []string
	for _, sample := range samples[:min(1, len(samples))] {
		sample.Metric.Range(func(l labels.Label) { names = append(names, l.Name) })
	}
	for _, name := range append(slices.Clone(names), "Value") {
		titles = append(titles, p.Transformations[0].Options.RenameByName[name])
	}
	rows := [][]string{titles}
	for _, sample := range samples {
		shown, err := p.value(sample.F)
		if err != nil {
			return err
		}
		var row []string
		for _, name := range names {
			row = append(row, sample.Metric.Get(name))
		}
		rows = append(rows, append(row, shown))
	}
	for i, row := range rows {
		for j, cell := range row {
			style := text(small, black)
			style.YAlign = draw.YTop
			width := (p.Max.X - p.Min.X) / vg.Length(len(row))
			p.FillText(style, vg.Point{X: p.Min.X + vg.Length(j)*width, Y: p.Max.Y - vg.Length(i)*1.6*small}, cell)
		}
	}
	return nil
}

// now asks the query of a panel that has one.
func (p *panel) now() (promql.Vector, error) {
	_, _, between := p.Scraped()
	return p.Now(p.Targets[0].Query(between))
}

var placeholder = regexp.MustCompile(`{{\s*(\w+)\s*}}`)

// legend is the name of a series.
func legend(format string, metric labels.Labels) string {
	return placeholder.ReplaceAllStringFunc(format, func(found string) string {
		return metric.Get(strings.Trim(found, "{} "))
	})
}

// value is a number with the unit of the panel.
func (p *panel) value(v float64) (string, error) { return value(p.FieldConfig.Defaults.Unit, v) }

package drawing

import (
	"image/color"
	"math"
	"time"

	"github.com/prometheus/prometheus/promql"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// colors can be told apart by people who see fewer of them, too; with more series they come again, dashed.
var colors = []color.RGBA{
	{G: 0x72, B: 0xb2, A: 0xff}, {R: 0xd5, G: 0x5e, A: 0xff}, {G: 0x9e, B: 0x73, A: 0xff},
	{R: 0x99, G: 0x33, B: 0x99, A: 0xff}, {R: 0xe6, G: 0x9f, A: 0xff}, {R: 0x56, G: 0xb4, B: 0xe9, A: 0xff},
}

// diagram is a time series panel while it is drawn.
type diagram struct {
	*panel
	*plot.Plot
	legends []plot.Legend
	series  int
	// below is the sum of the series so far, by time, where they are stacked.
	below map[int64]float64
}

func (p *panel) drawSeries() error {
	d := &diagram{panel: p, Plot: plot.New(), below: map[int64]float64{}, legends: make([]plot.Legend, p.GridPos.W/4)}
	for i := range d.legends {
		d.legends[i] = plot.NewLegend()
		d.legends[i].Left, d.legends[i].Top, d.legends[i].TextStyle = true, true, text(small, black)
		d.legends[i].ThumbnailWidth, d.legends[i].Padding = small, gap/2
	}
	d.Add(plotter.NewGrid())
	_, _, between := p.Scraped()
	for _, target := range p.Targets {
		answer, err := p.Range(target.Query(between))
		if err != nil {
			return err
		}
		for _, series := range answer {
			if err := d.add(legend(target.LegendFormat, series.Metric), series.Floats); err != nil {
				return err
			}
		}
	}
	d.scale()
	height := vg.Length((d.series+len(d.legends)-1)/len(d.legends)) * (small + gap/2)
	d.Draw(draw.Crop(p.Canvas, 0, 0, height+gap, 0))
	for i, l := range d.legends {
		from := vg.Length(i) * (p.Max.X - p.Min.X) / vg.Length(len(d.legends))
		c := draw.Crop(p.Canvas, from, 0, 0, 0)
		c.Max.Y = c.Min.Y + height
		l.Draw(c)
	}
	return nil
}

// add draws a series, interrupted where it is absent, and names it with its last value.
func (d *diagram) add(name string, points []promql.FPoint) error {
	_, _, between := d.Scraped()
	style := draw.LineStyle{Color: colors[d.series%len(colors)], Width: 1}
	if d.series >= len(colors) {
		style.Dashes = []vg.Length{3, 1.5}
	}
	var part plotter.XYs
	var last string
	for i, point := range points {
		if math.IsNaN(point.F) {
			continue
		}
		var err error
		if last, err = d.value(point.F); err != nil {
			return err
		}
		if d.FieldConfig.Defaults.Custom.Stacking.Mode == "normal" {
			d.below[point.T] += point.F
			point.F = d.below[point.T]
		}
		if i > 0 && point.T-points[i-1].T > between.Milliseconds() {
			d.Add(&plotter.Line{XYs: part, LineStyle: style})
			part = nil
		}
		part = append(part, plotter.XY{X: float64(point.T) / 1000, Y: point.F})
	}
	if len(part) == 0 {
		return nil
	}
	drawn := &plotter.Line{XYs: part, LineStyle: style}
	d.Add(drawn)
	d.legends[d.series%len(d.legends)].Add(name+"  "+last, drawn)
	d.series++
	return nil
}

// scale sets the axes.
func (d *diagram) scale() {
	from, to, _ := d.Scraped()
	field := d.FieldConfig.Defaults
	d.X.Min, d.X.Max = float64(from.Unix()), float64(to.Unix())
	d.Y.Min = 0
	if field.Min != nil {
		d.Y.Min = *field.Min
	}
	if field.Max != nil {
		d.Y.Max = *field.Max
	} else if d.Y.Max <= d.Y.Min {
		d.Y.Max = d.Y.Min + 1
	}
	var minutes plot.ConstantTicks
	for t := from.Truncate(2 * time.Minute).Add(2 * time.Minute); t.Before(to); t = t.Add(2 * time.Minute) {
		minutes = append(minutes, plot.Tick{Value: float64(t.Unix()), Label: t.UTC().Format("15:04")})
	}
	d.X.Tick.Marker, d.Y.Tick.Marker = minutes, plot.TickerFunc(d.ticks)
	d.X.Tick.Label.Font, d.Y.Tick.Label.Font = text(small, black).Font, text(small, black).Font
}

// ticks are labelled with the unit.
func (d *diagram) ticks(low, high float64) []plot.Tick {
	round := 1.0
	if d.FieldConfig.Defaults.Unit == "bytes" {
		round = 1 << 20
	}
	ticks := plot.DefaultTicks{}.Ticks(low/round, high/round)
	for i, tick := range ticks {
		tick.Value *= round
		ticks[i].Value = tick.Value
		if !tick.IsMinor() {
			ticks[i].Label, _ = d.value(tick.Value) // the unit is known: the series were written in it
		}
	}
	return ticks
}

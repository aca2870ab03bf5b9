package main

import (
	"bytes"
	"image/color"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	svg "gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// panel is one diagram. On its logarithmic scales what grows with the number of Webhooks rises like the diagonal, and
// what does not is level.
type panel struct {
	title, unit string
	// floor is the least that the unit's measurement can tell.
	floor  float64
	curves []curve
}

// curve is a row of the table, and what it is called in the chart.
type curve struct{ work, name string }

var panels = [][]panel{
	{
		{title: "Calls and writes", unit: "number", floor: 1, curves: []curve{
			{"create: writes in all", "create: writes"},
			{"create: calls to the platform", "create: calls"},
			{"restart: calls to the platform", "restart: calls"},
			{"steady state: calls in 5 intervals", "steady state: calls in 5 intervals"},
		}},
		{title: "Memory", unit: "MiB", floor: 1, curves: []curve{
			{"create: most memory resident", "create: peak"},
			{"restart: most memory resident", "restart: peak"},
			{"steady state: memory resident", "steady state"},
		}},
	},
	{
		{title: "Restart, and the cost of a poll", unit: "seconds", floor: 0.001, curves: []curve{
			{"restart: processor time", "restart: processor time"},
			{"restart: time until all were compared", "restart: until all are compared"},
			{"restart: time until ready", "restart: until ready"},
			{"steady state: processor time per list", "processor time of a poll"},
		}},
		{title: "A new Webhook is ready after", unit: "seconds", floor: 0.001, curves: []curve{
			{"new Webhook, alone: ready after, longest", "longest of 30"},
			{"new Webhook, alone: ready after, median of 30", "median of 30"},
			{"new Webhook, beside 500 that get no answer: ready after, median of 30", "median beside a dead account"},
		}},
	},
}

const (
	width, height = 10 * vg.Inch, 7.5 * vg.Inch
	gap           = vg.Length(12)
)

// colors can be told apart by people who see fewer of them, too.
var colors = []color.Color{
	color.RGBA{R: 0x00, G: 0x72, B: 0xb2, A: 0xff}, color.RGBA{R: 0xd5, G: 0x5e, A: 0xff},
	color.RGBA{R: 0x00, G: 0x9e, B: 0x73, A: 0xff}, color.RGBA{R: 0x99, G: 0x33, B: 0x99, A: 0xff},
}

var shapes = []svg.GlyphDrawer{svg.CircleGlyph{}, svg.BoxGlyph{}, svg.PyramidGlyph{}, svg.RingGlyph{}}

// draw is the chart of all panels, as SVG.
func draw(t table) ([]byte, error) {
	plots := make([][]*plot.Plot, len(panels))
	for i, row := range panels {
		for _, p := range row {
			one, err := p.plot(t)
			if err != nil {
				return nil, err
			}
			plots[i] = append(plots[i], one)
		}
	}
	canvas := vgsvg.New(width, height)
	tiles := svg.Tiles{
		Rows: len(panels), Cols: len(panels[0]),
		PadX: gap, PadY: gap, PadTop: gap, PadBottom: gap, PadLeft: gap, PadRight: gap,
	}
	whole := svg.New(canvas)
	whole.SetColor(color.White)
	whole.Fill(whole.Path())
	for i, row := range plot.Align(plots, tiles, whole) {
		for j, tile := range row {
			plots[i][j].Draw(tile)
		}
	}
	var out bytes.Buffer
	_, err := canvas.WriteTo(&out)
	return out.Bytes(), err
}

// plot is the diagram of one panel.
func (p panel) plot(t table) (*plot.Plot, error) {
	diagram := plot.New()
	diagram.Title.Text = p.title
	diagram.X.Label.Text, diagram.Y.Label.Text = "Webhooks", p.unit
	diagram.X.Scale, diagram.Y.Scale = plot.LogScale{}, plot.LogScale{}
	diagram.X.Tick.Marker, diagram.Y.Tick.Marker = decades{}, decades{}
	diagram.Add(plotter.NewGrid())
	for i, c := range p.curves {
		points, err := t.points(c.work, p.floor)
		if err != nil {
			return nil, err
		}
		line, marks, err := plotter.NewLinePoints(points)
		if err != nil {
			return nil, err
		}
		line.Color, line.Width = colors[i], vg.Points(1.5)
		marks.Color, marks.Shape, marks.Radius = colors[i], shapes[i], vg.Points(3)
		diagram.Add(line, marks)
		diagram.Legend.Add(c.name, line, marks)
	}
	diagram.Legend.Top, diagram.Legend.Left = true, true
	diagram.Y.Min, diagram.Y.Max = wholeDecades(diagram.Y.Min, diagram.Y.Max)
	return diagram, nil
}

// wholeDecades widens a range to powers of ten, and by two more, in which the legend is.
func wholeDecades(low, high float64) (lower, upper float64) {
	lower, upper = 1e-3, 1e-3
	for lower*10 <= low {
		lower *= 10
	}
	for upper < high {
		upper *= 10
	}
	return lower, 100 * upper
}

// decades marks the powers of ten.
type decades struct{}

// Ticks implements plot.Ticker.
func (decades) Ticks(low, high float64) (ticks []plot.Tick) {
	for value := 1e-3; value <= high*1.001; value *= 10 {
		if value >= low*0.999 {
			ticks = append(ticks, plot.Tick{Value: value, Label: strconv.FormatFloat(value, 'g', 6, 64)})
		}
	}
	return ticks
}

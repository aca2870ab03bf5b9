// Package figures is the tables that `make bench` prints: what was measured, in columns such as one for each number of
// Webhooks, and what the budget is. They are kept as JSON, from which docs/performance.md and its chart are made.
package figures

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

// Unit is what the values of a row are in.
type Unit string

// The units. A count has none.
const (
	Count   Unit = ""
	Seconds Unit = "s"
	MiB     Unit = "MiB"
)

// Table is a part of a report. It is safe for concurrent use.
type Table struct {
	// Title says what the rows are about.
	Title string `json:"title"`
	// Columns are in the order in which they are printed.
	Columns []string `json:"columns"`
	Rows    []Row    `json:"rows"`

	mu sync.Mutex
}

// Row is one figure.
type Row struct {
	Work string `json:"work"`
	Unit Unit   `json:"unit,omitempty"`
	// Budget is a bound, as a formula where it depends on the column; "" where there is none.
	Budget string `json:"budget,omitempty"`
	// Values are by column. A column in which it was not measured has none.
	Values map[string]float64 `json:"values"`
}

// Set puts a figure into a column. The first figure of a row makes the row, below those that there are; of a column
// likewise.
func (t *Table) Set(column string, figure Row, value float64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !slices.Contains(t.Columns, column) {
		t.Columns = append(t.Columns, column)
	}
	i := slices.IndexFunc(t.Rows, func(r Row) bool { return r.Work == figure.Work })
	if i < 0 {
		i = len(t.Rows)
		figure.Values = map[string]float64{}
		t.Rows = append(t.Rows, figure)
	}
	t.Rows[i].Values[column] = value
}

// Print writes the table as Markdown whose columns are aligned.
func (t *Table) Print(w io.Writer) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	aligned := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	row := func(cells ...string) { _, _ = fmt.Fprintf(aligned, "| %s\t|\n", strings.Join(cells, "\t| ")) }
	row(slices.Concat([]string{t.Title}, t.Columns, []string{"budget"})...)
	row(slices.Repeat([]string{"---"}, len(t.Columns)+2)...)
	for _, r := range t.Rows {
		cells := make([]string, 0, len(t.Columns)+2)
		cells = append(cells, r.Work)
		for _, column := range t.Columns {
			cells = append(cells, r.in(column))
		}
		row(append(cells, r.Budget)...)
	}
	return aligned.Flush()
}

// in is a cell.
func (r Row) in(column string) string {
	value, measured := r.Values[column]
	if !measured {
		return "–"
	}
	switch r.Unit {
	case Seconds:
		return short(time.Duration(value * float64(time.Second)))
	case MiB:
		return strconv.FormatFloat(value, 'f', 0, 64) + " MiB"
	}
	return strconv.FormatFloat(value, 'f', -1, 64)
}

// short rounds a time to what can be repeated.
func short(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

package output

import (
	"fmt"
	"io"
	"strings"

	"github.com/liggitt/tabwriter"
	"k8s.io/cli-runtime/pkg/printers"
)

// Rows writes a table. Columns keep the widths of the rows before a Flush, so that a long table stays aligned.
type Rows struct {
	writer *tabwriter.Writer
	header string
	begun  bool
}

// NewRows begins a table; its header is written with the first row.
func NewRows(out io.Writer, header ...string) *Rows {
	return &Rows{writer: printers.GetNewTabWriter(out), header: strings.Join(header, "\t")}
}

// Add adds a row. Cells are one line each: line breaks and other control characters in them become spaces.
func (r *Rows) Add(cells ...string) error {
	if !r.begun {
		r.begun = true
		if _, err := fmt.Fprintln(r.writer, r.header); err != nil {
			return err
		}
	}
	for i, cell := range cells {
		cells[i] = Clean(cell)
	}
	_, err := fmt.Fprintln(r.writer, strings.Join(cells, "\t"))
	return err
}

// Flush writes the rows so far.
func (r *Rows) Flush() error { return r.writer.Flush() }

// Clean replaces control characters, which could change what a terminal shows, by spaces.
func Clean(text string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || (c >= 0x80 && c < 0xa0) {
			return ' '
		}
		return c
	}, text)
}

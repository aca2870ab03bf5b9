package output

import (
	"fmt"
	"io"
	"strings"
	"unicode"

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

// Add adds a row. Cells are one line each: what is not printable in them becomes spaces.
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

// Clean replaces by spaces what is not printable, and could change what a terminal shows: control characters, and those
// that change the direction of the text. All that a command writes for people, and did not make itself, goes through
// it, errors too.
func Clean(text string) string {
	return strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) || c == unicode.ReplacementChar {
			return ' '
		}
		return c
	}, text)
}

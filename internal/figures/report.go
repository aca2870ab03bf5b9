package figures

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// Report is what one run measured.
type Report struct {
	// Machine is what it ran on; "" where no figure depends on that.
	Machine string   `json:"machine,omitempty"`
	Tables  []*Table `json:"tables"`
}

// Print writes all tables that have rows, with an empty line before each.
func (r Report) Print(w io.Writer) error {
	for _, t := range r.Tables {
		if len(t.Rows) == 0 {
			continue
		}
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
		if err := t.Print(w); err != nil {
			return err
		}
	}
	return nil
}

// Save writes the report as a JSON file.
func (r Report) Save(path string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644) //nolint:gosec // for everybody to read
}

// Load reads what Save wrote.
func Load(path string) (r Report, err error) {
	data, err := os.ReadFile(path) //nolint:gosec // the caller says which
	if err != nil {
		return Report{}, err
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return Report{}, fmt.Errorf("%s is no report of figures: %w", path, err)
	}
	return r, nil
}

// Lines of a page of documentation, between which a report stands.
const (
	beginMark = "<!-- make bench writes these tables -->\n"
	endMark   = "<!-- end of the tables -->\n"
)

// Into returns a page with the report in place of the one that it has.
func (r Report) Into(page []byte) ([]byte, error) {
	before, rest, begun := bytes.Cut(page, []byte(beginMark))
	_, after, ended := bytes.Cut(rest, []byte(endMark))
	if !begun || !ended {
		return nil, fmt.Errorf("the page has no lines %q and %q", beginMark, endMark)
	}
	var whole bytes.Buffer
	whole.Write(before)
	whole.WriteString(beginMark)
	if r.Machine != "" {
		_, _ = fmt.Fprintf(&whole, "\nMachine: %s.\n", r.Machine)
	}
	if err := r.Print(&whole); err != nil {
		return nil, err
	}
	whole.WriteString("\n" + endMark)
	whole.Write(after)
	return whole.Bytes(), nil
}

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// example is a report with every row that is drawn.
func example(t *testing.T) string {
	t.Helper()
	var rows []map[string]any
	for _, row := range panels {
		for _, p := range row {
			for _, c := range p.curves {
				rows = append(rows, map[string]any{"work": c.work, "values": map[string]float64{"100": 0, "1000": 20, "10000": 200}})
			}
		}
	}
	data, err := json.Marshal(map[string]any{"tables": []any{map[string]any{"rows": rows}}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "performance.json")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func drawn(t *testing.T, data string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "performance.svg")
	if err := run(data, out); err != nil {
		t.Fatal(err)
	}
	chart, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return chart
}

func TestChartShowsEveryCurveAndIsTheSameEachTime(t *testing.T) {
	data := example(t)
	chart := drawn(t, data)
	for _, row := range panels {
		for _, p := range row {
			for _, c := range p.curves {
				if !bytes.Contains(chart, []byte(">"+c.name+"<")) {
					t.Errorf("the chart does not name %q", c.name)
				}
			}
		}
	}
	if !bytes.Equal(chart, drawn(t, data)) {
		t.Error("a second chart of the same data differs")
	}
}

func TestDataWithoutARowIsRefusedByName(t *testing.T) {
	data := example(t)
	text, err := os.ReadFile(data)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte("restart: calls"), []byte("restart: other calls"), 1)
	if err := os.WriteFile(data, text, 0o600); err != nil {
		t.Fatal(err)
	}
	err = run(data, filepath.Join(t.TempDir(), "performance.svg"))
	if err == nil || !strings.Contains(err.Error(), `"restart: calls to the platform"`) {
		t.Errorf("got %v", err)
	}
}

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// mostOfChart keeps the repository small.
const mostOfChart = 200 << 10

// TestChartOfTheDocumentationIsThatOfItsData fails when one of the two was changed alone.
func TestChartOfTheDocumentationIsThatOfItsData(t *testing.T) {
	docs := filepath.Join("..", "..", "docs")
	shown, err := os.ReadFile(filepath.Join(docs, "performance.svg"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(shown, drawn(t, filepath.Join(docs, "performance.json"))) {
		t.Error("docs/performance.svg is not what hack/curve draws of docs/performance.json: " +
			"go run . -data ../../docs/performance.json -o ../../docs/performance.svg")
	}
	if len(shown) > mostOfChart {
		t.Errorf("docs/performance.svg has %d bytes, more than %d", len(shown), mostOfChart)
	}
}

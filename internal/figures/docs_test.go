package figures

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestTablesOfTheDocumentationAreThoseOfItsData fails when one of the two was changed alone.
func TestTablesOfTheDocumentationAreThoseOfItsData(t *testing.T) {
	docs := filepath.Join("..", "..", "docs")
	report, err := Load(filepath.Join(docs, "performance.json"))
	if err != nil {
		t.Fatal(err)
	}
	shown, err := os.ReadFile(filepath.Join(docs, "performance.md"))
	if err != nil {
		t.Fatal(err)
	}
	made, err := report.Into(shown)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(made, shown) {
		t.Error("the tables of docs/performance.md are not those of docs/performance.json")
	}
}

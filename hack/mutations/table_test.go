package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// A guard whose text has changed would not be taken away.
func TestEachGuardHasItsTextOnce(t *testing.T) {
	for _, m := range mutations {
		source, err := os.ReadFile(filepath.Join("..", "..", m.file))
		if err != nil {
			t.Error(err)
			continue
		}
		if n := bytes.Count(source, []byte(m.old)); n != 1 {
			t.Errorf("%s: %s has %q %d times", m.guard, m.file, m.old, n)
		}
	}
}

package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	. "github.com/onsi/gomega"
)

// TestNullIsRefusedByName: to Helm, null removes a default, and templates would fail on what is not there.
func TestNullIsRefusedByName(t *testing.T) {
	g := NewWithT(t)
	text, err := os.ReadFile(filepath.Join(chart, "values.yaml"))
	g.Expect(err).NotTo(HaveOccurred())
	for _, path := range pathsOf(nil, parse(t, string(text))) {
		var values any
		for _, name := range slices.Backward(path) {
			values = map[string]any{name: values}
		}
		_, err := tryTemplate(values.(map[string]any))
		g.Expect(err).To(MatchError(And(ContainSubstring("values don't meet the specifications of the schema"),
			ContainSubstring("'"+path[len(path)-1]+"'"))), "%v", path)
	}
}

// pathsOf are the paths of all values whose names the chart decides.
func pathsOf(to []string, values map[string]any) (paths [][]string) {
	for name, value := range values {
		path := append(slices.Clone(to), name)
		paths = append(paths, path)
		switch name {
		case "annotations", "labels", "resources", "nodeSelector", "podSecurityContext":
			continue
		}
		if inner, is := value.(map[string]any); is {
			paths = append(paths, pathsOf(path, inner)...)
		}
	}
	return paths
}

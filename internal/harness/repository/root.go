// Package repository finds the files of this repository, for tests and tools that run in any folder of it.
package repository

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const module = "webhook-operator.io/itwin"

// Root is the repository: the first folder, from the working one upwards, that holds this module.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		data, err := os.ReadFile(filepath.Join(dir, "go.mod")) //nolint:gosec // that is the file looked for
		if err == nil && strings.HasPrefix(string(data), "module "+module+"\n") {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("run this inside of the repository: no folder above has the go.mod of %s", module)
		}
		dir = parent
	}
}

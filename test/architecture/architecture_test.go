package architecture

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../.."

func TestImportsRunDownward(t *testing.T) {
	report(t, CheckImports(list(t)))
}

func TestSignatureNeedsTheStandardLibraryAlone(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "./signature")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(string(out)); got != Module+"/signature" {
		t.Errorf("it needs\n%s", got)
	}
}

func TestOnlyReportingWritesAStatus(t *testing.T) {
	for folder, writer := range map[string]string{"webhook": "writeStatus", "connection": "report"} {
		breaches, err := CheckStatusWrites(read(t, "controllers/"+folder), writer)
		report(t, breaches, err)
	}
}

func report(t *testing.T, breaches []Breach, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	for _, b := range breaches {
		t.Error(b)
	}
}

// list asks go list for all packages of the module.
func list(t *testing.T) (packages []Package) {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = root
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v: %s", err, problems.String())
	}
	decoder := json.NewDecoder(bytes.NewReader(out))
	for {
		var p Package
		if err := decoder.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	if len(packages) < len(layers) {
		t.Fatalf("go list found only %d packages", len(packages))
	}
	return packages
}

// read reads a package, without its tests.
func read(t *testing.T, folder string) Sources {
	t.Helper()
	sources := Sources{}
	files, err := filepath.Glob(filepath.Join(root, folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sources[filepath.Base(file)] = string(text)
	}
	if len(sources) == 0 {
		t.Fatalf("%s has no sources", folder)
	}
	return sources
}

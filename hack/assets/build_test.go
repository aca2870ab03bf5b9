package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestEveryBinaryHasAPackage(t *testing.T) {
	for _, name := range binaries {
		if packages[name] == "" {
			t.Errorf("%s has none", name)
		}
	}
}

func TestVersionIsStamped(t *testing.T) {
	flags := (&builder{version: "1.37.1"}).ldflags()
	for _, want := range []string{"version.gitVersion=v1.37.1", "version.gitMajor=1 ", "version.gitMinor=37"} {
		if !strings.Contains(flags+" ", want) {
			t.Errorf("%q lacks %q", flags, want)
		}
	}
}

// A module with one package and nothing to download.
func newBuilder(t *testing.T, source string) (*builder, *bytes.Buffer) {
	t.Helper()
	dir := t.TempDir()
	source += "// " + dir // so that no build cache has it
	for name, text := range map[string]string{"go.mod": "module example.com/m\n", "main.go": source} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	log := &bytes.Buffer{}
	return &builder{module: dir, version: "1.37.1", out: &console{out: log, interval: time.Hour}}, log
}

func TestBuildCountsItsPackages(t *testing.T) {
	b, log := newBuilder(t, "package main\n\nfunc main() {}\n")
	p := b.out.start("m", time.Now())
	file := filepath.Join(t.TempDir(), "m")
	if err := b.one(t.Context(), p, ".", file); err != nil {
		t.Fatal(err)
	}
	p.stop(true)
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
	if p.total == 0 || p.begun != p.total || !strings.Contains(log.String(), "\nm: built, ") {
		t.Errorf("compiled %d of %d packages, progress: %s", p.begun, p.total, log)
	}
}

func TestProgramOfTheModuleIsBuilt(t *testing.T) {
	b, _ := newBuilder(t, "package main\n\nfunc main() {}\n")
	file := filepath.Join(t.TempDir(), "m")
	if err := b.program(t.Context(), ".", file); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
}

func TestFailedBuildShowsTheCompilersWords(t *testing.T) {
	b, _ := newBuilder(t, "package main\n\nfunc main() { undefined() }\n")
	p := b.out.start("m", time.Now())
	defer p.stop(false)
	err := b.one(t.Context(), p, ".", filepath.Join(t.TempDir(), "m"))
	if err == nil || !strings.Contains(err.Error(), "undefined: undefined") {
		t.Errorf("got %v", err)
	}
}

func TestProgressOfALogIsLines(t *testing.T) {
	log := &bytes.Buffer{}
	p := (&console{out: log, interval: time.Hour}).start("[1/3] etcd", time.Now())
	p.downloading()
	p.expect(7)
	p.compiling()
	p.compiling()
	p.stop(false)
	if got := log.String(); strings.Contains(got, "\r") || !strings.HasSuffix(got, "[1/3] etcd: package 2 of 7, 0s\n") {
		t.Errorf("progress: %q", got)
	}
}

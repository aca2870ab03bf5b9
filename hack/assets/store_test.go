package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestStoreIsWhereSetupEnvtestLooks(t *testing.T) {
	if runtime.GOOS == "darwin" {
		t.Skip("XDG does not apply")
	}
	for data, want := range map[string]string{
		"":      "/home/me/.local/share/kubebuilder-envtest/k8s",
		"/data": "/data/kubebuilder-envtest/k8s",
	} {
		t.Setenv("HOME", "/home/me")
		t.Setenv("XDG_DATA_HOME", data)
		if got, err := storeDir(); err != nil || got != want {
			t.Errorf("XDG_DATA_HOME=%q: got %q, %v, want %q", data, got, err, want)
		}
	}
}

func TestPinnedVersion(t *testing.T) {
	dir := t.TempDir()
	write := func(requirement string) {
		mod := "module example.com/m\n\nrequire " + requirement + "\n"
		if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(mod), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("k8s.io/kubernetes v1.37.1")
	if got, err := pinnedVersion(t.Context(), dir); err != nil || got != "1.37.1" {
		t.Errorf("got %q, %v", got, err)
	}
	write("k8s.io/api v0.37.1")
	if _, err := pinnedVersion(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "does not require") {
		t.Errorf("got %v", err)
	}
}

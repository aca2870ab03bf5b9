package main

import (
	"strings"
	"testing"
	"time"
)

func fetch(t *testing.T, stall time.Duration, script string) (string, error) {
	t.Helper()
	d := &downloader{stall: stall}
	return d.fetch(t.Context(), t.TempDir(), "sh", "-c", script)
}

func TestSilentDownloadIsGivenUp(t *testing.T) {
	_, err := fetch(t, time.Millisecond, "exec sleep 1000")
	if err == nil || !strings.Contains(err.Error(), "brought nothing") {
		t.Errorf("got %v", err)
	}
}

func TestGrowingDownloadIsWaitedFor(t *testing.T) {
	const stall = 3 * time.Second
	dir, err := fetch(t, stall, `for i in $(seq 12); do echo data >>"$TMPDIR/archive"; sleep 0.3; done; echo /there`)
	if err != nil || dir != "/there" {
		t.Errorf("got %q, %v", dir, err)
	}
}

func TestFailedDownloadSaysWhy(t *testing.T) {
	_, err := fetch(t, time.Hour, "echo no such host >&2; exit 2")
	if err == nil || !strings.Contains(err.Error(), "no such host") {
		t.Errorf("got %v", err)
	}
}

package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func put(t *testing.T, dir string, names ...string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// newResolver has a store with nothing in it, no network, and a compiler that needs no time.
func newResolver(t *testing.T) *resolver {
	t.Helper()
	return &resolver{
		store:    filepath.Join(t.TempDir(), "k8s"),
		version:  "1.37.1",
		download: func(context.Context, string) (string, error) { return "", errors.New("no such host") },
		build: func(_ context.Context, stage string, names []string) error {
			put(t, stage, names...)
			return nil
		},
		log: &bytes.Buffer{},
	}
}

func forbid(t *testing.T, r *resolver) {
	r.download = func(context.Context, string) (string, error) { t.Error("downloaded"); return "", nil }
	r.build = func(context.Context, string, []string) error { t.Error("built"); return nil }
}

func mustResolve(t *testing.T, r *resolver, want string) {
	t.Helper()
	got, err := r.resolve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("resolved %s, want %s", got, want)
	}
	if err := complete(got); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(r.store, ".stage-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestOverrideComesFirst(t *testing.T) {
	r := newResolver(t)
	forbid(t, r)
	put(t, r.dir(), binaries...)
	r.override = put(t, t.TempDir(), binaries...)
	mustResolve(t, r, r.override)
}

func TestRelativeOverrideIsMadeAbsolute(t *testing.T) {
	r := newResolver(t)
	forbid(t, r)
	dir := put(t, t.TempDir(), binaries...)
	t.Chdir(filepath.Dir(dir))
	r.override = filepath.Base(dir)
	mustResolve(t, r, dir)
}

func TestIncompleteOverrideIsAnErrorThatNamesWhatIsMissing(t *testing.T) {
	r := newResolver(t)
	forbid(t, r)
	r.override = put(t, t.TempDir(), "etcd")
	if err := os.WriteFile(filepath.Join(r.override, "kubectl"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := r.resolve(t.Context())
	if err == nil || !strings.Contains(err.Error(), "kubectl, kube-apiserver") {
		t.Errorf("got %v, want the binary that is not executable and the one that is not there", err)
	}
}

func TestInstalledComesSecond(t *testing.T) {
	r := newResolver(t)
	forbid(t, r)
	put(t, r.dir(), binaries...)
	put(t, filepath.Join(r.store, "1.37.9-"+platform()), binaries...)
	mustResolve(t, r, r.dir())
}

func TestAnotherPatchOfTheMinorServes(t *testing.T) {
	r := newResolver(t)
	forbid(t, r)
	put(t, filepath.Join(r.store, "1.36.9-"+platform()), binaries...)
	want := put(t, filepath.Join(r.store, "1.37.0-"+platform()), binaries...)
	mustResolve(t, r, want)
}

func TestDownloadComesThird(t *testing.T) {
	r := newResolver(t)
	forbid(t, r)
	name := "1.37.0-" + platform()
	r.download = func(_ context.Context, stage string) (string, error) {
		dir := put(t, filepath.Join(stage, "k8s", name), binaries...)
		return dir, os.Chmod(dir, 0o555)
	}
	mustResolve(t, r, filepath.Join(r.store, name))
}

func TestBuildComesLast(t *testing.T) {
	for reason, download := range map[string]func(context.Context, string) (string, error){
		"no such host": newResolver(t).download,
		"lacks the executable": func(_ context.Context, stage string) (string, error) {
			return put(t, filepath.Join(stage, "half"), "etcd"), nil
		},
	} {
		t.Run(reason, func(t *testing.T) {
			r := newResolver(t)
			r.download = download
			mustResolve(t, r, r.dir())
			if log := r.log.(*bytes.Buffer).String(); !strings.Contains(log, reason) {
				t.Errorf("the log does not say why nothing was downloaded: %s", log)
			}
		})
	}
}

func TestBuildAddsOnlyWhatIsMissing(t *testing.T) {
	r := newResolver(t)
	put(t, r.dir(), "etcd")
	build := r.build
	r.build = func(ctx context.Context, stage string, names []string) error {
		if want := []string{"kubectl", "kube-apiserver"}; !slices.Equal(names, want) {
			t.Errorf("built %v, want %v", names, want)
		}
		return build(ctx, stage, names)
	}
	mustResolve(t, r, r.dir())
}

func TestFailedBuildInstallsNothing(t *testing.T) {
	r := newResolver(t)
	r.build = func(_ context.Context, stage string, _ []string) error {
		put(t, stage, "etcd", "kubectl")
		return errors.New("out of memory")
	}
	if _, err := r.resolve(t.Context()); err == nil || !strings.Contains(err.Error(), "out of memory") {
		t.Errorf("got %v", err)
	}
	left, err := os.ReadDir(r.store)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != 1 || left[0].Name() != ".lock" {
		t.Errorf("left in the store: %v", left)
	}
}

func TestInterruptedDownloadDoesNotStartABuild(t *testing.T) {
	r := newResolver(t)
	ctx, cancel := context.WithCancel(t.Context())
	r.build = func(context.Context, string, []string) error { t.Error("built"); return nil }
	r.download = func(context.Context, string) (string, error) { cancel(); return "", ctx.Err() }
	if _, err := r.resolve(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestConcurrentRunsBuildOnce(t *testing.T) {
	first := newResolver(t)
	var builds atomic.Int32
	build := first.build
	first.build = func(ctx context.Context, stage string, names []string) error {
		builds.Add(1)
		return build(ctx, stage, names)
	}
	var runs sync.WaitGroup
	for range 5 {
		r := *first
		r.log = &bytes.Buffer{}
		runs.Go(func() {
			if _, err := r.resolve(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	runs.Wait()
	if n := builds.Load(); n != 1 {
		t.Errorf("built %d times", n)
	}
}

func TestWaitingForTheLockCanBeInterrupted(t *testing.T) {
	r := newResolver(t)
	unlock, err := r.lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.resolve(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

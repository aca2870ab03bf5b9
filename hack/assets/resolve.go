package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// binaries are what envtest and people need, the quickest to build first.
var binaries = []string{"etcd", "kubectl", "kube-apiserver"}

// resolver answers where the binaries are, and brings them there when they are nowhere.
type resolver struct {
	override string // KUBEBUILDER_ASSETS
	store    string // where setup-envtest keeps its versions
	version  string // of Kubernetes, without the v

	// download and build put binaries into stage; download says in which folder of it.
	download func(ctx context.Context, stage string) (dir string, err error)
	build    func(ctx context.Context, stage string, names []string) error

	log io.Writer
}

func (r *resolver) resolve(ctx context.Context) (string, error) {
	if r.override != "" {
		dir, err := filepath.Abs(r.override) // tests run in the folders of their packages
		return dir, errors.Join(err, complete(dir))
	}
	if dir, ok := r.installed(); ok {
		return dir, nil
	}
	unlock, err := r.lock(ctx)
	if err != nil {
		return "", err
	}
	defer unlock()
	if dir, ok := r.installed(); ok { // by the run this one waited for
		return dir, nil
	}
	return r.install(ctx)
}

// installed prefers the pinned version, but any patch of its minor serves: prebuilt ones exist for few patches.
func (r *resolver) installed() (string, bool) {
	others, _ := filepath.Glob(filepath.Join(r.store, r.minor()+".*-"+platform()))
	slices.Reverse(others)
	for _, dir := range append([]string{r.dir()}, others...) {
		if complete(dir) == nil {
			return dir, true
		}
	}
	return "", false
}

func (r *resolver) install(ctx context.Context) (string, error) {
	stage, err := os.MkdirTemp(r.store, ".stage-")
	if err != nil {
		return "", err
	}
	defer removeAll(stage)

	fmt.Fprintf(r.log, "looking for a prebuilt control plane %s\n", r.version)
	dir, err := r.prebuilt(ctx, filepath.Join(stage, "download"))
	if err == nil {
		return dir, nil
	}
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	fmt.Fprintf(r.log, "none: %v\n", err)
	fmt.Fprintf(r.log, "building it from Go modules into %s, once: about ten minutes on two cores\n", r.dir())
	return r.fromSource(ctx, filepath.Join(stage, "build"))
}

func (r *resolver) prebuilt(ctx context.Context, stage string) (string, error) {
	if err := os.Mkdir(stage, 0o755); err != nil {
		return "", err
	}
	got, err := r.download(ctx, stage)
	if err != nil {
		return "", err
	}
	if err := complete(got); err != nil {
		return "", err
	}
	dir := filepath.Join(r.store, filepath.Base(got))
	return dir, publish(got, dir)
}

func (r *resolver) fromSource(ctx context.Context, stage string) (string, error) {
	if err := os.Mkdir(stage, 0o755); err != nil {
		return "", err
	}
	if err := r.build(ctx, stage, missing(r.dir())); err != nil {
		return "", err
	}
	if err := publish(stage, r.dir()); err != nil {
		return "", err
	}
	return r.dir(), complete(r.dir())
}

func (r *resolver) dir() string {
	return filepath.Join(r.store, r.version+"-"+platform())
}

func (r *resolver) minor() string {
	return r.version[:strings.LastIndex(r.version, ".")]
}

// publish makes the finished files of stage appear in dir, each whole or not at all. Usually dir does not exist yet and
// all appear at once; otherwise it lacks some of them.
func publish(stage, dir string) error {
	if err := os.Chmod(stage, 0o755); err != nil { // setup-envtest made it read-only
		return err
	}
	err := os.Rename(stage, dir)
	if err == nil || !errors.Is(err, fs.ErrExist) {
		return err
	}
	files, err := os.ReadDir(stage)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := os.Rename(filepath.Join(stage, f.Name()), filepath.Join(dir, f.Name())); err != nil {
			return err
		}
	}
	return nil
}

// complete is nil when dir holds every binary.
func complete(dir string) error {
	if names := missing(dir); len(names) > 0 {
		return fmt.Errorf("%s lacks the executable %s", dir, strings.Join(names, ", "))
	}
	return nil
}

func missing(dir string) []string {
	return slices.DeleteFunc(slices.Clone(binaries), func(name string) bool {
		info, err := os.Stat(filepath.Join(dir, name))
		return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
	})
}

// removeAll also removes folders that setup-envtest made read-only.
func removeAll(dir string) {
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			_ = os.Chmod(path, 0o755)
		}
		return nil
	})
	_ = os.RemoveAll(dir)
}

func platform() string {
	return runtime.GOOS + "-" + runtime.GOARCH
}

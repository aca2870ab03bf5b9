package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// stallTimeout is how long a download may bring nothing. A slow one is waited for, a silent one is not.
const stallTimeout = 5 * time.Second

// downloader fetches a release with setup-envtest.
type downloader struct {
	tools   string // folder of the module that pins setup-envtest
	version string
	stall   time.Duration
}

func (d *downloader) run(ctx context.Context, stage string) (string, error) {
	tool := filepath.Join(stage, "setup-envtest")
	build := exec.CommandContext(ctx, "go", "build", "-C", d.tools, "-o", tool,
		"sigs.k8s.io/controller-runtime/tools/setup-envtest")
	build.Env = hostEnv()
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building setup-envtest: %w: %s", err, out)
	}
	minor := d.version[:strings.LastIndex(d.version, ".")]
	return d.fetch(ctx, stage, tool, "use", minor+".x", "--bin-dir", stage, "--print", "path",
		"--os", runtime.GOOS, "--arch", runtime.GOARCH)
}

// fetch runs a command that prints a folder, and ends it when stage stops growing.
func (d *downloader) fetch(ctx context.Context, stage, tool string, args ...string) (string, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go d.watch(ctx, stage, cancel)

	cmd := exec.CommandContext(ctx, tool, args...)
	cmd.Env = append(os.Environ(), "TMPDIR="+stage) // so that stage grows with the download
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if cause := context.Cause(ctx); cause != nil {
		return "", cause
	}
	if err != nil {
		return "", explain(err)
	}
	return strings.TrimSpace(string(out)), nil
}

func (d *downloader) watch(ctx context.Context, stage string, cancel context.CancelCauseFunc) {
	look := time.NewTicker(d.stall / 10)
	defer look.Stop()
	for last, since := int64(-1), time.Now(); ; {
		size := sizeOf(stage)
		switch {
		case size != last:
			last, since = size, time.Now()
		case time.Since(since) >= d.stall:
			cancel(fmt.Errorf("the download brought nothing for %s", d.stall))
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
	}
}

func sizeOf(dir string) (size int64) {
	_ = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil {
			if info, gone := entry.Info(); gone == nil {
				size += info.Size()
			}
		}
		return nil // what vanishes while it is counted does not count
	})
	return size
}

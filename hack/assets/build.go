package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// packages are the main packages of the binaries.
var packages = map[string]string{
	"etcd":           "go.etcd.io/etcd/server/v3",
	"kubectl":        "k8s.io/kubernetes/cmd/kubectl",
	"kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
}

// staleTemplate leaves out a main package that only wants linking.
const staleTemplate = `{{if .Stale}}{{if ne .StaleReason "not installed but available in build cache"}}` +
	`{{.ImportPath}}{{end}}{{end}}`

// builder compiles binaries from the module that pins their sources.
type builder struct {
	module  string
	version string
	out     *console
}

// run builds the named binaries into stage.
func (b *builder) run(ctx context.Context, stage string, names []string) error {
	began := time.Now()
	for i, name := range names {
		p := b.out.start(fmt.Sprintf("[%d/%d] %s", i+1, len(names), name), began)
		err := b.one(ctx, p, packages[name], filepath.Join(stage, name))
		p.stop(err == nil)
		if err != nil {
			return fmt.Errorf("building %s: %w", name, err)
		}
	}
	return nil
}

// program builds one package of the module itself; what is up to date, the Go build cache knows.
func (b *builder) program(ctx context.Context, pkg, file string) error {
	file, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	p := b.out.start(filepath.Base(pkg), time.Now())
	err = b.one(ctx, p, pkg, file)
	p.stop(err == nil)
	return err
}

func (b *builder) one(ctx context.Context, p *progress, pkg, file string) error {
	stale, err := b.stale(ctx, p, pkg)
	if err != nil {
		return err
	}
	p.expect(len(stale))
	_, err = b.goCommand(ctx, func(line string) bool {
		compiling := stale[line]
		if compiling {
			p.compiling()
		}
		return compiling
	}, "build", "-v", "-trimpath", "-buildvcs=false", "-ldflags", b.ldflags(), "-o", file, pkg)
	return err
}

// stale lists what go build is going to compile: what the build cache does not hold. It downloads the modules.
func (b *builder) stale(ctx context.Context, p *progress, pkg string) (map[string]bool, error) {
	out, err := b.goCommand(ctx, func(line string) bool {
		downloading := strings.HasPrefix(line, "go: downloading ")
		if downloading {
			p.downloading()
		}
		return downloading
	}, "list", "-trimpath", "-buildvcs=false", "-deps", "-f", staleTemplate, pkg)
	if err != nil {
		return nil, err
	}
	stale := map[string]bool{}
	for line := range strings.Lines(out) {
		stale[strings.TrimSpace(line)] = true
	}
	return stale, nil
}

// ldflags stamp the version as a release of Kubernetes does: clients ask the API server for it.
func (b *builder) ldflags() string {
	part := strings.SplitN(b.version, ".", 3)
	const pkg = "k8s.io/component-base/version."
	return fmt.Sprintf("-s -w -X %[1]sgitVersion=v%[2]s -X %[1]sgitMajor=%[3]s -X %[1]sgitMinor=%[4]s",
		pkg, b.version, part[0], part[1])
}

// goCommand runs go in the module, offers each line of stderr to taken, and puts the others into the error.
func (b *builder) goCommand(ctx context.Context, taken func(string) bool, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = b.module
	cmd.Env = append(hostEnv(), "CGO_ENABLED=0")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // go then ends its compilers
	cmd.WaitDelay = 10 * time.Second
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	rest := untaken(stderr, taken)
	if err := cmd.Wait(); err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", args[0], err, rest)
	}
	return stdout.String(), nil
}

func untaken(r io.Reader, taken func(string) bool) string {
	var rest strings.Builder
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		if line != "" && !taken(strings.TrimSpace(line)) {
			rest.WriteString(line)
		}
		if err != nil {
			return rest.String()
		}
	}
}

// hostEnv builds for this machine and from this module, whatever the caller builds for.
func hostEnv() []string {
	return append(os.Environ(), "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH, "GOWORK=off")
}

// Command mutations takes away one guard of the operator after another, in a copy of the last commit, and says which
// test then fails. It prints rows of the table in docs/reliability.md:
//
//	go run ./hack/mutations [-only words of a guard]
//
// A guard that no test misses makes it fail. It takes about 20 seconds per guard.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
)

// mutation takes one guard away by replacing text that a file has once.
type mutation struct {
	// guard is what holds, and removed what is taken away, both as the table says it.
	guard, removed string
	file           string
	old, mutated   string
}

func main() {
	only := flag.String("only", "", "only guards that have these words")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *only); err != nil {
		fmt.Fprintln(os.Stderr, "mutations:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, only string) (err error) {
	scratch, err := os.MkdirTemp("", "mutations-")
	if err != nil {
		return err
	}
	copied := filepath.Join(scratch, "copy")
	if err := command(ctx, ".", "git", "worktree", "add", "--detach", "--quiet", copied); err != nil {
		return errors.Join(err, os.RemoveAll(scratch))
	}
	defer func() {
		remove := command(context.WithoutCancel(ctx), ".", "git", "worktree", "remove", "--force", copied)
		err = errors.Join(err, remove, os.RemoveAll(scratch))
	}()
	for _, m := range mutations {
		if !strings.Contains(m.guard, only) {
			continue
		}
		failed, missed := m.try(ctx, copied)
		err = errors.Join(err, missed)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		fmt.Printf("| %s | %s | %s |\n", m.guard, m.removed, failed)
	}
	return err
}

// try returns the test that fails without the guard.
func (m mutation) try(ctx context.Context, copied string) (failed string, err error) {
	path := filepath.Join(copied, m.file)
	source, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	if n := bytes.Count(source, []byte(m.old)); n != 1 {
		return "", fmt.Errorf("%s: %s has the guard's text %d times", m.guard, m.file, n)
	}
	mutated := bytes.Replace(source, []byte(m.old), []byte(m.mutated), 1)
	if err := os.WriteFile(path, mutated, 0o600); err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.WriteFile(path, source, 0o600)) }()
	// The package's own tests first, then the simulation, which needs no control plane; what takes long comes last.
	own := "./" + filepath.Dir(m.file)
	runs := []struct{ tests, skip string }{{own, long}, {"./internal/simtest", long}, {"./internal/simtest", "^$"}}
	for _, run := range runs {
		out, err := output(ctx, copied, "go", "test", "-vet=off", "-failfast", "-skip="+run.skip, run.tests)
		if err == nil {
			continue
		}
		if found := failure.FindSubmatch(out); found != nil {
			return "`" + string(found[1]) + "`", nil
		}
		return "", fmt.Errorf("%s: no test failed, but:\n%s", m.guard, out)
	}
	return "none", fmt.Errorf("%s: no test fails without it", m.guard)
}

// long are the tests that take long.
const long = "^(TestCrashPointPairs|" +
	"TestVariants|TestVariantsWithoutMarks|TestADeposedProcessReturnsNothingIsLeftBehind)$"

// failure is the name of a test that failed.
var failure = regexp.MustCompile(`(?m)^\s*--- FAIL: ([^/ ]+) `)

func command(ctx context.Context, dir, name string, args ...string) error {
	if out, err := output(ctx, dir, name, args...); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

func output(ctx context.Context, dir, name string, args ...string) ([]byte, error) {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = dir
	return c.CombinedOutput()
}

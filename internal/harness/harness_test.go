package harness

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMissingProgramSaysHowToBuildIt(t *testing.T) {
	t.Setenv(binEnv, t.TempDir())
	_, err := Binary("manager")
	if err == nil || !strings.Contains(err.Error(), "make build") {
		t.Errorf("got %v", err)
	}
}

func TestProgramsAreInBinOfTheRepository(t *testing.T) {
	t.Setenv(binEnv, "")
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "PROJECT")); err != nil {
		t.Errorf("the root is not the repository: %v", err)
	}
	path, err := Binary("no-such-program")
	if err == nil || !strings.Contains(err.Error(), filepath.Join(root, "bin", "no-such-program")) {
		t.Errorf("got %s, %v", path, err)
	}
}

func TestMissingControlPlaneSaysWhereToGetOne(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		t.Setenv(assetsEnv, dir)
		_, err := StartControlPlane(t.TempDir())
		if err == nil || !strings.Contains(err.Error(), "hack/assets") {
			t.Errorf("with %q: got %v", dir, err)
		}
	}
}

func shell(t *testing.T, script string) *Process {
	t.Helper()
	p, err := StartProcess(filepath.Join(t.TempDir(), "output"), "/bin/sh", []string{"-c", script})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Kill() })
	return p
}

func awaitOutput(t *testing.T, p *Process, want string) {
	t.Helper()
	err := Until(t.Context(), "output", func(context.Context) error {
		if !strings.Contains(p.Output(), want) {
			return errors.New("not yet")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestProcessStopsByItself(t *testing.T) {
	p := shell(t, `trap 'echo tidy; exit 0' TERM; echo up; while :; do sleep 0.05; done`)
	awaitOutput(t, p, "up")
	if err := p.Ended(); err != nil {
		t.Fatal(err)
	}
	if err := p.Stop(); err != nil {
		t.Fatal(err)
	}
	awaitOutput(t, p, "tidy")
	if err := p.Stop(); err != nil {
		t.Errorf("a second Stop: %v", err)
	}
}

func TestKillGivesNoTimeForAnything(t *testing.T) {
	p := shell(t, `trap 'echo tidy' TERM INT EXIT; echo up; while :; do sleep 0.05; done`)
	awaitOutput(t, p, "up")
	if err := p.Pause(); err != nil {
		t.Fatal(err)
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(p.Output(), "tidy") {
		t.Error("it had time")
	}
}

func TestEndedProcessTellsItsLastWords(t *testing.T) {
	p := shell(t, `echo out of luck; exit 3`)
	<-p.Done()
	if err := p.Ended(); err == nil || !strings.Contains(err.Error(), "exit status 3") ||
		!strings.Contains(err.Error(), "out of luck") {
		t.Errorf("got %v", err)
	}
}

func TestUntilEndsAtOnceWhenWaitingIsOfNoUse(t *testing.T) {
	broken := errors.New("broken")
	err := Until(t.Context(), "it works", func(context.Context) error { return Final(broken) })
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "it works") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = Until(ctx, "it works", func(context.Context) error { return broken })
	if !errors.Is(err, broken) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

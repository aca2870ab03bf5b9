package harness

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
)

// Suite is what the tests of a package share.
type Suite struct {
	// Name of the package, for its folder.
	Name string
	// Parallel is how many tests run at the same time, as -test.parallel has it; "" leaves that to Go. They wait more than
	// they work, so there may be more of them than processors.
	Parallel string
	// Install are the folders of config that are installed on the shared control plane; nil is the one users install.
	Install []string
	// Start starts what the tests need beside the shared control plane, on which Install is installed. What it has started
	// must be ended by End. Without a Start, the tests share no control plane.
	Start func(context.Context, *ControlPlane) error
	// End is called after the tests, and after a failed Start; nil when there is nothing to end.
	End func() error
}

// Main runs the tests of a package, as its TestMain, and ends the process with their exit code, or with 1 when the
// suite cannot start or end. What the programs wrote is kept when the code is not 0.
func Main(m interface{ Run() int }, s Suite) {
	if !flag.Parsed() {
		flag.Parse()
	}
	os.Exit(s.run(m))
}

func (s Suite) run(m interface{ Run() int }) (code int) {
	Quiet()
	if s.Parallel != "" {
		if err := flag.Set("test.parallel", s.Parallel); err != nil {
			return failed(fmt.Errorf("set the number of parallel tests: %w", err))
		}
	}
	if s.Start == nil {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "itwin-"+s.Name+"-")
	if err != nil {
		return failed(err)
	}
	defer func() {
		if code != 0 {
			fmt.Fprintln(os.Stderr, "what the programs wrote is in", dir)
			return
		}
		_ = os.RemoveAll(dir)
	}()
	plane, err := StartControlPlane(dir)
	if err != nil {
		return failed(err)
	}
	defer func() {
		if err := errors.Join(s.end(), plane.Stop()); err != nil {
			code = failed(err)
		}
	}()
	if err := s.start(plane); err != nil {
		return failed(err)
	}
	return m.Run()
}

func (s Suite) start(plane *ControlPlane) error {
	ctx := context.Background()
	install := plane.Install
	if s.Install != nil {
		install = func(ctx context.Context) error { return plane.InstallFrom(ctx, s.Install...) }
	}
	if err := install(ctx); err != nil {
		return fmt.Errorf("install: %w", err)
	}
	return s.Start(ctx, plane)
}

func (s Suite) end() error {
	if s.End == nil {
		return nil
	}
	return s.End()
}

func failed(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

package harness

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
)

// Suite is what the tests of a package share: a control plane on which the operator is installed.
type Suite struct {
	// Name of the package, for its folder.
	Name string
	// Parallel is how many tests run at the same time, as -test.parallel has it; "" leaves that to Go. They wait more than
	// they work, so there may be more of them than processors.
	Parallel string
	// Start starts what the tests need beside the control plane. What it has started must be ended by End.
	Start func(context.Context, *ControlPlane) error
	// End is called after the tests, and after a failed Start; nil when there is nothing to end.
	End func() error
}

// Run runs the tests and returns the exit code of the process. What the programs wrote is kept when it is not 0.
func (s Suite) Run(m interface{ Run() int }) (code int) {
	Quiet()
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
	if err := plane.Install(ctx); err != nil {
		return fmt.Errorf("install: %w", err)
	}
	if s.Parallel != "" {
		if err := flag.Set("test.parallel", s.Parallel); err != nil {
			return fmt.Errorf("set the number of parallel tests: %w", err)
		}
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

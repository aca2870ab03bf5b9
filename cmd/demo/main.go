// Command demo shows the product at work: a control plane, the simulated platform, the operator and a receiver of
// events, all on this machine. `make demo` runs it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"webhook-operator.io/itwin/internal/buildinfo"
	"webhook-operator.io/itwin/internal/harness"
)

// version and revision are stamped by the build.
var version, revision = "dev", ""

func main() {
	if told := tellVersion(flag.CommandLine, os.Args[1:], os.Stdout); told {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second Ctrl-C does not wait for the cleanup.
	context.AfterFunc(ctx, stop)
	defer stop()
	harness.Quiet()
	if err := run(ctx, settingsFrom(os.Getenv), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "\ndemo:", err)
		os.Exit(1)
	}
}

// tellVersion prints the version if the arguments ask for it, which is all that they can ask for.
func tellVersion(flags *flag.FlagSet, args []string, out io.Writer) (told bool) {
	flags.BoolVar(&told, "version", false, "Print the version and end.")
	if err := flags.Parse(args); err != nil || !told {
		return false
	}
	_, _ = fmt.Fprintln(out, buildinfo.Of(version, revision).Line("itwin-demo"))
	return true
}

// errInterrupted is the end of a story that was not told to its end.
var errInterrupted = errors.New("interrupted")

// run tells the story, and unless it is to be told only once, keeps everything up until the context ends.
func run(ctx context.Context, s settings, out io.Writer) (err error) {
	d, err := newDemo(s, out)
	if err != nil {
		return err
	}
	defer func() { err = d.close(err) }()
	if err = d.start(ctx); err == nil {
		err = d.tell(ctx)
	}
	if err != nil && ctx.Err() != nil {
		return errInterrupted
	}
	if err != nil {
		return err
	}
	if s.once {
		return nil
	}
	d.handOver()
	return d.stay(ctx)
}

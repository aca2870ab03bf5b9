// Package cli is the command line of kubectl-itwin: its root command, its completion, and how it ends.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"

	"webhook-operator.io/itwin/internal/buildinfo"
	"webhook-operator.io/itwin/internal/cli/env"
	"webhook-operator.io/itwin/internal/cli/problem"
)

// Program is the name of the binary, which kubectl finds as the plugin "itwin".
const Program = "kubectl-itwin"

// grace is how long a command may take to end after Ctrl-C.
const grace = time.Second

// Run runs one command line and returns the exit code: 0, or 1 with one line on ErrOut that says what failed and what
// to do. It returns soon after ctx is done, also while a command is in a call that takes no context: reading standard
// input, or discovery at an API server that does not answer. The program has to exit then.
func Run(ctx context.Context, args []string, streams genericiooptions.IOStreams, build buildinfo.Info) int {
	ended := make(chan int, 1)
	go func() { ended <- execute(ctx, args, streams, build) }()
	select {
	case code := <-ended:
		return code
	case <-ctx.Done():
	}
	select {
	case code := <-ended:
		return code
	case <-time.After(grace):
		fmt.Fprintf(streams.ErrOut, "error: %s\n", problem.Interrupted())
		return 1
	}
}

// execute runs one command line to its end.
func execute(ctx context.Context, args []string, streams genericiooptions.IOStreams, build buildinfo.Info) int {
	// The libraries log what they return as an error, too.
	klog.SetOutput(io.Discard)
	klog.LogToStderr(false)
	ctrl.SetLogger(logr.Discard())
	root := NewCommand(env.New(streams, build))
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if _, explained := errors.AsType[*problem.Error](err); ctx.Err() != nil && !explained {
		err = problem.Interrupted()
	}
	for _, line := range problem.Lines(err) {
		fmt.Fprintf(streams.ErrOut, "error: %s\n", line)
	}
	return 1
}

// NewCommand returns the root command.
func NewCommand(e *env.Env) *cobra.Command {
	root := &cobra.Command{
		Use:   Program,
		Short: "Look after the webhooks of the iTwin Platform that this cluster manages",
		Long: "Look after the webhooks of the iTwin Platform that this cluster manages.\n\n" +
			"Exit codes: 0 for success, 1 for an error or a check that fails.",
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl itwin"},
		Version:       e.Build.Version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          unknownCommand,
		RunE:          func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	root.SetVersionTemplate(e.Build.Line(Program) + "\n")
	root.SetIn(e.In)
	root.SetOut(e.Out)
	root.SetErr(e.ErrOut)
	root.SetFlagErrorFunc(func(command *cobra.Command, err error) error {
		return problem.New(err.Error(), fmt.Sprintf("see %q", command.CommandPath()+" --help"))
	})
	e.Flags.AddFlags(root.PersistentFlags())
	completeFlags(root, e)
	addCommands(root, e)
	addCompletion(root)
	return root
}

// unknownCommand refuses an argument of the root command: it is a command that does not exist.
func unknownCommand(command *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return problem.New(fmt.Sprintf("unknown command %q", args[0]), fmt.Sprintf("see %q", command.CommandPath()+" --help"))
}

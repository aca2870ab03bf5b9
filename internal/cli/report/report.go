// Package report is the command `kubectl itwin report`: a bundle for an issue, without secrets.
package report

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"webhook-operator.io/itwin/internal/cli/env"
	"webhook-operator.io/itwin/internal/cli/operator"
	"webhook-operator.io/itwin/internal/cli/problem"
)

type options struct {
	allNamespaces     bool
	operatorNamespace string
	file              string
}

// NewCommand returns the command.
func NewCommand(e *env.Env) *cobra.Command {
	o := &options{}
	command := &cobra.Command{
		Use:   "report",
		Short: "Write a bundle of what an issue needs, without secrets",
		Long: "Write a .tar.gz with the Webhooks and connections, their conditions and Events, the operator's Deployment,\n" +
			"Pods and leases, versions, what check finds, and the operator's metrics where they can be reached. No Secret\n" +
			"is read. Of callbacks only the host is shown; values of annotations and environment variables, and what looks\n" +
			"like a credential, are left out. Look through it before you attach it to an issue.",
		Example: "  kubectl itwin report\n  kubectl itwin report -A -o report.tar.gz\n" +
			"  kubectl itwin report -o - | tar -tz",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(command *cobra.Command, _ []string) error {
			return o.run(command.Context(), e)
		},
	}
	flags := command.Flags()
	flags.BoolVarP(&o.allNamespaces, "all-namespaces", "A", false, "The objects of all namespaces.")
	flags.StringVar(&o.operatorNamespace, "operator-namespace", operator.DefaultNamespace,
		"Where to look for the operator, if you may not look in all namespaces.")
	flags.StringVarP(&o.file, "output", "o", "", "The file to write, which must not exist yet; - is standard output. "+
		"(default itwin-report-<time>.tar.gz)")
	return command
}

func (o *options) run(ctx context.Context, e *env.Env) error {
	c, err := o.collector(e)
	if err != nil {
		return err
	}
	out, name, err := o.open(e)
	if err != nil {
		return err
	}
	err = errors.Join(c.write(ctx, out), out.Close())
	if err != nil {
		if name != "" {
			_ = os.Remove(name)
		}
		return err
	}
	for _, left := range c.left {
		fmt.Fprintf(e.ErrOut, "Left out: %s\n", left)
	}
	if name == "" {
		return nil
	}
	fmt.Fprintf(e.Out, "Wrote %s: %s.\n", name, c.summary())
	fmt.Fprintln(e.ErrOut, "Look through it before you attach it to an issue.")
	return nil
}

// open opens the file to write, and returns its name; "" is standard output.
func (o *options) open(e *env.Env) (out io.WriteCloser, name string, err error) {
	if o.file == "-" {
		return keepOpen{e.Out}, "", nil
	}
	name = o.file
	if name == "" {
		name = "itwin-report-" + e.Now().UTC().Format("20060102-150405") + ".tar.gz"
	}
	out, err = os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the user says where
	if errors.Is(err, fs.ErrExist) {
		return nil, "", problem.New(fmt.Sprintf("%s exists", name), "name another file by --output")
	}
	return out, name, err
}

// keepOpen is standard output, which is not closed.
type keepOpen struct{ io.Writer }

func (keepOpen) Close() error { return nil }

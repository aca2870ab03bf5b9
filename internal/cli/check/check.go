// Package check is the command `kubectl itwin check`: whether a cluster has what Webhooks need.
package check

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"webhook-operator.io/itwin/internal/cli/env"
	"webhook-operator.io/itwin/internal/cli/operator"
	"webhook-operator.io/itwin/internal/cli/output"
	"webhook-operator.io/itwin/internal/cli/problem"
)

// Result is what a check found.
type Result string

// The results. Only a problem makes the command fail.
const (
	OK      Result = "ok"
	Warning Result = "warning"
	Problem Result = "problem"
)

// Finding is one line. Its JSON is documented in docs/cli.md: fields are added, and none is renamed.
type Finding struct {
	// Check is what was looked at, such as "kinds" or "connection/default".
	Check     string `json:"check"`
	Namespace string `json:"namespace,omitempty"`
	Result    Result `json:"result"`
	Message   string `json:"message"`
	// NextStep is what to do, unless the result is ok.
	NextStep string `json:"nextStep,omitempty"`
	// Commands are those of the next step.
	Commands []string `json:"commands,omitempty"`
}

type options struct {
	allNamespaces     bool
	operatorNamespace string
	format            output.Format
}

// NewCommand returns the command.
func NewCommand(e *env.Env) *cobra.Command {
	o := &options{}
	command := &cobra.Command{
		Use:   "check",
		Short: "Check that the cluster has what Webhooks need",
		Long: "Check that the kinds are installed and as new as this program, that the operator runs and leads, that\n" +
			"you may read what is needed, and that the connections are ready and can be reached from here. The exit\n" +
			"code is 1 when a check finds a problem.",
		Example:           "  kubectl itwin check\n  kubectl itwin check -A -o json",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(command *cobra.Command, _ []string) error {
			return o.run(command.Context(), e)
		},
	}
	command.Flags().BoolVarP(&o.allNamespaces, "all-namespaces", "A", false, "Check the Connections of all namespaces.")
	command.Flags().StringVar(&o.operatorNamespace, "operator-namespace", operator.DefaultNamespace,
		"Where to look for the operator, if you may not look in all namespaces.")
	output.AddFlag(command, &o.format, output.Table, output.JSON, output.YAML)
	return command
}

// checker runs the checks and writes what they find.
type checker struct {
	*options
	env       *env.Env
	client    client.Client
	clientset *kubernetes.Clientset
	namespace string

	// unread is whether connections may be there that the user may not list.
	unread bool

	write  func(Finding) error
	count  int
	failed int
}

// Collect runs the checks and returns what they find.
func Collect(ctx context.Context, e *env.Env, allNamespaces bool, operatorNamespace string) ([]Finding, error) {
	o := &options{allNamespaces: allNamespaces, operatorNamespace: operatorNamespace}
	c, err := o.checker(e)
	if err != nil {
		return nil, err
	}
	var findings []Finding
	c.write = func(f Finding) error {
		findings = append(findings, f)
		return nil
	}
	return findings, c.all(ctx)
}

func (o *options) checker(e *env.Env) (c *checker, err error) {
	c = &checker{options: o, env: e}
	if c.namespace, err = e.Namespace(); err != nil {
		return nil, err
	}
	if c.client, err = e.Client(); err != nil {
		return nil, err
	}
	c.clientset, err = e.Clientset()
	return c, err
}

func (o *options) run(ctx context.Context, e *env.Env) error {
	c, err := o.checker(e)
	if err != nil {
		return err
	}
	end := c.writer()
	if err := c.all(ctx); err != nil {
		return err
	}
	if err := end(); err != nil {
		return err
	}
	if c.failed > 0 {
		return problem.Newf("%d of %d checks found a problem", c.failed, c.count)
	}
	return nil
}

// all runs the checks in an order in which the first problem is the one to solve first.
func (c *checker) all(ctx context.Context) error {
	now, err := c.apiServer(ctx)
	if err != nil {
		return err
	}
	installed, err := c.kinds(ctx)
	if err != nil {
		return err
	}
	if err := c.operator(ctx, now); err != nil {
		return err
	}
	if !installed {
		return nil // nothing else can be looked at
	}
	if err := c.rights(ctx); err != nil {
		return err
	}
	return c.connections(ctx)
}

// writer sets write, and returns what ends the output.
func (c *checker) writer() (end func() error) {
	if c.format != output.Table {
		items := output.NewItems(c.env.Out, c.format)
		c.write = func(f Finding) error { return items.Add(f) }
		return items.Close
	}
	rows := output.NewRows(c.env.Out, "RESULT", "CHECK", "MESSAGE", "NEXT STEP")
	c.write = func(f Finding) error {
		name := f.Check
		if f.Namespace != "" {
			name = f.Namespace + "/" + name
		}
		return rows.Add(string(f.Result), name, f.Message, f.NextStep)
	}
	return rows.Flush
}

// found counts and writes a finding.
func (c *checker) found(f Finding) error {
	c.count++
	if f.Result == Problem {
		c.failed++
	}
	return c.write(f)
}

func (c *checker) ok(check, format string, args ...any) error {
	return c.found(Finding{Check: check, Result: OK, Message: fmt.Sprintf(format, args...)})
}

// Package request is the commands that ask the operator for something about Webhooks: reactivate, reconcile and rotate.
// Each sets an annotation, and can wait until the status echoes it.
package request

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/cli/env"
	"webhook-operator.io/itwin/internal/cli/problem"
	"webhook-operator.io/itwin/internal/cli/selection"
)

// defaultTimeout is how long --wait waits.
const defaultTimeout = 2 * time.Minute

// kind is what is asked for.
type kind struct {
	// verb and done describe it: "reactivate", "reactivation requested".
	verb, done string
	// writes is true where the remote webhook is updated for it, which replaces a signing secret that is not known.
	writes     bool
	annotation string
	// field of the status that echoes the annotation, and its value.
	field   string
	handled func(*itwinv1alpha1.Webhook) string
	// refuses returns why it cannot be asked of a Webhook; nil if it can.
	refuses func(*itwinv1alpha1.Webhook) *problem.Error
	// needless returns why there is nothing to ask for; "" if there is.
	needless func(*itwinv1alpha1.Webhook) string
	// outcome says what came of it, once it was handled.
	outcome func(*itwinv1alpha1.Webhook) (text string, good bool)
	// after is what else to say of a good outcome; nil for nothing.
	after func(context.Context, client.Reader, *itwinv1alpha1.Webhook) string
}

// options are the flags.
type options struct {
	selection.Flags
	all, yes, wait, dryRun bool
	timeout                time.Duration
}

// NewReactivateCommand returns `kubectl itwin reactivate`.
func NewReactivateCommand(e *env.Env) *cobra.Command {
	command := newCommand(e, reactivation, "all-deactivated", "All Webhooks that were turned off on the platform.")
	command.Use = "reactivate (NAME... | --all-deactivated)"
	command.Short = "Turn on Webhooks that were turned off on the platform"
	command.Long = "Turn on Webhooks that were turned off on the platform, after failed deliveries or by another\n" +
		"client. Fix the receiver first: a webhook whose events cannot be delivered is turned off again.\n" +
		"One that was imported, and whose signing secret is unknown, gets another secret with it: its receivers\n" +
		"refuse all events until they have that one. The command asks first; see docs/cli.md."
	command.Example = "  kubectl itwin reactivate model-events --wait\n" +
		"  kubectl itwin reactivate --all-deactivated -A --wait --timeout 10m"
	return command
}

// NewReconcileCommand returns `kubectl itwin reconcile`.
func NewReconcileCommand(e *env.Env) *cobra.Command {
	command := newCommand(e, reconciliation, "all", "All Webhooks.")
	command.Use = "reconcile (NAME... | --all)"
	command.Short = "Compare Webhooks with the platform now"
	command.Long = "Compare Webhooks with the platform now, and send again what the platform refused."
	command.Example = "  kubectl itwin reconcile model-events --wait"
	return command
}

// NewRotateCommand returns `kubectl itwin rotate`.
func NewRotateCommand(e *env.Env) *cobra.Command {
	command := newCommand(e, rotation, "all", "All Webhooks whose signing secret the operator generates.")
	command.Use = "rotate (NAME... | --all)"
	command.Short = "Give generated signing secrets a new value"
	command.Long = "Give the signing secrets that the operator generates a new value, and tell the platform. The value\n" +
		"before is kept in the Secret under the key \"previous\": let receivers accept both until they have the\n" +
		"new one. That of an imported webhook is unknown, so it is not kept: the command asks first."
	command.Example = "  kubectl itwin rotate model-events --wait"
	return command
}

func newCommand(e *env.Env, k *kind, all, allUsage string) *cobra.Command {
	o := &options{}
	command := &cobra.Command{
		ValidArgsFunction: e.CompleteWebhooks,
		RunE: func(command *cobra.Command, names []string) error {
			return o.run(command.Context(), e, k, all, names)
		},
	}
	o.Add(command)
	flags := command.Flags()
	flags.BoolVar(&o.all, all, false, allUsage)
	flags.BoolVarP(&o.yes, "yes", "y", false, "Ask no questions.")
	flags.BoolVar(&o.wait, "wait", false, "Wait until the operator has done it, and tell the outcome.")
	flags.DurationVar(&o.timeout, "timeout", defaultTimeout, "How long to wait.")
	flags.BoolVar(&o.dryRun, "dry-run", false, "Only let the API server check the request.")
	return command
}

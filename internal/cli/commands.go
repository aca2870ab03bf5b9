package cli

import (
	"github.com/spf13/cobra"

	"webhook-operator.io/itwin/internal/cli/check"
	"webhook-operator.io/itwin/internal/cli/delivery"
	"webhook-operator.io/itwin/internal/cli/env"
	"webhook-operator.io/itwin/internal/cli/export"
	"webhook-operator.io/itwin/internal/cli/report"
	"webhook-operator.io/itwin/internal/cli/request"
	"webhook-operator.io/itwin/internal/cli/status"
	"webhook-operator.io/itwin/internal/cli/verify"
)

// commands are those of the root command, each made by a package of its own.
var commands = []func(*env.Env) *cobra.Command{
	check.NewCommand,
	report.NewCommand,
	status.NewCommand,
	request.NewReactivateCommand,
	request.NewReconcileCommand,
	request.NewRotateCommand,
	export.NewCommand,
	delivery.NewCommand,
	verify.NewCommand,
}

// addCommands adds the commands to the root.
func addCommands(root *cobra.Command, e *env.Env) {
	for _, command := range commands {
		root.AddCommand(command(e))
	}
}

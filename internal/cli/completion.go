package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"webhook-operator.io/itwin/internal/cli/env"
)

// kubectlScript is what kubectl runs to complete the arguments of a plugin, if it is on PATH as kubectl_complete-itwin.
const kubectlScript = `#!/bin/sh
# kubectl runs this script to complete the arguments of "kubectl itwin".
exec kubectl itwin __complete "$@"
`

// addCompletion adds the command completion: the scripts of the shells, and that for kubectl.
func addCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	completion, _, err := root.Find([]string{"completion"})
	if err != nil || completion == root {
		return // without commands there is nothing to complete
	}
	completion.Args = unknownCommand
	completion.RunE = func(command *cobra.Command, _ []string) error { return command.Help() }
	completion.AddCommand(&cobra.Command{
		Use:   "kubectl",
		Short: "Write the script that kubectl completes this plugin by",
		Long: "Write the script by which kubectl completes the arguments of this plugin. It works in every shell in which\n" +
			"kubectl itself is completed, and must be executable, on PATH, and named kubectl_complete-itwin.",
		Example: "  kubectl itwin completion kubectl > /usr/local/bin/kubectl_complete-itwin\n" +
			"  chmod +x /usr/local/bin/kubectl_complete-itwin",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(command *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(command.OutOrStdout(), kubectlScript)
			return err
		},
	})
}

// completeFlags completes the flags that all commands have.
func completeFlags(root *cobra.Command, e *env.Env) {
	_ = root.RegisterFlagCompletionFunc("namespace", e.CompleteNamespaces)
	_ = root.RegisterFlagCompletionFunc("context", e.CompleteContexts)
}

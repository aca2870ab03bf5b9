package cli

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"webhook-operator.io/itwin/internal/buildinfo"
	"webhook-operator.io/itwin/internal/cli/env"
)

// A flag of a command with the name of one that all commands have would hide it: what is meant for the callback would
// no longer be said to the API server.
func TestNoFlagOfACommandHidesOneOfAllCommands(t *testing.T) {
	g := NewWithT(t)
	root := NewCommand(env.New(genericiooptions.NewTestIOStreamsDiscard(), buildinfo.Of("0.2.0", "")))
	names, shorthands := map[string]bool{}, map[string]bool{}
	root.PersistentFlags().VisitAll(func(f *pflag.Flag) {
		names[f.Name] = true
		if f.Shorthand != "" {
			shorthands[f.Shorthand] = true
		}
	})
	g.Expect(names).To(HaveKey("insecure-skip-tls-verify"))
	seen := 0
	each(root, func(c *cobra.Command) {
		if c == root {
			return
		}
		c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			seen++
			g.Expect(names).NotTo(HaveKey(f.Name), c.CommandPath())
			g.Expect(shorthands).NotTo(HaveKey(f.Shorthand), c.CommandPath())
		})
	})
	g.Expect(seen).To(BeNumerically(">", len(commands)))
	code, _, problems := run(t, "test", "model-events", "--insecure-callback", "--insecure-skip-tls-verify")
	g.Expect(code).To(Equal(1))
	g.Expect(strings.TrimSpace(problems)).To(HavePrefix("error: no cluster is configured"))
}

// each visits a command and those below it.
func each(c *cobra.Command, visit func(*cobra.Command)) {
	visit(c)
	for _, below := range c.Commands() {
		each(below, visit)
	}
}

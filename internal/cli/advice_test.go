package cli

import (
	"io"
	"os"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"webhook-operator.io/itwin/internal/advice"
	"webhook-operator.io/itwin/internal/buildinfo"
	"webhook-operator.io/itwin/internal/cli/env"
)

// TestAdvisedCommandsExist parses every command of ours that a reason advises.
func TestAdvisedCommandsExist(t *testing.T) {
	g := NewWithT(t)
	subject := advice.Subject{Namespace: "digital-twin", Name: "model-events", Connection: "connection/default"}
	count := 0
	for _, a := range advice.All() {
		for _, command := range a.Commands {
			words, ours := strings.CutPrefix(subject.For(command), "kubectl itwin ")
			if !ours {
				continue
			}
			count++
			root := NewCommand(env.New(genericiooptions.IOStreams{
				In: strings.NewReader(""), Out: io.Discard, ErrOut: io.Discard,
			}, buildinfo.Of("", "")))
			found, args, err := root.Find(strings.Fields(words))
			g.Expect(err).NotTo(HaveOccurred(), command)
			g.Expect(found).NotTo(Equal(root), command)
			g.Expect(found.ParseFlags(args)).To(Succeed(), command)
		}
	}
	g.Expect(count).To(BeNumerically(">", 5))
}

func TestEveryCommandHasHelpCompletionAndItsPlaceOnThePage(t *testing.T) {
	g := NewWithT(t)
	page, err := os.ReadFile("../../docs/cli.md")
	g.Expect(err).NotTo(HaveOccurred())
	root := NewCommand(env.New(genericiooptions.NewTestIOStreamsDiscard(), buildinfo.Of("", "")))
	for _, command := range root.Commands() {
		if command.Name() == "completion" || command.Name() == "help" {
			continue
		}
		g.Expect(string(page)).To(ContainSubstring("| [`"+command.Name()+"`](#"), "docs/cli.md")
		g.Expect(command.Short).NotTo(BeEmpty(), command.Name())
		g.Expect(command.Long).NotTo(BeEmpty(), command.Name())
		g.Expect(command.Example).To(HavePrefix("  "), command.Name())
		g.Expect(command.ValidArgsFunction).NotTo(BeNil(), command.Name())
	}
}

package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// TestKubectlCompletesThePlugin asks kubectl as a shell does.
func TestKubectlCompletesThePlugin(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for _, name := range []string{"model-events", "model-changes"} {
		s.Create(s.webhook(name))
	}
	folder := t.TempDir()
	script := s.succeeds(s.itwin("completion", "kubectl"))
	s.Must(os.WriteFile(filepath.Join(folder, "kubectl_complete-itwin"), []byte(script), 0o700))
	complete := func(args ...string) []string {
		command := s.command(plane.KubectlPath, append([]string{"__complete", "itwin"}, args...)...)
		for i, variable := range command.Env {
			if path, found := strings.CutPrefix(variable, "PATH="); found {
				command.Env[i] = "PATH=" + folder + ":" + path
			}
		}
		lines := strings.Split(strings.TrimSpace(s.succeeds(s.run(command))), "\n")
		return lines[:len(lines)-1] // the last one is a directive
	}
	namespace := "--namespace=" + s.Namespace
	s.Expect(complete("status", namespace, "")).To(ConsistOf("model-events", "model-changes"))
	s.Expect(complete("status", namespace, "model-events", "")).To(ConsistOf("model-changes"))
	s.Expect(complete("reactivate", namespace, "")).To(ContainElement("model-events"))
	s.Expect(complete("stat")).To(ConsistOf(HavePrefix("status")))
	s.Expect(complete("status", "-o", "")).To(ConsistOf("table", "wide", "json", "yaml", "name"))
	s.Expect(complete("status", "-n", "")).To(ContainElements("default", s.Namespace))
}

func TestShellsHaveCompletions(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for _, shell := range []string{"bash", "zsh", "fish"} {
		s.Expect(s.succeeds(s.itwin("completion", shell))).To(ContainSubstring("kubectl-itwin"))
	}
}

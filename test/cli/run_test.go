package cli

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/harness"
)

// ended is how a program ended.
type ended struct {
	code          int
	out, problems string
}

// environment finds the plugin on PATH, and a cluster by a kubeconfig.
func (s *scene) environment(kubeconfig string) []string {
	s.Helper()
	path, err := harness.Binary("kubectl-itwin")
	s.Must(err)
	folders := filepath.Dir(path) + ":" + filepath.Dir(plane.KubectlPath) + ":" + os.Getenv("PATH")
	return append(os.Environ(), "KUBECONFIG="+kubeconfig, "PATH="+folders, "KUBECACHEDIR="+s.TempDir())
}

// command prepares a program as an administrator's, in the scene's namespace.
func (s *scene) command(program string, args ...string) *exec.Cmd {
	s.Helper()
	command := exec.CommandContext(s.Ctx, program, args...)
	command.Env = s.environment(plane.Kubeconfig)
	return command
}

// itwin runs the plugin in the scene's namespace.
func (s *scene) itwin(args ...string) ended {
	s.Helper()
	path, err := harness.Binary("kubectl-itwin")
	s.Must(err)
	return s.run(s.command(path, append(args, "--namespace="+s.Namespace)...))
}

// kubectl runs kubectl, which finds the plugin on PATH, in the scene's namespace.
func (s *scene) kubectl(args ...string) ended {
	s.Helper()
	return s.run(s.command(plane.KubectlPath, append(args, "--namespace="+s.Namespace)...))
}

// run waits for a program. That it cannot be started fails the test.
func (s *scene) run(command *exec.Cmd) ended {
	s.Helper()
	var out, problems bytes.Buffer
	command.Stdout, command.Stderr = &out, &problems
	err := command.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); !exited {
		s.Must(err)
	}
	return ended{code: command.ProcessState.ExitCode(), out: out.String(), problems: problems.String()}
}

// succeeds expects exit code 0, and returns what was printed.
func (s *scene) succeeds(e ended) string {
	s.Helper()
	s.Expect(e.code).To(BeZero(), e.out+e.problems)
	return e.out
}

// fails expects exit code 1 with one line, which it returns.
func (s *scene) fails(e ended) string {
	s.Helper()
	s.Expect(e.code).To(Equal(1), e.out+e.problems)
	s.Expect(e.problems).To(MatchRegexp(`^error: [^\n]+\n$`))
	return strings.TrimSpace(e.problems)
}

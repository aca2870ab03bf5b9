package cli

import (
	"net"
	"os/exec"
	"syscall"
	"testing"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/harness"
)

// ctrlC is what a terminal makes an interrupt of.
const ctrlC = "\x03"

// TestCtrlCAtATerminalEndsWhatWaits has programs that wait in calls which take no context: for an API server that never
// answers, for standard input, and for the answer to a question.
func TestCtrlCAtATerminalEndsWhatWaits(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.Create(s.webhook("a"))
	silent, connected := s.silentServer()
	waiting := func(text string) func(*buffer) {
		return func(problems *buffer) { s.Eventually(problems.String).Should(ContainSubstring(text)) }
	}
	for _, c := range []struct {
		args []string
		wait func(*buffer)
	}{
		{[]string{"status", "--server=" + silent}, func(*buffer) { s.Eventually(connected).Should(Receive()) }},
		{[]string{"verify-signature", "--signature=sha256=00", "--secret=short"}, waiting("Reading the body")},
		{[]string{"reconcile", "--all"}, waiting("? [y/N] ")},
	} {
		person, terminal := s.terminal()
		command, problems := s.command(s.plugin(), append(c.args, "--namespace="+s.Namespace)...), &buffer{}
		command.Stdin, command.Stderr = terminal, problems
		command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
		s.Must(command.Start())
		c.wait(problems)
		_, err := person.WriteString(ctrlC)
		s.Must(err)
		s.Eventually(ending(command)).Should(Receive(Equal(1)), c.args[0])
		s.Expect(problems.String()).To(HaveSuffix("error: interrupted\n"), c.args[0])
	}
	s.Expect(s.read("a").Annotations).To(BeEmpty())
}

// ending receives the exit code of a program.
func ending(command *exec.Cmd) chan int {
	code := make(chan int, 1)
	go func() {
		_ = command.Wait()
		code <- command.ProcessState.ExitCode()
	}()
	return code
}

// plugin is the path of the program.
func (s *scene) plugin() string {
	s.Helper()
	path, err := harness.Binary("kubectl-itwin")
	s.Must(err)
	return path
}

// silentServer accepts connections and never answers.
func (s *scene) silentServer() (url string, connected chan struct{}) {
	s.Helper()
	listener, err := new(net.ListenConfig).Listen(s.Ctx, "tcp", "127.0.0.1:0")
	s.Must(err)
	s.Cleanup(func() { _ = listener.Close() })
	connected = make(chan struct{}, 1)
	go func() {
		if connection, err := listener.Accept(); err == nil {
			connected <- struct{}{}
			<-s.Ctx.Done()
			_ = connection.Close()
		}
	}()
	return "http://" + listener.Addr().String(), connected
}

package cli

import (
	"bytes"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"webhook-operator.io/itwin/internal/harness"
)

// onTerminal runs the plugin with a terminal as its input, on which a person answers.
func (s *scene) onTerminal(answer string, args ...string) ended {
	s.Helper()
	path, err := harness.Binary("kubectl-itwin")
	s.Must(err)
	person, terminal := s.terminal()
	command := s.command(path, append(args, "--namespace="+s.Namespace)...)
	command.Stdin = terminal
	_, err = person.WriteString(answer)
	s.Must(err)
	return s.run(command)
}

// terminal opens a pair of pseudo terminals.
func (s *scene) terminal() (person, terminal *os.File) {
	s.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	s.Must(err)
	s.Cleanup(func() { _ = person.Close() })
	number, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	s.Must(err)
	s.Must(unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0))
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	s.Must(err)
	s.Cleanup(func() { _ = terminal.Close() })
	return person, terminal
}

// buffer is what a running program has written so far.
type buffer struct {
	mu   sync.Mutex
	data bytes.Buffer
}

func (b *buffer) Write(data []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.Write(data)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.String()
}

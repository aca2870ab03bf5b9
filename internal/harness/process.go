package harness

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// stopPatience is how long a process may take to end by itself before it is killed.
const stopPatience = 30 * time.Second

// Process is a program that was started, in a group of its own: a Ctrl-C at the terminal does not reach it.
type Process struct {
	name   string
	cmd    *exec.Cmd
	output *os.File
	done   chan struct{}
	err    error
}

// StartProcess runs a program with its output in a new file.
func StartProcess(output, path string, args []string, env ...string) (*Process, error) {
	file, err := os.Create(output) //nolint:gosec // the caller says where
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(path, args...) //nolint:gosec,noctx // the caller says what; it ends by Stop or Kill
	cmd.Stdout, cmd.Stderr = file, file
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", path, err), file.Close())
	}
	p := &Process{name: cmd.Args[0], cmd: cmd, output: file, done: make(chan struct{})}
	go func() {
		p.err = errors.Join(cmd.Wait(), file.Close())
		close(p.done)
	}()
	return p, nil
}

// Pid is the id of the process.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// OutputPath is the file with what the process wrote.
func (p *Process) OutputPath() string { return p.output.Name() }

// Output is what the process has written so far.
func (p *Process) Output() string {
	data, err := os.ReadFile(p.output.Name())
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// Ended is an error once the process has ended, with the last lines that it wrote.
func (p *Process) Ended() error {
	select {
	case <-p.done:
		return fmt.Errorf("%s has ended (%w); the end of its output:\n%s", p.name, p.exit(), tail(p.Output(), 15))
	default:
		return nil
	}
}

var errEndedWell = errors.New("exit status 0")

func (p *Process) exit() error {
	if p.err == nil {
		return errEndedWell
	}
	return p.err
}

// Stop asks the process to end, waits for it, and kills it if it does not. An end by itself, or by Kill, is no error.
func (p *Process) Stop() error {
	if err := p.signal(syscall.SIGTERM); err != nil {
		return err
	}
	timer := time.NewTimer(stopPatience)
	defer timer.Stop()
	select {
	case <-p.done:
		return nil
	case <-timer.C:
		return errors.Join(fmt.Errorf("%s did not end within %s", p.name, stopPatience), p.Kill())
	}
}

// Kill ends the process at once, as a lost node does, and waits for it.
func (p *Process) Kill() error {
	if err := p.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-p.done
	return nil
}

// Pause stops the process where it is, until Resume.
func (p *Process) Pause() error { return p.signal(syscall.SIGSTOP) }

// Resume lets a paused process go on.
func (p *Process) Resume() error { return p.signal(syscall.SIGCONT) }

// signal sends a signal; a process that has ended needs none.
func (p *Process) signal(s syscall.Signal) error {
	err := p.cmd.Process.Signal(s)
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Simulator is the platform's stand-in as a process, with a client of its administration.
type Simulator struct {
	*Process
	*Admin
}

// StartSimulator runs one on a free port, with more flags if any. Its files are in a folder of the caller.
func StartSimulator(ctx context.Context, dir string, flags ...string) (*Simulator, error) {
	path, err := Binary("itwin-simulator")
	if err != nil {
		return nil, err
	}
	output, err := os.MkdirTemp(dir, "simulator-")
	if err != nil {
		return nil, err
	}
	args := append([]string{"--listen=127.0.0.1:0"}, flags...)
	process, err := StartProcess(filepath.Join(output, "simulator.log"), path, args)
	if err != nil {
		return nil, err
	}
	var url string
	err = Until(ctx, "the simulator listens", func(context.Context) error {
		var found bool
		if url, found = listening(process.Output()); found {
			return nil
		}
		if err := process.Ended(); err != nil {
			return Final(err)
		}
		return errors.New("it has not said where")
	})
	if err != nil {
		return nil, errors.Join(err, process.Kill())
	}
	return &Simulator{Process: process, Admin: &Admin{URL: url}}, nil
}

// listening finds the address in the output of a simulator.
func listening(output string) (url string, found bool) {
	for line := range strings.Lines(output) {
		if url, found := strings.CutPrefix(line, "listening on "); found && strings.HasSuffix(url, "\n") {
			return strings.TrimSpace(url), true
		}
	}
	return "", false
}

// TokenURL is where the simulator issues access tokens.
func (s *Simulator) TokenURL() string { return fmt.Sprintf("%s/connect/token", s.URL) }

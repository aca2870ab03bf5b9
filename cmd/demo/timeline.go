package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"webhook-operator.io/itwin/internal/harness"
)

// actor is who does something in the story.
type actor string

const (
	you          actor = "you"
	operator     actor = "operator"
	platformSide actor = "platform"
	receiverSide actor = "receiver"
)

// timeline prints what happens as it happens, and remembers it.
type timeline struct {
	mu    sync.Mutex
	out   io.Writer
	begun time.Time
	lines []string
}

// begin starts the time of the story.
func (t *timeline) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.begun = time.Now()
}

// say prints a line of the story.
func (t *timeline) say(who actor, format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	line := fmt.Sprintf("%-8s  %s", who, fmt.Sprintf(format, args...))
	t.lines = append(t.lines, line)
	fmt.Fprintf(t.out, "%5.1fs  %s\n", time.Since(t.begun).Seconds(), line)
}

// print prints what is no part of the story.
func (t *timeline) print(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.out, format, args...)
}

// now is a place in the story.
func (t *timeline) now() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.lines)
}

// await waits until all of these have been said since a place in the story.
func (t *timeline) await(ctx context.Context, since int, wanted ...string) error {
	return harness.Until(ctx, "wait for the operator", func(context.Context) error {
		t.mu.Lock()
		defer t.mu.Unlock()
		said := strings.Join(t.lines[since:], "\n")
		for _, want := range wanted {
			if !strings.Contains(said, want) {
				return fmt.Errorf("%q has not been seen", want)
			}
		}
		return nil
	})
}

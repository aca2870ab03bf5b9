package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// console shows progress: on a terminal in one line that changes, in a log as a line now and then.
type console struct {
	out      io.Writer
	terminal bool
	interval time.Duration
}

func newConsole(f *os.File) *console {
	info, err := f.Stat()
	if err == nil && info.Mode()&os.ModeCharDevice != 0 {
		return &console{out: f, terminal: true, interval: time.Second}
	}
	return &console{out: f, interval: 10 * time.Second}
}

func (c *console) print(line string) {
	if c.terminal {
		fmt.Fprintf(c.out, "\r\033[K%s", line)
	} else {
		fmt.Fprintln(c.out, line)
	}
}

// start shows a progress until it is stopped; its time counts from began.
func (c *console) start(label string, began time.Time) *progress {
	p := &progress{console: c, label: label, began: began, ended: make(chan struct{})}
	p.shown.Go(p.show)
	return p
}

// progress is how far the build of one binary is.
type progress struct {
	console *console
	label   string
	began   time.Time
	ended   chan struct{}
	shown   sync.WaitGroup

	mu      sync.Mutex
	fetched int // modules
	listed  bool
	begun   int // packages
	total   int // packages
	built   bool
}

func (p *progress) downloading() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fetched++
}

func (p *progress) expect(total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listed, p.total = true, total
}

func (p *progress) compiling() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begun++
}

func (p *progress) stop(built bool) {
	p.mu.Lock()
	p.built = built
	p.mu.Unlock()
	close(p.ended)
	p.shown.Wait()
	p.console.print(p.String())
	if p.console.terminal {
		fmt.Fprintln(p.console.out)
	}
}

func (p *progress) show() {
	tick := time.NewTicker(p.console.interval)
	defer tick.Stop()
	for {
		p.console.print(p.String())
		select {
		case <-p.ended:
			return
		case <-tick.C:
		}
	}
}

func (p *progress) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return fmt.Sprintf("%s: %s, %s", p.label, p.state(), time.Since(p.began).Round(time.Second))
}

func (p *progress) state() string {
	switch {
	case p.built:
		return "built"
	case !p.listed:
		return fmt.Sprintf("finding its packages, %d modules downloaded", p.fetched)
	case p.begun < p.total:
		return fmt.Sprintf("package %d of %d", p.begun, p.total)
	default:
		return "linking"
	}
}

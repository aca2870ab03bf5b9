package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const lockPoll = 500 * time.Millisecond

// lock keeps a second run from building what this one builds. The kernel lets go of it when a process dies.
func (r *resolver) lock(ctx context.Context) (unlock func(), err error) {
	if err := os.MkdirAll(r.store, 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(r.store, ".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	unlock = func() { _ = f.Close() }

	err = flock(f)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		fmt.Fprintln(r.log, "another run is installing the control plane: waiting for it")
	}
	for errors.Is(err, syscall.EWOULDBLOCK) {
		select {
		case <-ctx.Done():
			unlock()
			return nil, ctx.Err()
		case <-time.After(lockPoll):
			err = flock(f)
		}
	}
	if err != nil {
		unlock()
		return nil, fmt.Errorf("locking %s: %w", f.Name(), err)
	}
	return unlock, nil
}

func flock(f *os.File) error {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}

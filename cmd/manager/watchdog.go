package main

import (
	"context"
	"time"
)

const (
	// leaseDuration is how long a standby waits for a sign of life of the leader, and renewDeadline after how long
	// without one the leader gives up by itself.
	leaseDuration = 15 * time.Second
	renewDeadline = 10 * time.Second
	// longestStop is what a leader can be stopped for, even right before it gives up, without another leading by then.
	longestStop = leaseDuration - renewDeadline
	beat        = 250 * time.Millisecond
)

// watchdog ends a leader that was stopped, as a frozen container is, for so long that another may lead. It would find
// out by itself, but only a renewDeadline later, and until then go on with what it was about to do.
type watchdog struct {
	now  func() time.Time
	beat <-chan time.Time
	// end does not wait for anything that is under way.
	end func()
}

// Start watches until ctx is done, or the process is to end.
func (w *watchdog) Start(ctx context.Context) error {
	for last := w.now(); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-w.beat:
		}
		now := w.now()
		if now.Sub(last) >= longestStop {
			w.end()
			return nil
		}
		last = now
	}
}

// NeedLeaderElection is true: a standby may be stopped for as long as it likes.
func (w *watchdog) NeedLeaderElection() bool { return true }

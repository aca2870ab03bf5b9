package main

import (
	"context"
	"testing"
	"time"
)

func TestWatchdogEndsALeaderThatWasStopped(t *testing.T) {
	for stop, want := range map[time.Duration]bool{
		beat: false, longestStop - time.Millisecond: false, longestStop: true, time.Hour: true,
	} {
		now := time.Now()
		clock := func() time.Time { now = now.Add(stop); return now }
		ctx, cancel := context.WithCancel(t.Context())
		beats, ended := make(chan time.Time), false
		done := make(chan error, 1)
		w := &watchdog{now: clock, beat: beats, end: func() { ended = true }}
		go func() { done <- w.Start(ctx) }()
		beats <- time.Time{}
		cancel()
		if err := <-done; err != nil || ended != want {
			t.Errorf("stopped for %s: %v, %v", stop, ended, err)
		}
	}
}

package simulator

import (
	"math"
	"sync"
	"time"
)

// endOfTime is where the clock stops for good: much later times cannot be written as RFC 3339 has them.
var endOfTime = time.Date(9000, time.January, 1, 0, 0, 0, 0, time.UTC)

// clock is the virtual time of the simulator. It runs with real time, multiplied by a scale, and can be moved forward
// but never back.
type clock struct {
	scale float64 // virtual seconds per real second; 0: time stands still

	mu      sync.Mutex
	virtual time.Time // the virtual time at the real time below
	real    time.Time
	held    bool
}

// newClock returns a clock that shows start and runs on from there.
func newClock(start time.Time, scale float64) *clock {
	return &clock{scale: scale, virtual: start.UTC().Round(0), real: time.Now()}
}

// now is the virtual time, in UTC and in whole milliseconds, which is the precision of the platform's times.
func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nowLocked().Truncate(time.Millisecond)
}

func (c *clock) nowLocked() time.Time {
	if c.held || c.scale == 0 {
		return c.virtual
	}
	passed := min(float64(time.Since(c.real))*c.scale, math.MaxInt64/2)
	return earlier(c.virtual.Add(time.Duration(passed)), endOfTime)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// hold stops time until release, so that what happens in between happens at the times given to moveTo and nowhere else.
func (c *clock) hold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.virtual = c.nowLocked()
	c.held = true
}

func (c *clock) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.real = time.Now()
	c.held = false
}

// moveTo sets the clock forward to t; it does nothing when that is past.
func (c *clock) moveTo(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.nowLocked(); t.After(now) {
		c.virtual, c.real = earlier(t, endOfTime), time.Now()
	}
}

// realUntil is how long to wait in real time until the clock shows t: 0 when it does already, negative when it will not
// get there by itself.
func (c *clock) realUntil(t time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	ahead := t.Sub(c.nowLocked())
	switch {
	case ahead <= 0:
		return 0
	case c.held || c.scale == 0:
		return -1
	}
	// One more nanosecond, because rounding down would return just before t, again and again.
	return time.Duration(math.Min(float64(ahead)/c.scale, math.MaxInt64/2)) + 1
}

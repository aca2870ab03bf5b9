package simulator

import "time"

// Response headers of the platform's rate limit. They are set past http.Header.Set, which would change their spelling.
const (
	headerRemainingCalls    = "iTwinPlatform-RateLimit-RemainingCalls"
	headerRetryAfterSeconds = "iTwinPlatform-RateLimit-Retry-After-Seconds"
	headerTier              = "iTwinPlatform-Tier"
)

// rateLimiter allows an account so many calls in any period of that length: a sliding window, the strictest reading of
// "calls per minute". Refused calls do not count.
type rateLimiter struct {
	windows []slidingWindow
}

type slidingWindow struct {
	limit  int
	period time.Duration
	calls  []time.Time // of the last period, oldest first; where there is a limit, never more than that
}

func newRateLimiter(perMinute, perHour int) rateLimiter {
	var l rateLimiter
	if perMinute > 0 {
		l.windows = append(l.windows, slidingWindow{limit: perMinute, period: time.Minute})
	}
	if perHour > 0 {
		l.windows = append(l.windows, slidingWindow{limit: perHour, period: time.Hour})
	}
	return l
}

// limited reports whether there is a limit at all.
func (l *rateLimiter) limited() bool { return len(l.windows) > 0 }

// take counts a call at the given time, or says how long to wait for the next one to be allowed.
func (l *rateLimiter) take(now time.Time) (wait time.Duration) {
	for i := range l.windows {
		wait = max(wait, l.windows[i].wait(now))
	}
	if wait > 0 {
		return wait
	}
	for i := range l.windows {
		l.windows[i].calls = append(l.windows[i].calls, now)
	}
	return 0
}

// remaining is how many more calls are allowed right after the last one taken; ofHour: as if there was the limit of the
// hour alone, if there is one.
func (l *rateLimiter) remaining(ofHour bool) int {
	least := l.windows[0].limit - len(l.windows[0].calls)
	for _, w := range l.windows[1:] {
		left := w.limit - len(w.calls)
		if least = min(least, left); ofHour {
			least = left
		}
	}
	return least
}

// forget drops the calls that are a period old.
func (w *slidingWindow) forget(now time.Time) {
	gone := 0
	for gone < len(w.calls) && !w.calls[gone].Add(w.period).After(now) {
		gone++
	}
	w.calls = w.calls[gone:]
}

func (w *slidingWindow) wait(now time.Time) time.Duration {
	w.forget(now)
	if len(w.calls) < w.limit {
		return 0
	}
	return w.calls[0].Add(w.period).Sub(now)
}

package simulator

import "time"

// retryPauses is how long the platform waits after each failed attempt to deliver an event before the next: 12 retries
// over 3 days, as its documentation says. How they are spread is not documented; the pauses grow, and their sum is 72
// hours to the second.
var retryPauses = []time.Duration{
	1 * time.Minute,
	2 * time.Minute,
	4 * time.Minute,
	8 * time.Minute,
	15 * time.Minute,
	30 * time.Minute,
	1 * time.Hour,
	2 * time.Hour,
	4 * time.Hour,
	12 * time.Hour,
	20 * time.Hour,
	32 * time.Hour,
}

// retryDue is when the next attempt is due after so many have failed, the last of them begun at the given time; ok is
// false when that was the last. Begins are cut to whole seconds, as in the event's own enqueuedDateTime, so that events
// of the same second are retried together and the last retry comes no later than 72 hours after the first attempt.
func retryDue(failed int, begun time.Time) (due time.Time, ok bool) {
	if failed > len(retryPauses) {
		return time.Time{}, false
	}
	return begun.Truncate(time.Second).Add(retryPauses[failed-1]), true
}

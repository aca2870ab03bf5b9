package simtest

import "time"

// expected is what follows from some failures of a call.
type expected struct {
	call     string
	failures []string
	// webhook and connection are the conditions an hour later. The Webhook's are without Active.
	webhook, connection string
	// message begins the one that tells of the failure; says, if not empty, takes the place of what the failures say.
	message, says string
	// event is the reason of the Event about the failure; "" when there is none.
	event string
	// log are the log lines, all of level info.
	log []string
	// least and most are how often the call is sent in the first hour, and next is when.
	least, most int
	next        schedule
}

// schedule is when a call is sent again: how long after it was sent last.
type schedule struct {
	says string
	// after returns the bounds of the pause after a number of calls; nil when only the number of calls is bounded.
	after func(calls int) (least, most time.Duration)
}

// jitterOf is a pause with its jitter, and with what the call and the watch events take.
func jitterOf(pause time.Duration) (least, most time.Duration) {
	return pause, pause*11/10 + time.Second
}

// growing are pauses that double up to a longest one, but are not shorter than a shortest.
func growing(says string, shortest, longest time.Duration) schedule {
	return schedule{says, func(calls int) (time.Duration, time.Duration) {
		return jitterOf(max(shortest, min(time.Second<<min(calls-1, 16), longest)))
	}}
}

// steady are pauses that stay the same after the first ones.
func steady(says string, pauses ...time.Duration) schedule {
	return schedule{says, func(calls int) (time.Duration, time.Duration) {
		return jitterOf(pauses[min(calls, len(pauses))-1])
	}}
}

var (
	doubling  = growing("1, 2, 4 s … 5 min", 0, 5*time.Minute)
	settling  = growing("10, 10, 10, 10, 16, 32 s … 5 min", 10*time.Second, 5*time.Minute)
	asPolls   = growing("1, 2, 4 s … 1 min", 0, time.Minute)
	asAsked   = growing("2 min as asked; 1, 2, 4 s … 5 min if that is longer", 2*time.Minute, 5*time.Minute)
	passing   = steady("10, 30, 90 s, then 10 min", 10*time.Second, 30*time.Second, 90*time.Second, 10*time.Minute)
	passesNow = steady("1, 10, 30, 90 s, then 10 min", time.Second, 10*time.Second, 30*time.Second, 90*time.Second,
		10*time.Minute)
	everyTen          = steady("10 min", 10*time.Minute)
	hourly            = steady("1 h", time.Hour)
	twoMinutes        = steady("2 min as asked", 2*time.Minute)
	halfMinute        = steady("30 s", 30*time.Second)
	interval          = steady("1 min, the interval", time.Minute)
	none              = steady("none", 2*time.Hour)
	twoParts          = schedule{says: "10, 30, 90 s, then 10 min, for each of two parts"}
	tenMinutesInParts = schedule{says: "10 min, for each of two parts"}
	hourlyInParts     = schedule{says: "1 h, for each of two parts"}
	pausing           = schedule{"2 to 5 min", func(int) (time.Duration, time.Duration) {
		return 2 * time.Minute, 5*time.Minute + time.Second
	}}
	pausingHalf = schedule{"30 s to 5 min", func(int) (time.Duration, time.Duration) {
		return 30 * time.Second, 5*time.Minute + time.Second
	}}
)

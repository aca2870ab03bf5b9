package platform

import "time"

// grains is into how many parts a period is divided. Calls that would leave a window within one part leave it together,
// at its end: a window is never shorter than its period, and longer by a thousandth at most.
const grains = 1000

// window counts the calls of the last period as a limiter at the platform may count them: that one sees a call at some
// time between its beginning and its end, so a call counts from when it begins until a period after it ended. A window
// without a period counts nothing.
type window struct {
	period time.Duration
	// underWay are the calls that have not ended.
	underWay int
	// ended are those that have, by when they leave the window, the earliest first, and sum is how many they are.
	ended []endedCalls
	sum   calls
}

// endedCalls are calls that leave a window together.
type endedCalls struct {
	until time.Time
	calls
}

// calls counts calls.
type calls struct {
	// own are the operator's, of which some are lists; others are those of other users of the same credentials.
	own, lists, others int
}

func (c *calls) add(other calls, sign int) {
	c.own += sign * other.own
	c.lists += sign * other.lists
	c.others += sign * other.others
}

func (w *window) begin() { w.underWay++ }

// end counts a call that began before, and is over now.
func (w *window) end(class Class, now time.Time) {
	w.underWay--
	ended := calls{own: 1}
	if class == listing {
		ended.lists = 1
	}
	w.add(ended, now)
}

// add counts calls that ended now.
func (w *window) add(c calls, now time.Time) {
	w.forget(now)
	// By the monotonic clock, which nothing sets: times that are rounded would have lost it.
	leaves := now.Add(w.period)
	if last := len(w.ended) - 1; last < 0 || w.ended[last].until.Before(leaves) {
		w.ended = append(w.ended, endedCalls{until: leaves.Add(w.period / grains)})
	}
	w.ended[len(w.ended)-1].add(c, 1)
	w.sum.add(c, 1)
}

// count is how many calls the window has.
func (w *window) count(now time.Time) int {
	w.forget(now)
	return w.underWay + w.sum.own + w.sum.others
}

// forget drops the calls that have left the window.
func (w *window) forget(now time.Time) {
	gone := 0
	for gone < len(w.ended) && !w.ended[gone].until.After(now) {
		w.sum.add(w.ended[gone].calls, -1)
		gone++
	}
	w.ended = w.ended[gone:]
}

// leftBy is when so many of the calls that are in the window now have left it. Of those that are under way it takes the
// end to be now.
func (w *window) leftBy(n int, now time.Time) time.Time {
	w.forget(now)
	for _, e := range w.ended {
		if n -= e.own + e.others; n <= 0 {
			return e.until
		}
	}
	return now.Add(w.period)
}

// Package backoff says how long to wait after failures in a row.
package backoff

import "time"

// Doubling waits for First after one failure, and for twice as long after each further one, up to Longest.
type Doubling struct{ First, Longest time.Duration }

// After is how long to wait after so many failures in a row; 0 after none.
func (d Doubling) After(failures int) time.Duration {
	if failures <= 0 {
		return 0
	}
	wait := d.First
	for ; failures > 1 && wait < d.Longest; failures-- {
		wait *= 2
	}
	return min(wait, d.Longest)
}

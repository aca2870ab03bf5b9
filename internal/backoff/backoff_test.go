package backoff_test

import (
	"math"
	"testing"
	"time"

	"webhook-operator.io/itwin/internal/backoff"
)

func TestDoublingWaitsTwiceAsLongAfterEachFailureUpToTheLongest(t *testing.T) {
	d := backoff.Doubling{First: time.Second, Longest: 10 * time.Second}
	for failures, want := range map[int]time.Duration{
		-1: 0, 0: 0, 1: time.Second, 2: 2 * time.Second, 4: 8 * time.Second, 5: 10 * time.Second,
		math.MaxInt: 10 * time.Second,
	} {
		if got := d.After(failures); got != want {
			t.Errorf("after %d failures: %s, want %s", failures, got, want)
		}
	}
	short := backoff.Doubling{First: time.Minute, Longest: time.Second}
	if got := short.After(1); got != time.Second {
		t.Errorf("a first wait above the longest: %s, want %s", got, time.Second)
	}
}

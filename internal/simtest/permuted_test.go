package simtest

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"
)

// permutedSeeds is how many seeds TestPermutedSchedules plays, unless CRASH_SEEDS says.
const permutedSeeds = 2

// TestPermutedSchedules plays every scenario, and ends the operator at every call that leaves it, while what happens at
// the same time happens in an order that a seed gives. CRASH_SEEDS plays more seeds, CRASH_SEED one.
func TestPermutedSchedules(t *testing.T) {
	first, last := uint64(1), numberFrom(t, "CRASH_SEEDS", permutedSeeds)
	if only := numberFrom(t, "CRASH_SEED", 0); only != 0 {
		first, last = only, only
	}
	eachScenario(t, "permuted", func(t *testing.T, s scenario, v *visits) {
		for s.seed = first; s.seed <= last; s.seed++ {
			passed := t.Run(fmt.Sprintf("seed %d", s.seed), func(t *testing.T) {
				points := v.visit(t, s).traces[0]
				for _, k := range leaving(points, "") {
					v.visit(t, s, dies(k))
				}
			})
			if !passed {
				t.Logf("seed %d fails; to repeat it: make crash SEED=%d", s.seed, s.seed)
			}
		}
	})
}

// numberFrom is the number in a variable of the environment.
func numberFrom(t *testing.T, variable string, otherwise uint64) uint64 {
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}

func TestASeedOrdersWhatIsPlannedForTheSameTime(t *testing.T) {
	order := func(seed uint64) (happened []int) {
		var a agenda
		a.permute(seed)
		now := time.Now()
		for i := range 10 {
			a.plan(now, a.rank(), "", func() { happened = append(happened, i) })
		}
		a.plan(now.Add(-1), a.rank(), "", func() { happened = append(happened, -1) })
		for next, ok := a.next(now); ok; next, ok = a.next(now) {
			next.do()
		}
		return happened
	}
	planned := []int{-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	switch one := order(1); {
	case !slices.Equal(order(0), planned):
		t.Errorf("without a seed: %v", order(0))
	case slices.Equal(one, planned) || one[0] != -1 || !slices.Equal(order(1), one) || slices.Equal(order(2), one):
		t.Errorf("with seed 1: %v, with seed 2: %v", one, order(2))
	}
}

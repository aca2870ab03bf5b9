package simtest

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

const (
	// hostileSeeds is how many runs an ordinary test plays.
	hostileSeeds = 100
	// hostileParts is how many runs are played at the same time.
	hostileParts = 4
	// hostileFor is how long the hostile tenant acts, hostileActs how often.
	hostileFor  = 40 * time.Second
	hostileActs = 40
	// haste is how soon it acts after another tenant has.
	haste = 200 * time.Millisecond
	// hostileCrashes is how many processes in a row may meet something; mostPoints is where.
	hostileCrashes = 3
	mostPoints     = 500
)

// TestHostileTenant lets a tenant do at random all that the administrator of a namespace may do, while the operator
// dies now and then: the others lose, and learn, nothing. HOSTILE_SEEDS plays more runs, HOSTILE_SEED the one with
// that seed.
func TestHostileTenant(t *testing.T) {
	first, count := 0, hostileSeeds
	if text := os.Getenv("HOSTILE_SEEDS"); text != "" {
		count = parsed(t, text)
	}
	if text := os.Getenv("HOSTILE_SEED"); text != "" {
		first, count = parsed(t, text), 1
	}
	all := newVisits(t, "hostile tenant")
	var mu sync.Mutex
	done := map[string]int{}
	t.Cleanup(func() {
		var text strings.Builder
		for _, kind := range slices.Sorted(maps.Keys(done)) {
			fmt.Fprintf(&text, " %d %s,", done[kind], kind)
		}
		fmt.Println("hostile tenant:" + text.String())
	})
	for part := range min(count, hostileParts) {
		t.Run(fmt.Sprint("part ", part+1), func(t *testing.T) {
			t.Parallel()
			for seed := first + part; seed < first+count; seed += hostileParts {
				played := playHostile(t, uint64(seed))
				all.count.Add(1)
				mu.Lock()
				for kind, n := range played {
					done[kind] += n
				}
				mu.Unlock()
			}
		})
	}
}

func parsed(t *testing.T, text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		t.Fatalf("%q is no count: %v", text, err)
	}
	return n
}

// playHostile plays one run and returns how often each thing was done.
func playHostile(t *testing.T, seed uint64) map[string]int {
	t.Helper()
	done := map[string]int{}
	inSimulation(t, func(w *simulation) {
		h := newHostileRun(w, seed)
		h.settle()
		faults := h.faults()
		h.processes[0].faults, h.successors = faults[0], faults[1:]
		h.processes[0].count()
		h.schedule()
		h.run(hostileFor)
		h.run(2 * time.Minute)
		h.check()
		h.leave()
		if len(h.found) > 0 {
			t.Errorf("seed %d:\n\t%s\nactions:\n%s\ncrashes: %v", seed, strings.Join(h.found, "\n\t"),
				strings.Join(h.actions, "\n"), faults)
		}
		for _, a := range h.actions {
			name, _, _ := strings.Cut(strings.TrimSpace(a[strings.Index(a, "s ")+1:]), ":")
			done[name]++
		}
		done["crash"] += len(h.processes) - 1
	})
	return done
}

// schedule plans what the tenants do: some of the hostile one's actions soon after the others', and the rest at any
// time.
func (h *hostileRun) schedule() {
	others := h.otherTenants()
	for range hostileActs {
		at := time.Duration(h.random.Int64N(int64(hostileFor)))
		if h.oneIn(3) {
			at = pick(h, others...) + time.Duration(h.random.Int64N(int64(haste)))
		}
		h.in(at, "hostile", h.act)
	}
}

// faults are what the processes meet, if anything.
func (h *hostileRun) faults() [][]disruption {
	all := make([][]disruption, 1, hostileCrashes+1)
	if h.oneIn(2) {
		return all
	}
	for i := range 1 + h.random.IntN(hostileCrashes) {
		f := disruption{point: 1 + h.random.IntN(mostPoints), gap: downtime}
		switch f.what = pick(h, die, die, sendAndDie, freeze); f.what {
		case sendAndDie:
			f.late = pick(h, time.Millisecond, 3*time.Second)
		case freeze:
			f.frozen = pick(h, 5*time.Millisecond, 12*time.Second, 30*time.Second)
		}
		if i > 0 {
			all = append(all, nil)
		}
		all[i] = []disruption{f}
	}
	return all
}

// leave deletes all Webhooks of the hostile tenant, which must take nothing of the others with them.
func (h *hostileRun) leave() {
	for _, w := range h.cluster.webhooks() {
		if w.Namespace == hostileNamespace && w.DeletionTimestamp.IsZero() {
			h.cluster.remove(w)
		}
	}
	h.run(2 * time.Minute)
	h.check()
	for _, w := range h.cluster.webhooks() {
		ready := said(w.Status.Conditions)
		if w.Namespace == hostileNamespace && !strings.Contains(ready, itwinv1alpha1.DeletingReason) {
			h.violated("%s was deleted and is still there: %s", w.Name, ready)
		}
	}
}

func (h *hostileRun) now() time.Time { return time.Now() }

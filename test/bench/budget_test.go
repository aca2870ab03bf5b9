package bench

import (
	"strconv"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

const (
	// seldom is a pollInterval that no phase lives to see the end of.
	seldom = time.Hour
	// isolated is how many Webhooks the connection in trouble has.
	isolated = 500
	// latency is what the simulator adds to each call where latency is measured.
	latency = 50 * time.Millisecond
	// callsToReady is how many calls, one after the other, make a Webhook ready.
	callsToReady = 2
	// memoryGoal is what a process holds at most, at two sizes.
	memoryGoal = "140 MiB at 10,000, 350 MiB at 50,000"
)

// story is the life of one fleet, phase by phase.
type story struct {
	*fleet
	operator *operator
	names    []string
	samples  int
}

// TestBudgets goes through every line of the design's budget with one fleet of each size.
func TestBudgets(t *testing.T) {
	t.Parallel()
	for _, n := range sizes {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			st, failing := newStory(t, n)
			if seeded(n) {
				st.phase("seeding", st.seeding)
			} else {
				st.phase("creation", st.creation)
			}
			st.phase("steady state", st.steadyState)
			st.phase("restart", st.restart)
			if large() {
				st.phase("short of memory", st.shortOfMemory)
			}
			st.phase("change of the spec", st.specChange)
			st.phase("outage", st.outage)
			st.phase("new Webhooks", st.newcomers)
			st.phase("deactivation", st.deactivation)
			st.phase("isolation", func() { st.isolation(failing) })
			st.holds("in the end: memory resident", st.memory(st.operator, resident))
		})
	}
}

// newStory is that of n Webhooks, none of which exists yet, and a fleet that will be in trouble. A run by hand has the
// cluster to itself, as the operator has by default.
func newStory(t *testing.T, n int) (st *story, failing *fleet) {
	t.Helper()
	s := newScene(t, n, budgetTable, strconv.Itoa(n))
	if large() {
		s.ownPlane()
	}
	main, failing := s.newFleet(), s.newFleet()
	main.connect(seldom, unlimited)
	st = &story{
		fleet: main, names: names("webhook", n), samples: pick(30, 5),
		operator: s.startOperator(pick(nil, []string{
			"--watch-namespace=" + main.namespace, "--watch-namespace=" + failing.namespace,
		})...),
	}
	return st, failing
}

// phase prints how long each part takes.
func (s *story) phase(name string, do func()) {
	s.Helper()
	begun := time.Now()
	do()
	s.Logf("%s: done in %s", name, time.Since(begun).Round(time.Millisecond))
}

// creation: N new active Webhooks.
func (s *story) creation() {
	// The operator key, which the first operator of an installation generates, is no Webhook's.
	s.operator.reset()
	n, begun := len(s.names), time.Now()
	s.apply(s.names, nil)
	applied := time.Since(begun)
	s.awaitReady(n)
	took := time.Since(begun)
	s.Eventually(func() int { return s.operator.writes("events") }).Should(BeNumerically(">=", n+1))
	s.quiet(s.operator)

	calls := s.calls()
	s.exactly("create: POST", calls[creates], formula(n, "N"))
	s.exactly("create: PATCH", calls[updates], formula(n, "N"))
	s.exactly("create: tokens", calls[tokens], fixed(1))
	s.atMost("create: calls to the platform", total(calls), formula(2*n+3, "2N + 3"))
	perWebhook := s.operator.perWebhook()
	s.Expect(perWebhook).To(HaveLen(n))
	s.exactly("create: writes of each Webhook, fewest", least(perWebhook), fixed(3))
	s.exactly("create: writes of each Webhook, most", most(perWebhook), fixed(3))
	s.exactly("create: generated Secrets", s.operator.writes("secrets"), formula(n, "N"))
	s.exactly("create: Events, of which one of the Connection", s.operator.writes("events"), formula(n+1, "N + 1"))
	s.exactly("create: writes of the Connection", s.operator.writes("connections/status"), fixed(1))
	s.exactly("create: writes in all", s.operator.writes(""), formula(5*n+2, "5N + 2"))
	s.count("create: reads of the API server", s.operator.reads())
	s.took("create: time to apply all", applied, "")
	s.took("create: time until all are ready", took, "")
	s.took("create: processor time", s.cpu(s.operator), "")
	s.holds("create: most memory resident", s.memory(s.operator, mostResident))
}

func least(times map[string]int) int {
	smallest := 1 << 30
	for _, n := range times {
		smallest = min(smallest, n)
	}
	return smallest
}

func most(times map[string]int) (largest int) {
	for _, n := range times {
		largest = max(largest, n)
	}
	return largest
}

// steadyState: nothing to do, for some poll intervals.
func (s *story) steadyState() {
	intervals := pick(5, 1)
	// The new interval begins with a list.
	s.pollEvery(*interval)
	s.reset(s.operator)
	begun, cpu := time.Now(), s.cpu(s.operator)
	s.awaitCalls(lists, intervals)
	took, used := time.Since(begun), s.cpu(s.operator)-cpu

	s.exactly("steady state: calls in "+strconv.Itoa(intervals)+" intervals", total(s.calls()), fixed(intervals))
	s.exactly("steady state: writes", s.operator.writes(""), fixed(0))
	s.count("steady state: reads of the API server", s.operator.reads())
	s.took("steady state: time between lists", took/time.Duration(intervals), interval.String())
	s.took("steady state: processor time per list", used/time.Duration(intervals), "")
	s.holds("steady state: memory resident", s.memory(s.operator, resident))
}

// restart: N Webhooks in sync.
func (s *story) restart() {
	s.pollEvery(seldom) // one list is the first, however long it takes
	s.must(s.operator.Stop())
	s.reset(s.operator)
	begun := time.Now()
	s.start(s.operator)
	ready := time.Since(begun)
	compared := s.compared().Sub(begun)
	s.Logf("restart: %d looks at Webhooks", s.reconciles(s.operator))

	calls := s.calls()
	s.exactly("restart: lists", calls[lists], fixed(1))
	s.exactly("restart: tokens", calls[tokens], fixed(1))
	s.exactly("restart: calls to the platform", total(calls), fixed(2))
	s.exactly("restart: writes", s.operator.writes(""), fixed(0))
	s.took("restart: time until ready", ready, "")
	s.took("restart: time until all were compared", compared, "")
	s.took("restart: processor time", s.cpu(s.operator), "")
	s.holds("restart: most memory resident", s.memory(s.operator, mostResident))
	s.pollEvery(*interval)
}

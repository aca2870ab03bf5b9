package platform

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"
)

var start = time.Date(2026, time.March, 1, 18, 25, 39, 0, time.UTC)

// entrance is a gate, its clock and the times of the calls that were let through.
type entrance struct {
	*WithT
	gate  *gate
	clock *clocktesting.FakePassiveClock
	let   []time.Time
}

func newEntrance(t *testing.T, limits Limits) *entrance {
	c := clocktesting.NewFakePassiveClock(start)
	return &entrance{WithT: NewWithT(t), gate: NewPace(c, nil).Join("", limits).gate, clock: c}
}

func (e *entrance) pass(d time.Duration) { e.clock.SetTime(e.clock.Now().Add(d)) }

// ask asks for a slot and gives it back at once.
func (e *entrance) ask(class Class) (wait time.Duration, let bool) {
	leave, refused := e.gate.enter("", Priority{Class: class})
	if refused != nil {
		return refused.After, false
	}
	leave()
	e.let = append(e.let, e.clock.Now())
	return 0, true
}

// askAll asks until it is refused, and returns how many were let through and how long the last one was told to wait.
func (e *entrance) askAll(class Class) (let int, wait time.Duration) {
	for {
		wait, ok := e.ask(class)
		if !ok {
			return let, wait
		}
		let++
	}
}

// busiest is the most calls in any window of a period.
func busiest(calls []time.Time, period time.Duration) (most int) {
	first := 0
	for i, call := range calls {
		for !calls[first].Add(period).After(call) {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// No window may ever see more than the limit, however calls arrive.
func TestNoWindowSeesMoreThanTheLimit(t *testing.T) {
	limits := []Limits{
		{PerMinute: 1}, {PerMinute: 2}, {PerMinute: 3}, {PerMinute: 4}, {PerMinute: 5}, {PerMinute: 7}, {PerMinute: 60},
		{PerMinute: 500}, {PerMinute: 5000}, {PerHour: 1}, {PerHour: 100}, {PerMinute: 500, PerHour: 5000},
		{PerMinute: 60, PerHour: 60}, {PerMinute: 1000, PerHour: 10},
	}
	for _, l := range limits {
		for seed := range uint64(6) {
			t.Run(fmt.Sprintf("%d a minute, %d an hour, seed %d", l.PerMinute, l.PerHour, seed), func(t *testing.T) {
				e := newEntrance(t, l)
				random := rand.New(rand.NewPCG(seed, 1))
				for range 3000 {
					class := Class(random.IntN(int(listing) + 1))
					wait, let := e.ask(class)
					switch random.IntN(20) {
					case 0: // a silence, in which the buckets fill
						e.pass(time.Duration(random.Int64N(int64(2 * time.Minute))))
					case 1:
						e.pass(time.Duration(random.Int64N(int64(time.Hour / 4))))
					case 2, 3, 4: // at the very moment that it was told
						if !let {
							e.pass(wait)
						}
					case 5, 6, 7, 8:
						e.pass(time.Duration(random.Int64N(int64(time.Second))))
					default: // a burst
					}
				}
				e.Expect(e.let).NotTo(BeEmpty())
				if l.PerMinute > 0 {
					e.Expect(busiest(e.let, time.Minute)).To(BeNumerically("<=", l.PerMinute))
				}
				if l.PerHour > 0 {
					e.Expect(busiest(e.let, time.Hour)).To(BeNumerically("<=", l.PerHour))
				}
			})
		}
	}
}

// A caller that sends whenever it may uses the whole limit: pacing must not waste what was paid for.
func TestTheLimitCanBeUsed(t *testing.T) {
	for _, limit := range []int{8, 60, 500, 5000} {
		e := newEntrance(t, Limits{PerMinute: limit})
		for e.clock.Now().Before(start.Add(3 * time.Minute)) {
			_, wait := e.askAll(Finishing)
			e.pass(wait)
		}
		e.Expect(busiest(e.let, time.Minute)).To(Equal(limit-1), "one is left to the list")
		e.Expect(len(e.let)).To(BeNumerically(">=", 3*(limit-1)))
	}
}

func TestAtRestAllButTheReserveGoesAtOnce(t *testing.T) {
	for _, test := range []struct{ limit, routine, urgent, finishing, list int }{
		{500, 401, 50, 48, 1}, {5000, 4001, 500, 498, 1}, {100, 81, 10, 8, 1}, {8, 6, 1, 0, 1}, {4, 2, 1, 0, 1},
		{1, 1, 0, 0, 0},
	} {
		e := newEntrance(t, Limits{PerMinute: test.limit})
		for _, asks := range []struct {
			class Class
			want  int
		}{{Routine, test.routine}, {Urgent, test.urgent}, {Finishing, test.finishing}, {listing, test.list}} {
			let, wait := e.askAll(asks.class)
			e.Expect(let).To(Equal(asks.want), "%d a minute, class %d", test.limit, asks.class)
			e.Expect(wait).To(BeNumerically(">", 0))
		}
		e.Expect(e.let).To(HaveLen(test.limit))
		e.pass(24 * time.Hour)
		let, _ := e.askAll(listing)
		e.Expect(let).To(Equal(test.limit), "it holds no more, however long no caller asked")
	}
}

// What urgent calls leave to others is theirs in the end, evenly over the period: an edit that comes in the middle of it
// finds a slot within seconds.
func TestTheReserveIsUsedEvenly(t *testing.T) {
	e := newEntrance(t, Limits{PerMinute: 500})
	let, _ := e.askAll(Urgent)
	e.Expect(let).To(Equal(451))
	editor := Priority{Caller: "editor", Group: "another namespace"}
	for e.clock.Now().Before(start.Add(58 * time.Second)) {
		at, let := e.called(editor)
		e.Expect(let).To(BeFalse())
		e.Expect(at.Sub(e.clock.Now())).To(BeNumerically("<=", time.Minute/49+time.Millisecond))
		e.clock.SetTime(at)
		at, let = e.called(editor)
		e.Expect(let).To(BeTrue())
		e.let = append(e.let, at)
	}
	e.Expect(len(e.let)).To(BeNumerically("~", 499, 2), "all but what is the list's")
}

// A call counts as long as the platform may count it: from when it begins until a period after its end.
func TestACallTakesLongTheWindowCountsFromItsEnd(t *testing.T) {
	e := newEntrance(t, Limits{PerMinute: 4})
	leave, refused := e.gate.enter("", Priority{Class: listing})
	e.Expect(refused).NotTo(HaveOccurred())
	let, _ := e.askAll(listing)
	e.Expect(let).To(Equal(3))
	e.pass(time.Minute + time.Second)
	let, _ = e.askAll(listing)
	e.Expect(let).To(Equal(3), "one is still under way")
	leave()
	e.pass(time.Minute - 2*time.Second)
	let, _ = e.askAll(listing)
	e.Expect(let).To(Equal(0))
	e.pass(time.Second)
	let, _ = e.askAll(listing)
	e.Expect(let).To(Equal(0), "the platform may have counted it as late as when it ended")
	e.pass(2 * time.Second)
	let, _ = e.askAll(listing)
	e.Expect(let).To(Equal(4))
}

func TestHalfOfALimitIsLeftToOthers(t *testing.T) {
	for want, limits := range map[time.Duration]Limits{
		0: {}, 240 * time.Millisecond: {PerMinute: 500}, 20 * time.Second: {PerMinute: 6}, 30 * time.Second: {PerMinute: 4},
		60 * time.Second: {PerMinute: 500, PerHour: 120},
	} {
		NewWithT(t).Expect(limits.HalfPace()).To(Equal(want), "%+v", limits)
		if want == 0 {
			continue
		}
		limits.ListEvery = want
		e, lists, asked, others := newEntrance(t, limits), 0, 0, 0
		for e.clock.Now().Before(start.Add(4 * time.Hour)) {
			wait, let := e.ask(listing)
			if !let && wait < want/4 {
				e.pass(wait)
				_, let = e.ask(listing)
			}
			if asked++; let {
				lists++
			}
			e.pass(want / 2)
			n, _ := e.askAll(Finishing)
			others += n
			e.pass(want / 2)
		}
		e.Expect(lists).To(BeNumerically(">=", asked*9/10), "lists are let in however many others ask: %+v", limits)
		e.Expect(others).To(BeNumerically(">=", lists/4), "%+v", limits)
	}
}

func TestTheHourlyLimitIsRespected(t *testing.T) {
	e := newEntrance(t, Limits{PerMinute: 500, PerHour: 100})
	let, wait := e.askAll(listing)
	e.Expect(let).To(Equal(100))
	e.Expect(wait).To(BeNumerically("~", time.Hour, time.Hour/500))
	e.pass(wait)
	let, _ = e.askAll(listing)
	e.Expect(let).To(Equal(100))
}

func TestTheSlowerLimitDeterminesTheWait(t *testing.T) {
	e := newEntrance(t, Limits{PerMinute: 2, PerHour: 3})
	let, wait := e.askAll(listing)
	e.Expect(let).To(Equal(2))
	e.Expect(wait).To(BeNumerically("~", time.Minute, time.Second))
	e.pass(wait)
	let, wait = e.askAll(listing)
	e.Expect(let).To(Equal(1))
	e.Expect(wait).To(BeNumerically("~", 59*time.Minute, time.Minute/4), "the minute would let it go sooner")
}

func TestWithoutLimitsEveryCallIsLet(t *testing.T) {
	e := newEntrance(t, Limits{})
	for range 10_000 {
		_, let := e.ask(Routine)
		e.Expect(let).To(BeTrue())
	}
}

// Waiting callers come back one by one, as slots become free, and then find one. There is one list at a time.
func TestWaitingCallersGetDifferentTimes(t *testing.T) {
	for _, class := range []Class{Urgent, Finishing, Routine} {
		e := newEntrance(t, Limits{PerMinute: 500})
		e.askAll(class)
		var told []time.Duration
		for range 200 {
			wait, let := e.ask(class)
			e.Expect(let).To(BeFalse())
			told = append(told, wait)
		}
		e.Expect(slices.IsSorted(told)).To(BeTrue(), "first come, first served")
		e.Expect(told).To(HaveLen(len(slices.Compact(slices.Clone(told)))), "each is told another time")
		begun := e.clock.Now()
		for _, wait := range told {
			e.clock.SetTime(begun.Add(wait))
			_, let := e.ask(class)
			e.Expect(let).To(BeTrue())
		}
	}
}

// called is a caller that asks for a slot.
func (e *entrance) called(t Priority) (told time.Time, let bool) {
	leave, refused := e.gate.enter("", t)
	if refused != nil {
		return e.clock.Now().Add(refused.After), false
	}
	leave()
	return e.clock.Now(), true
}

// asked is a caller that only asks whether it would be let through.
func (e *entrance) asked(t Priority) (told time.Time, wait bool) {
	if refused := e.gate.ask("", t); refused != nil {
		return e.clock.Now().Add(refused.After), true
	}
	return time.Time{}, false
}

func callers(n int) (all []Priority) {
	for i := range n {
		all = append(all, Priority{Caller: fmt.Sprint("caller ", i)})
	}
	return all
}

// A Webhook is enqueued by its Secret, by its own annotations and by lists while it waits: that must not cost slots.
func TestACallerAsksTooEarlyItKeepsItsPlaceInTheQueue(t *testing.T) {
	e := newEntrance(t, Limits{PerMinute: 500})
	e.askAll(Urgent)
	told := map[Priority]time.Time{}
	waiting := callers(300)
	for _, c := range waiting {
		told[c], _ = e.called(c)
	}
	for range 20 {
		e.pass(3 * time.Millisecond)
		for _, c := range waiting {
			again, let := e.called(c)
			e.Expect(let).To(BeFalse())
			e.Expect(again).To(Equal(told[c]))
		}
	}
	for _, c := range waiting {
		e.clock.SetTime(told[c])
		_, let := e.called(c)
		e.Expect(let).To(BeTrue())
	}
	e.Expect(e.clock.Now().Sub(start)).To(BeNumerically("~", time.Minute, 2*time.Second), "no slot was wasted")
}

func TestACallerIsRefusedItIsQueuedBeforeNewCallers(t *testing.T) {
	e := newEntrance(t, Limits{PerMinute: 500})
	e.askAll(Urgent)
	waiting := callers(100)
	first := waiting[0]
	at, _ := e.called(first)
	for _, c := range waiting[1:] {
		e.called(c)
	}
	e.clock.SetTime(at)
	quicker, _ := e.askAll(Urgent)
	e.Expect(quicker).To(BeNumerically(">", 0))
	again, let := e.called(first)
	e.Expect(let).To(BeFalse())
	e.Expect(again.Sub(at)).To(BeNumerically("<", 3*time.Second), "the next slot of the reserve is its")
	newcomer, _ := e.called(Priority{Caller: "newcomer"})
	e.Expect(newcomer).NotTo(BeTemporally("<", again))
}

// Thousands that waited may be deleted: a caller behind them must not wait for deleted ones.
func TestALateCallerSeesWhenThoseBeforeItAreGone(t *testing.T) {
	e := newEntrance(t, Limits{PerMinute: 500})
	e.askAll(Urgent)
	for _, gone := range callers(5000) {
		e.called(gone)
	}
	late := Priority{Caller: "late"}
	told, let := e.called(late)
	e.Expect(let).To(BeFalse())
	e.Expect(told.Sub(start)).To(And(BeNumerically(">=", longWait), BeNumerically("<", 2*longWait)))
	e.clock.SetTime(told)
	_, let = e.called(late)
	e.Expect(let).To(BeTrue())
}

func TestLateCallersComeBackOneByOne(t *testing.T) {
	e := newEntrance(t, Limits{PerMinute: 500})
	e.askAll(Urgent)
	told := map[time.Time]bool{}
	late := callers(5000)
	for _, c := range late {
		at, _ := e.called(c)
		told[at] = true
	}
	e.Expect(len(told)).To(BeNumerically(">", 2500), "slots of 160 ms in ten minutes")
	at, _ := e.called(late[4999])
	again, _ := e.called(late[4999])
	e.Expect(again).To(Equal(at))
}

func TestAskingTakesNoSlot(t *testing.T) {
	e := newEntrance(t, Limits{PerMinute: 500})
	for range 1000 {
		_, wait := e.asked(Priority{Caller: "a"})
		e.Expect(wait).To(BeFalse())
	}
	let, _ := e.askAll(Urgent)
	e.Expect(let).To(Equal(451))
	asker := Priority{Caller: "b"}
	told, wait := e.asked(asker)
	e.Expect(wait).To(BeTrue())
	again, ok := e.called(asker)
	e.Expect(ok).To(BeFalse())
	e.Expect(again).To(Equal(told), "it keeps its place in the queue")
	e.clock.SetTime(told)
	_, wait = e.asked(asker)
	e.Expect(wait).To(BeFalse())
}

func TestFinishingCallsGoBeforeOtherCalls(t *testing.T) {
	e := newEntrance(t, Limits{PerMinute: 500})
	e.askAll(Urgent)
	for _, c := range callers(100) {
		e.called(c)
	}
	let, _ := e.askAll(Finishing)
	e.Expect(let).To(Equal(48))
}

func TestCallsThatFinishWaitThoseThatBeginLeaveThemRoom(t *testing.T) {
	e := newEntrance(t, Limits{PerMinute: 20})
	e.askAll(listing)
	var finishing []Priority
	for _, c := range callers(10) {
		c.Class = Finishing
		e.called(c)
		finishing = append(finishing, c)
	}
	e.pass(time.Minute + time.Second)
	let, _ := e.askAll(Urgent)
	e.Expect(let).To(BeNumerically("~", 8, 1))
	for _, c := range finishing {
		_, let := e.called(c)
		e.Expect(let).To(BeTrue())
	}
}

// A thousand that wait take each slot of the reserve as it becomes free: one that was refused again goes before them.
func TestASingleChangeComesAmongAThousandItIsServedWithinSeconds(t *testing.T) {
	e := newEntrance(t, Limits{PerMinute: 500})
	waiting := make([]*returning, 0, 1001)
	for i := range 1000 {
		at := start.Add(time.Duration(i) * time.Millisecond)
		waiting = append(waiting, &returning{at: at, Priority: Priority{Caller: fmt.Sprint(i), Group: "a"}})
	}
	single := &returning{at: start.Add(20 * time.Second), Priority: Priority{Caller: "single", Group: "a"}}
	come := func(a, b *returning) int { return a.at.Compare(b.at) }
	for waiting = append(waiting, single); single.done.IsZero(); slices.SortStableFunc(waiting, come) {
		c := waiting[0]
		e.clock.SetTime(c.at)
		told, let := e.called(c.Priority)
		if c.at = told.Add(10 * time.Millisecond); let {
			c.done, waiting = told, waiting[1:]
		}
	}
	e.Expect(single.done.Sub(start)).To(BeNumerically("<", 25*time.Second))
}

// A thousand creates that begin at once leave room for their own updates.
func TestCreatesAreLetThroughTheirUpdatesHaveRoom(t *testing.T) {
	e := newEntrance(t, Limits{PerMinute: 100})
	var created []Priority
	for _, c := range callers(1000) {
		c.unfinished = true
		if _, let := e.called(c); let {
			created = append(created, c)
		}
	}
	e.Expect(len(created)).To(BeNumerically("~", 45, 1))
	for _, c := range created {
		_, let := e.called(Priority{Class: Finishing, Caller: c.Caller})
		e.Expect(let).To(BeTrue())
	}
}

// returning is a caller that comes back when it was told, or a moment later.
type returning struct {
	at time.Time
	Priority
	created, done time.Time
}

// serve lets callers in that create and then activate, each as soon as it may, until all are done; it returns how often
// they asked.
func (e *entrance) serve(all []*returning) (asked int) {
	random := rand.New(rand.NewPCG(1, 2))
	come := func(a, b *returning) int { return a.at.Compare(b.at) }
	for waiting := slices.SortedFunc(slices.Values(all), come); len(waiting) > 0; slices.SortFunc(waiting, come) {
		c := waiting[0]
		e.clock.SetTime(c.at)
		asked++
		told, let := e.called(c.Priority)
		switch {
		case !let:
			c.at = told.Add(time.Duration(random.IntN(int(20 * time.Millisecond))))
		case c.Class == Urgent:
			c.created, c.Class = c.at, Finishing
		default:
			c.done, waiting = c.at, waiting[1:]
		}
	}
	return asked
}

// A limit that is used up is used in full, by those who came first, and nothing is left half done.
func TestManyCallersAreServedInTheirOrder(t *testing.T) {
	const n, limit = 1500, 500
	e := newEntrance(t, Limits{PerMinute: 500})
	var all []*returning
	for i := range n {
		at := start.Add(time.Duration(i) * time.Millisecond)
		all = append(all, &returning{at: at, Priority: Priority{Caller: fmt.Sprint(i)}})
	}
	asked := e.serve(all)
	took := e.clock.Now().Sub(start)
	e.Expect(took).To(BeNumerically("~", (2*n/limit)*time.Minute, 5*time.Second), "no slot was wasted")
	e.Expect(busiest(e.let, time.Minute)).To(BeNumerically("<=", limit))
	e.Expect(asked).To(BeNumerically("<", 5*n), "two of five are calls")
	late := 0
	for i, c := range all {
		e.Expect(c.done.Sub(c.created)).To(BeNumerically("<", 10*time.Second), "number %d was left half done", i)
		turn := start.Add(time.Duration(2*i/limit) * time.Minute)
		e.Expect(c.done.Sub(turn)).To(BeNumerically("<", 4*time.Minute), "number %d", i)
		if c.done.Sub(turn) > 70*time.Second {
			late++
		}
	}
	e.Expect(late).To(BeNumerically("<", n/20), "one that finds no slot when its turn comes finds one in the next minute")
}

func TestACallerThatNeverComesIsForgotten(t *testing.T) {
	e := newEntrance(t, Limits{PerMinute: 500})
	for i := range 5000 {
		e.askAll(Urgent)
		e.called(Priority{Caller: fmt.Sprint("caller ", i)})
		e.pass(time.Second)
	}
	e.Expect(len(e.gate.account.queues[Urgent].kept)).To(BeNumerically("<=", 2*forgotten/time.Second), "5000 came")
}

func TestUrgentCallsDoNotWaitBehindRoutine(t *testing.T) {
	e := newEntrance(t, Limits{PerMinute: 500})
	e.askAll(Routine)
	for range 1000 {
		e.ask(Routine)
	}
	let, _ := e.askAll(Urgent)
	e.Expect(let).To(Equal(50))
	for range 1000 {
		e.ask(Urgent)
	}
	let, wait := e.askAll(listing)
	e.Expect(let).To(Equal(49))
	e.Expect(wait).To(BeNumerically("~", time.Minute, time.Second))
}

func TestAClosedGateLetsNoCallThrough(t *testing.T) {
	e := newEntrance(t, Limits{PerMinute: 500})
	e.gate.close(7 * time.Second)
	told := map[time.Duration]bool{}
	for _, class := range []Class{Urgent, Routine, listing} {
		for i := range 20 {
			_, refused := e.gate.enter("", Priority{Class: class})
			e.Expect(refused).To(HaveOccurred())
			e.Expect(refused.Closed).To(BeTrue())
			e.Expect(refused.After).To(BeNumerically(">=", 7*time.Second))
			if class == Urgent {
				e.Expect(told).NotTo(HaveKey(refused.After), "each is told another time")
				told[refused.After] = true
			}
			e.Expect(i > 0 || refused.After == 7*time.Second).To(BeTrue())
		}
	}
	e.gate.close(3 * time.Second)
	e.pass(7*time.Second - time.Nanosecond)
	_, ok := e.ask(Urgent)
	e.Expect(ok).To(BeFalse(), "a shorter pause does not end a longer one")
	e.pass(time.Nanosecond)
	let, _ := e.askAll(Urgent)
	e.Expect(let).To(Equal(451), "refused calls have cost nothing")
	_, refused := e.gate.enter("", Priority{Class: Urgent})
	e.Expect(refused.Closed).To(BeFalse())
}

func TestTheGateOpensAfterTheLongestPause(t *testing.T) {
	e := newEntrance(t, Limits{})
	e.gate.close(3 * time.Second)
	e.gate.close(7 * time.Second)
	e.pass(6 * time.Second)
	wait, let := e.ask(Urgent)
	e.Expect(let).To(BeFalse())
	e.Expect(wait).To(Equal(time.Second))
}

func TestACallRefusedByTheInFlightLimitCostsNoSlot(t *testing.T) {
	e := newEntrance(t, Limits{PerMinute: 500, InFlight: 2})
	first, refused := e.gate.enter("", Priority{Class: Urgent})
	e.Expect(refused).NotTo(HaveOccurred())
	second, refused := e.gate.enter("", Priority{Class: Routine})
	e.Expect(refused).NotTo(HaveOccurred())
	for range 500 {
		_, refused = e.gate.enter("", Priority{Class: Urgent})
		e.Expect(refused).To(HaveOccurred())
		e.Expect(refused.InFlight).To(BeTrue())
	}
	list, refused := e.gate.enter("", Priority{Class: listing})
	e.Expect(refused).NotTo(HaveOccurred())
	list()
	first()
	second()
	let, _ := e.askAll(Urgent)
	e.Expect(let).To(Equal(448), "of the 500 less the reserve of 50, three were used, and one of the reserve")
}

package platform

import (
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"
)

// accounts are the gates of some accounts, which share the slots of a process.
type accounts struct {
	*WithT
	clock *clocktesting.FakePassiveClock
	slots *Slots
	gates map[string]*gate
}

func newAccounts(t *testing.T, slots int) *accounts {
	return &accounts{
		WithT: NewWithT(t), clock: clocktesting.NewFakePassiveClock(start), slots: NewSlots(slots),
		gates: map[string]*gate{},
	}
}

func (a *accounts) pass(d time.Duration) { a.clock.SetTime(a.clock.Now().Add(d)) }

// begin begins calls of an account until one is refused, and returns how to end them.
func (a *accounts) begin(account string) (calls []func()) {
	if a.gates[account] == nil {
		a.gates[account] = NewPace(a.clock, a.slots).Join("", Limits{InFlight: 8}).gate
	}
	for {
		leave, refused := a.gates[account].enter("", Priority{Caller: fmt.Sprint(account, len(calls)), Group: "a"})
		if refused != nil {
			a.Expect(refused.InFlight).To(BeTrue())
			return calls
		}
		calls = append(calls, leave)
	}
}

func end(calls []func()) {
	for _, leave := range calls {
		leave()
	}
}

// answer lets an account answer as many calls as it may have under way, each after some time.
func (a *accounts) answer(account string, after time.Duration) {
	calls := a.begin(account)
	a.Expect(calls).NotTo(BeEmpty())
	a.pass(after)
	end(calls)
}

func TestOneAccountIsSlowItHasAsManyCallsUnderWayAsAnother(t *testing.T) {
	for _, before := range []time.Duration{time.Second, 10 * time.Second} {
		a := newAccounts(t, 256)
		a.answer("slow", before)
		a.Expect(a.begin("slow")).To(HaveLen(7))
	}
}

// However many accounts do not answer, one that does has slots, also when they all answered until now.
func TestManyAccountsHangOneThatAnswersHasSlots(t *testing.T) {
	for _, test := range []struct {
		name   string
		before time.Duration // after which the others answered before
		hanging,
		most int // slots that they hold together
	}{
		{"that never answered", 0, 100, 192},
		{"that were slow", 10 * time.Second, 100, 128},
		{"that were quick", time.Second, 100, 255},
		{"that never answered, a thousand", 0, 1000, 192},
		{"that were slow, a thousand", 10 * time.Second, 1000, 128},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := newAccounts(t, 256)
			a.answer("sound", 100*time.Millisecond)
			others := func(do func(account string)) {
				for i := range test.hanging {
					do(fmt.Sprint("other ", i))
				}
			}
			if test.before > 0 {
				others(func(account string) { a.answer(account, test.before) })
			}
			held := 0
			var calls []func()
			others(func(account string) {
				c := a.begin(account)
				held, calls = held+len(c), append(calls, c...)
			})
			a.Expect(held).To(And(BeNumerically(">=", test.hanging/10), BeNumerically("<=", test.most)))
			sound := a.begin("sound")
			a.Expect(sound).NotTo(BeEmpty())
			end(append(calls, sound...))
			a.Expect(a.slots.held).To(Equal([tempos]int{}), "all is given back")
		})
	}
}

func TestACallHangsItsAccountIsSlowBeforeItEnds(t *testing.T) {
	a := newAccounts(t, 16)
	a.answer("a", time.Second)
	a.begin("a")
	a.Expect(a.gates["a"].inFlight.tempoAt(a.clock.Now())).To(Equal(Quick))
	a.pass(SlowCall + 1)
	a.Expect(a.gates["a"].inFlight.tempoAt(a.clock.Now())).To(Equal(Slow))
}

// waiter is a caller that comes back when it was told.
type waiter struct {
	Priority
	at time.Time
}

// playSlow lets waiters call an account that answers each call after some time, until one that is named is served. It
// returns how many were served and how often they asked.
func (a *accounts) playSlow(g *gate, waiters []*waiter, after time.Duration, until string) (served, asked int) {
	type call struct {
		ends time.Time
		end  func()
	}
	var calls []call
	for range 100_000 {
		next := waiters[0]
		for _, w := range waiters {
			if w.at.Before(next.at) {
				next = w
			}
		}
		if len(calls) > 0 && !calls[0].ends.After(next.at) {
			a.clock.SetTime(calls[0].ends)
			calls[0].end()
			calls = calls[1:]
			continue
		}
		a.clock.SetTime(next.at)
		asked++
		leave, refused := g.enter("", next.Priority)
		if refused != nil {
			next.at = next.at.Add(refused.After)
			continue
		}
		served++
		if next.Caller == until {
			return served, asked
		}
		calls = append(calls, call{next.at.Add(after), leave})
		next.at = next.at.Add(1000 * time.Hour)
	}
	a.Expect(until).To(Equal("served"))
	return 0, 0
}

// A namespace with 500 Webhooks keeps another one of its account from its turn no longer than one of each waits for.
func TestNamespacesTakeTurnsAtTheCallsUnderWay(t *testing.T) {
	a := newAccounts(t, 256)
	g := NewPace(a.clock, a.slots).Join("", Limits{InFlight: 8}).gate
	var waiters []*waiter
	for i := range 500 {
		waiters = append(waiters, &waiter{Priority{Caller: fmt.Sprint(i), Group: "many"}, start.Add(time.Duration(i))})
	}
	waiters = append(waiters, &waiter{Priority{Caller: "other", Group: "other"}, start.Add(20 * time.Second)})
	_, asked := a.playSlow(g, waiters, 3*time.Second, "other")
	a.Expect(a.clock.Now().Sub(start)).To(BeNumerically("<", 30*time.Second), "500 take 188 seconds")
	a.Expect(asked).To(BeNumerically("<", 6*500), "in 30 seconds")
}

func TestAllThatWaitForCallsUnderWayAreServed(t *testing.T) {
	for _, after := range []time.Duration{100 * time.Millisecond, 3 * time.Second} {
		a := newAccounts(t, 256)
		g := NewPace(a.clock, a.slots).Join("", Limits{InFlight: 8}).gate
		var waiters []*waiter
		for i := range 400 {
			waiters = append(waiters, &waiter{Priority{Caller: fmt.Sprint(i), Group: "a"}, start.Add(time.Duration(i))})
		}
		last := &waiter{Priority{Caller: "last", Group: "b"}, start.Add(400 * after / 8)}
		served, _ := a.playSlow(g, append(waiters, last), after, "last")
		a.Expect(served).To(BeNumerically(">", 300), "no time is wasted")
	}
}

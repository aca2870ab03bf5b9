package platform

import (
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"
)

// passes asks until it is refused, and returns how many calls were let through.
func (s *Share) passes(t Priority) (let int) {
	for {
		leave, refused := s.gate.enter(s.member, t)
		if refused != nil {
			return let
		}
		leave()
		let++
	}
}

func TestMembersOfOneAccountSpendOneLimit(t *testing.T) {
	g, c := NewWithT(t), clocktesting.NewFakePassiveClock(start)
	pace := NewPace(c, nil)
	a, b := pace.Join("a", Limits{PerMinute: 400}), pace.Join("b", Limits{PerMinute: 400})
	alone := a.passes(Priority{})
	g.Expect(alone).To(BeNumerically(">", 350))
	g.Expect(b.passes(Priority{})).To(BeZero(), "the account's calls are spent")
}

func TestEachMemberIsBoundByItsOwnLimitAndTheAccountByTheLargest(t *testing.T) {
	g, c := NewWithT(t), clocktesting.NewFakePassiveClock(start)
	pace := NewPace(c, nil)
	small, large := pace.Join("small", Limits{PerMinute: 40}), pace.Join("large", Limits{PerMinute: 400})
	g.Expect(small.passes(Priority{})).To(BeNumerically("<=", 40))
	g.Expect(large.passes(Priority{})).To(BeNumerically(">", 300))
}

func TestJoiningAgainForgetsNothing(t *testing.T) {
	g, c := NewWithT(t), clocktesting.NewFakePassiveClock(start)
	pace := NewPace(c, nil)
	g.Expect(pace.Join("a", Limits{PerMinute: 400}).passes(Priority{})).To(BeNumerically(">", 350))
	again := pace.Join("a", Limits{PerMinute: 404})
	g.Expect(again.passes(Priority{})).To(BeNumerically("<=", 5), "what was spent is spent")
	again.gate.close(time.Hour)
	_, refused := pace.Join("a", Limits{PerMinute: 100_000}).gate.enter("a", Priority{})
	g.Expect(refused.Closed).To(BeTrue(), "the pause that the platform asked for goes on")
}

func TestALimitThatShrinksBindsAtOnce(t *testing.T) {
	g, c := NewWithT(t), clocktesting.NewFakePassiveClock(start)
	pace := NewPace(c, nil)
	pace.Join("a", Limits{PerMinute: 4000}).passes(Priority{Class: listing})
	c.SetTime(c.Now().Add(time.Hour))
	g.Expect(pace.Join("a", Limits{PerMinute: 40}).passes(Priority{Class: listing})).To(Equal(40))
}

func TestNamespacesThatWaitTakeTurns(t *testing.T) {
	g, c := NewWithT(t), clocktesting.NewFakePassiveClock(start)
	share := NewPace(c, nil).Join("a", Limits{PerMinute: 400})
	share.passes(Priority{})
	wait := func(group string, i int) time.Duration {
		_, refused := share.gate.enter(share.member, Priority{Caller: fmt.Sprint(group, i), Group: group})
		g.Expect(refused).To(HaveOccurred())
		return refused.After
	}
	var last time.Duration
	for i := range 1000 {
		last = wait("busy", i)
	}
	g.Expect(last).To(BeNumerically(">", 2*time.Minute))
	first := wait("quiet", 0)
	g.Expect(first).To(BeNumerically("<", 5*time.Second), "it does not stand behind the thousand")
	second := wait("quiet", 1)
	g.Expect(second-first).To(BeNumerically("<", 5*time.Second), "every second place is its")
}

// What one member has spent stays spent when its limits are edited, and when it leaves and joins again.
func TestALimitChangesAndIsSetAgainWhatWasSpentStaysSpent(t *testing.T) {
	for name, change := range map[string]func(*Pace){
		"removed":            func(p *Pace) { p.Join("a", Limits{}) },
		"made smaller":       func(p *Pace) { p.Join("a", Limits{PerHour: 4}) },
		"removed and small":  func(p *Pace) { p.Join("a", Limits{}); p.Join("a", Limits{PerHour: 1}) },
		"the member left":    func(p *Pace) { p.Leave("a") },
		"the member left it": func(p *Pace) { p.Join("b", Limits{}); p.Leave("a"); p.Leave("b") },
	} {
		t.Run(name, func(t *testing.T) {
			g, c := NewWithT(t), clocktesting.NewFakePassiveClock(start)
			p, sent := NewPace(c, nil), 0
			for range 10 {
				sent += p.Join("a", Limits{PerHour: 120}).passes(Priority{Class: listing})
				change(p)
				c.SetTime(c.Now().Add(time.Second))
			}
			g.Expect(sent).To(Equal(120))
			c.SetTime(c.Now().Add(30 * time.Minute))
			g.Expect(p.Join("a", Limits{PerHour: 120}).passes(Priority{Class: listing})).To(BeZero())
			c.SetTime(c.Now().Add(31 * time.Minute))
			g.Expect(p.Join("a", Limits{PerHour: 120}).passes(Priority{Class: listing})).To(Equal(120))
		})
	}
}

func TestALimitIsSetForTheFirstTimeTheCallsBeforeItCount(t *testing.T) {
	g, c := NewWithT(t), clocktesting.NewFakePassiveClock(start)
	p := NewPace(c, nil)
	free := p.Join("a", Limits{})
	for range 1000 {
		leave, refused := free.gate.enter("a", Priority{})
		g.Expect(refused).NotTo(HaveOccurred())
		leave()
	}
	share := p.Join("a", Limits{PerHour: 120})
	g.Expect(share.passes(Priority{Class: listing})).To(BeZero())
	c.SetTime(c.Now().Add(time.Hour + 5*time.Second))
	g.Expect(share.passes(Priority{Class: listing})).To(Equal(120), "no debt")
}

func TestAMemberLeftAnHourAgoItIsForgotten(t *testing.T) {
	g, c := NewWithT(t), clocktesting.NewFakePassiveClock(start)
	p := NewPace(c, nil)
	p.Join("a", Limits{PerHour: 120}).passes(Priority{})
	p.Join("b", Limits{})
	p.Leave("a")
	g.Expect(p.gate.members).To(HaveKey("a"))
	c.SetTime(c.Now().Add(2 * time.Hour))
	p.Leave("b")
	g.Expect(p.gate.members).To(BeEmpty())
}

// What the numbers of remaining calls show may change with every answer.
func TestALimitChangesWhatWasTakenOfTheReserveStaysTaken(t *testing.T) {
	g, c := NewWithT(t), clocktesting.NewFakePassiveClock(start)
	p := NewPace(c, nil)
	p.Join("a", Limits{PerMinute: 500}).passes(Priority{})
	sent, retries := 0, 0
	for i := range 20 {
		sent += p.Join("a", Limits{PerMinute: 500 + i%2}).passes(Priority{})
		if p.RetryIn() == 0 {
			retries++
		}
	}
	g.Expect(sent).To(BeNumerically("<=", 1), "the one that the larger limit has more")
	g.Expect(retries).To(Equal(1))
}

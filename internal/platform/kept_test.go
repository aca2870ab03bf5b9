package platform

import (
	"fmt"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"
)

// A hundred accounts with as many webhooks as they may have take no more memory than a few, and leave room for others.
func TestManyAccountsHaveHugeListsWhatIsKeptOfThemIsBounded(t *testing.T) {
	g, slots, c := NewWithT(t), NewSlots(256), clocktesting.NewFakePassiveClock(start)
	var paces []*Pace
	total := 0
	for range 100 {
		p := NewPace(c, slots)
		paces = append(paces, p)
		most := p.gate.mostEntries()
		g.Expect(most).To(BeNumerically(">=", keptAlways))
		if most == keptAlways {
			continue // a list of more is refused
		}
		p.gate.keep(most / 2)
		g.Expect(p.gate.mostEntries()).To(BeNumerically(">=", most), "it may list as many again")
		total += most / 2
	}
	g.Expect(total).To(BeNumerically("<=", maxKept))
	for _, p := range paces {
		p.Forget()
	}
	g.Expect(NewPace(c, slots).gate.mostEntries()).To(Equal(maxListEntries))
}

// What hostile accounts keep does not displace the list of an account whose Webhooks exist.
func TestOtherAccountsUseTheMemoryAnAccountMayListTwiceItsWebhooks(t *testing.T) {
	g, slots, c := NewWithT(t), NewSlots(256), clocktesting.NewFakePassiveClock(start)
	NewPace(c, slots).gate.keep(maxKept)
	p := NewPace(c, slots)
	p.Join("team/default", Limits{})
	g.Expect(p.gate.mostEntries()).To(Equal(keptAlways))
	p.Expect("team/default", 20_000)
	g.Expect(p.gate.mostEntries()).To(Equal(40_000))
	p.Expect("team/default", maxListEntries)
	g.Expect(p.gate.mostEntries()).To(Equal(maxListEntries))
	p.Leave("team/default")
	g.Expect(p.gate.mostEntries()).To(Equal(keptAlways))
}

func TestAListHasMoreEntriesThanItsBoundItIsRefused(t *testing.T) {
	g := NewWithT(t)
	l := collector{most: 2}
	for i := range 2 {
		g.Expect(l.add(fmt.Appendf(nil, `{"id":"%d","active":true,"callbackUrl":"https://x"}`, i))).To(Succeed())
	}
	g.Expect(l.add([]byte(`{}`))).To(MatchError(ContainSubstring("more than 2 webhooks")))
}

// Few entries with much text take as much memory as many.
func TestTheEntriesOfAListAreLargeTheirTextCountsToo(t *testing.T) {
	g := NewWithT(t)
	l := collector{most: 100}
	add := func(i int) error {
		return l.add(fmt.Appendf(nil, `{"id":"%d","active":true,"callbackUrl":"https://x/%s"}`, i, strings.Repeat("x", 10_000)))
	}
	for i := range 10 {
		g.Expect(add(i)).To(Succeed())
	}
	g.Expect(l.weight()).To(BeNumerically("~", 98, 1))
	g.Expect(add(10)).To(MatchError(ContainSubstring("more than 100 KiB of text")))
}

package platform

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"
)

// waits lets callers of a member wait, who are refused. It returns the last one.
func (s *Share) waits(g *WithT, n int) (last Priority) {
	for _, last = range callers(n) {
		_, refused := s.gate.enter(s.member, last)
		g.Expect(refused).To(HaveOccurred())
	}
	return last
}

func TestAnyLimitGrowsThoseThatWaitForItAreReleased(t *testing.T) {
	for name, test := range map[string]struct {
		before, after Limits
		other         Limits
	}{
		"the hour":              {before: Limits{PerMinute: 10000, PerHour: 1000}, after: Limits{PerMinute: 10000, PerHour: 1800}},
		"the hour's is removed": {before: Limits{PerMinute: 10000, PerHour: 1000}, after: Limits{PerMinute: 10000}},
		"the member's, beside one that has more": {
			before: Limits{PerMinute: 100}, after: Limits{PerMinute: 5000}, other: Limits{PerMinute: 10000},
		},
		"the account's": {before: Limits{PerMinute: 500}, after: Limits{PerMinute: 5000}, other: Limits{PerMinute: 400}},
	} {
		t.Run(name, func(t *testing.T) {
			g, c := NewWithT(t), clocktesting.NewFakePassiveClock(start)
			p := NewPace(c, nil)
			if test.other != (Limits{}) {
				p.Join("other", test.other)
			}
			share := p.Join("a", test.before)
			share.passes(Priority{Class: Finishing})
			last := share.waits(g, 300)
			g.Expect(p.Released()).To(BeEmpty())
			c.SetTime(c.Now().Add(time.Second))
			p.Join("a", test.after)
			g.Expect(p.Released()).To(HaveLen(300))
			g.Expect(p.Released()).To(BeEmpty())
			leave, refused := share.gate.enter("a", last)
			g.Expect(refused).NotTo(HaveOccurred())
			leave()
		})
	}
}

func TestALimitOfOneMemberGrowsThoseThatWaitForAnotherKeepTheirPlaces(t *testing.T) {
	g, c := NewWithT(t), clocktesting.NewFakePassiveClock(start)
	p := NewPace(c, nil)
	p.Join("largest", Limits{PerMinute: 10000})
	p.Join("grows", Limits{PerMinute: 100})
	share := p.Join("a", Limits{PerMinute: 100})
	share.passes(Priority{Class: Finishing})
	share.waits(g, 3)
	p.Join("grows", Limits{PerMinute: 200})
	g.Expect(p.Released()).To(BeEmpty())
}

func TestACallerWaitsForTwoLimitsItIsReleasedOnce(t *testing.T) {
	g, c := NewWithT(t), clocktesting.NewFakePassiveClock(start)
	p := NewPace(c, nil)
	share := p.Join("a", Limits{PerMinute: 100})
	share.passes(Priority{Class: Finishing})
	for _, class := range []Class{Urgent, Routine} {
		_, refused := share.gate.enter("a", Priority{Caller: "w", Class: class})
		g.Expect(refused).To(HaveOccurred())
	}
	p.Join("a", Limits{PerMinute: 200})
	g.Expect(p.Released()).To(ConsistOf("w"))
}

// The message of a Webhook must not change while it waits for the same limit.
func TestMembersHaveTheSameLimitARefusalNamesTheSourceOfItsOwn(t *testing.T) {
	g, c := NewWithT(t), clocktesting.NewFakePassiveClock(start)
	p := NewPace(c, nil)
	shares := map[Source]*Share{
		FromSpec:       p.Join("b", Limits{PerMinute: 500}),
		FromAssumption: p.Join("a", Limits{PerMinute: 500, Assumed: true}),
	}
	smaller := p.Join("c", Limits{PerMinute: 499})
	shares[FromSpec].passes(Priority{})
	for range 50 {
		for source, share := range shares {
			_, refused := share.gate.enter(share.member, Priority{Caller: "w"})
			g.Expect(refused.Limit).To(Equal(Limit{Calls: 500, Period: time.Minute, From: source}))
		}
		_, refused := smaller.gate.enter(smaller.member, Priority{Caller: "w"})
		g.Expect(refused.Limit.From).To(Equal(FromAssumption), "that of the first by name")
	}
}

func TestTheLimitOfAMemberIsUsedUpARefusalNamesIt(t *testing.T) {
	g, c := NewWithT(t), clocktesting.NewFakePassiveClock(start)
	p := NewPace(c, nil)
	p.Join("a", Limits{PerMinute: 100, Assumed: true})
	p.Join("largest", Limits{PerMinute: 1000})
	share := p.Join("b", Limits{PerMinute: 100})
	share.passes(Priority{})
	_, refused := share.gate.enter("b", Priority{Caller: "w"})
	g.Expect(refused.Limit).To(Equal(Limit{Calls: 100, Period: time.Minute, From: FromSpec}))
}

func TestALimitOfTheHourIsTold(t *testing.T) {
	g := NewWithT(t)
	g.Expect(Limit{Calls: 1000, Period: time.Hour, From: FromSpec}.String()).To(
		Equal("1000 requests an hour (spec.rateLimit of the connection)"))
}

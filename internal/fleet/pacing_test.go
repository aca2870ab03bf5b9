package fleet_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

const smallPause = 80 * time.Second

// newUnevenTeam makes an account whose first member has a small limit and whose second has a large one.
func newUnevenTeam(t *testing.T) *team {
	e := newTeam(t, "a")
	e.members[0].SetCadence(fleet.Cadence{Interval: time.Hour, Pause: smallPause})
	e.members[1].SetCadence(fleet.Cadence{Interval: 10 * time.Second, Pause: time.Second})
	return e
}

func TestAMemberMayListMoreOftenTheOthersLeaveTheListsToIt(t *testing.T) {
	e := newUnevenTeam(t)
	e.poll(t, 1)
	e.Expect(e.members[1].PollIn()).To(Equal(10 * time.Second))
	e.Expect(e.members[0].PollIn()).To(Equal(10*time.Second+smallPause), "if the other does not")
	e.clock.Step(time.Second)
	enqueued := e.enqueued
	e.fleet.AwaitSince(e.clock.Now(), "w")
	e.Expect(e.enqueued[0]).To(Equal(enqueued[0]))
	e.Expect(e.enqueued[1]).To(Equal(enqueued[1]+1), "the list is requested of it")
	e.Expect(e.members[1].PollIn()).To(BeZero())
}

func TestTheMemberThatMayListMoreOftenFailsTheOtherListsAtItsOwnPause(t *testing.T) {
	e := newUnevenTeam(t)
	e.ways[1].fail("list", errUnauthorized)
	_, err := e.members[1].Poll(t.Context())
	e.Expect(err).To(MatchError(errUnauthorized))
	e.Expect(e.members[0].PollIn()).To(BeZero())
	e.poll(t, 0)
	e.Expect(e.members[0].PollIn()).To(Equal(smallPause), "not every 10 s, as the other would")
}

func TestAMemberIsPacedByItsOwnLimitAnotherListsAtOnce(t *testing.T) {
	e := newUnevenTeam(t)
	e.poll(t, 1)
	e.clock.Step(time.Minute)
	paced := &platform.ThrottledError{After: 40 * time.Second, Own: true}
	e.ways[1].fail("list", paced)
	enqueued := e.enqueued[0]
	_, err := e.members[1].Poll(t.Context())
	e.Expect(err).To(MatchError(paced))
	e.Expect(e.enqueued[0]).To(Equal(enqueued + 1))
	e.Expect(e.members[0].PollIn()).To(BeZero())
	e.Expect(e.members[1].PollIn()).To(Equal(40 * time.Second))
	e.poll(t, 0)
	e.Expect(e.members[1].PollIn()).To(Equal(40*time.Second), "longer than the account's interval")
}

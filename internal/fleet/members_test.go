package fleet_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

func (e *team) presence(id string) fleet.Presence {
	_, presence := e.fleet.Lookup(id)
	return presence
}

func TestAMemberLeavesDuringItsListTheListIsDiscardedAndTheOthersList(t *testing.T) {
	e := newTeam(t, "a")
	e.poll(t, 0)
	e.clock.Step(testCadence.Interval)
	e.ways[0].afterNext("list", func() error { e.registry.Leave("a/default"); return nil })
	before := e.enqueued[1]
	e.ways[0].remove("a")
	_, err := e.members[0].Poll(t.Context())
	e.Expect(err).To(HaveOccurred())
	e.Expect(e.presence("a")).To(Equal(fleet.Present))
	e.Expect(e.enqueued[1]).To(Equal(before + 1))
	e.Expect(e.members[1].PollIn()).To(BeZero())
	e.poll(t, 1)
	e.Expect(e.presence("a")).To(Equal(fleet.Missing))
}

func TestTheLastMemberLeavesDuringItsListNothingIsRemembered(t *testing.T) {
	s := newRegistryScene(t, "a")
	s.remote.afterNext("list", func() error { s.registry.Leave("a/default"); return nil })
	_, err := s.member.Poll(t.Context())
	s.Expect(err).To(HaveOccurred())
	s.Expect(s.fleet.Synced()).To(BeFalse())
	s.Expect(s.fleet.Size()).To(BeZero())
	s.join()
	_, err = s.member.Poll(t.Context())
	s.Expect(err).NotTo(HaveOccurred())
}

// registryScene is an account whose one member comes and goes.
type registryScene struct {
	*scene
	registry *fleet.Registry
	member   *fleet.Member
	joined   int
}

func newRegistryScene(t *testing.T, ids ...string) *registryScene {
	s := &registryScene{scene: newScene(t, ids...)}
	s.registry = fleet.NewRegistry(s.clock)
	s.join()
	s.poll()
	return s
}

func (s *registryScene) join() {
	s.joined++
	s.member = s.registry.Join("platform/0", "a/default", s.remote, testCadence, func() { s.pollRequests.Add(1) })
	s.fleet = account{s.member, s.member.Fleet()}
}

// Until a write has ended, no list speaks about its webhook, whatever else came and went.
func TestAMemberLeavesAndJoinsDuringAWriteListsDoNotChangeTheWrittenWebhook(t *testing.T) {
	s := newRegistryScene(t, "a")
	old := s.fleet
	s.remote.afterNext("update", func() error { // it has taken effect
		s.registry.Leave("a/default")
		s.join()
		s.remote.remove("a")
		s.poll()
		return nil
	})
	_, err := old.Update(t.Context(), platform.Priority{}, "a", platform.Patch{Active: new(true)})
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(s.active("a")).To(BeTrue(), "the answer is what is known last")
	s.Expect(s.poll()).To(ConsistOf("a"))
	s.Expect(s.presence("a")).To(Equal(fleet.Missing))
}

func TestAnOldClientsCredentialsAreRefusedTheNewOneIsNotBlocked(t *testing.T) {
	s := newListedScene(t, "a")
	s.remote.beforeNext("update", func() error { s.fleet.Use(newRemote("a")); return errUnauthorized })
	s.Expect(s.activate("a")).To(MatchError(errUnauthorized))
	s.Expect(s.fleet.Failure()).NotTo(HaveOccurred())
}

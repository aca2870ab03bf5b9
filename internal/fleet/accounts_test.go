package fleet_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"

	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

func TestAccountOfIsTheSameForEverySpellingOfItsURLs(t *testing.T) {
	g := NewWithT(t)
	account := fleet.AccountOf("https://api.bentley.com", "https://ims.bentley.com/connect/token", "service-app")
	g.Expect(account).To(MatchRegexp(`^api\.bentley\.com/[0-9a-f]{16}$`))
	for _, same := range []string{"https://API.bentley.com", "https://api.bentley.com:443", "https://api.bentley.com/", "HTTPS://api.bentley.com"} {
		g.Expect(fleet.AccountOf(same, "https://ims.bentley.com:443/connect/token", "service-app")).To(Equal(account))
	}
	for _, other := range [][3]string{
		{"https://api.bentley.com/other", "https://ims.bentley.com/connect/token", "service-app"},
		{"https://api.bentley.com:444", "https://ims.bentley.com/connect/token", "service-app"},
		{"https://api.bentley.com", "https://ims.bentley.com/connect/token2", "service-app"},
		{"https://api.bentley.com", "https://ims.bentley.com/connect/token", "Service-app"},
	} {
		g.Expect(fleet.AccountOf(other[0], other[1], other[2])).NotTo(Equal(account))
	}
	g.Expect(fleet.AccountOf("http://127.0.0.1:8090", "", "")).To(HavePrefix("127.0.0.1:8090/"))
}

func TestAccountOfURLsInMoreSpellingsIsTheSame(t *testing.T) {
	const token, client = "https://ims.bentley.com/connect/token", "service-app"
	account := fleet.AccountOf("https://api.bentley.com/a~b", token, client)
	for _, same := range []string{
		"https://api.bentley.com./a~b", "https://api.bentley.com/a%7Eb", "https://api.bentley.com/x/../a~b",
		"https://api.bentley.com:/a~b", "https://api.bentley.com.:443/./a~b/",
	} {
		NewWithT(t).Expect(fleet.AccountOf(same, token, client)).To(Equal(account), same)
	}
}

// What installed objects hold in status.account must not change.
func TestAccountOfPlainURLsStaysAsItWas(t *testing.T) {
	for account, of := range map[string][2]string{
		"api.bentley.com/45a475e503401a77":    {"https://api.bentley.com", "https://ims.bentley.com/connect/token"},
		"127.0.0.1:8090/bf6d24d248a4ff56":     {"http://127.0.0.1:8090", "http://127.0.0.1:8090/connect/token"},
		"[2001:db8::1]:8443/8919b3d742934835": {"https://[2001:db8::1]:8443/itwin/", "https://ims.bentley.com/connect/token"},
	} {
		NewWithT(t).Expect(fleet.AccountOf(of[0], of[1], "service-app")).To(Equal(account))
	}
}

// team is an account with two members, each with a way of its own to the same platform.
type team struct {
	*WithT
	registry *fleet.Registry
	clock    *clocktesting.FakeClock
	ways     [2]*remote
	members  [2]*fleet.Member
	enqueued [2]int
	fleet    *fleet.Fleet
}

func newTeam(t *testing.T, ids ...string) *team {
	c := clocktesting.NewFakeClock(start)
	e := &team{WithT: NewWithT(t), registry: fleet.NewRegistry(c), clock: c}
	first := newRemote(ids...)
	for i, name := range []string{"a/default", "b/default"} {
		e.ways[i] = newRemote()
		e.ways[i].webhooks = first.webhooks
		e.members[i] = e.registry.Join("platform/0", name, e.ways[i], testCadence, func() { e.enqueued[i]++ })
	}
	e.fleet = e.members[0].Fleet()
	return e
}

func (e *team) poll(t *testing.T, member int) {
	t.Helper()
	_, err := e.members[member].Poll(t.Context())
	e.Expect(err).NotTo(HaveOccurred())
}

func TestMembersShareOneSnapshotAndOneList(t *testing.T) {
	e := newTeam(t, "a")
	e.Expect(e.members[1].Fleet()).To(BeIdenticalTo(e.fleet))
	e.poll(t, 0)
	e.Expect(e.members[1].PollIn()).To(Equal(testCadence.Interval), "the other need not list")
	e.Expect(e.enqueued).To(Equal([2]int{0, 1}), "it is told to report")
	_, presence := e.fleet.Lookup("a")
	e.Expect(presence).To(Equal(fleet.Present))
	e.Expect(e.registry.Account("platform/0")).To(BeIdenticalTo(e.fleet))
	e.Expect(names(e.registry.Members(e.fleet))).To(Equal([]string{"a/default", "b/default"}))
}

func TestTheShortestIntervalOfTheMembersInUseCounts(t *testing.T) {
	e := newTeam(t)
	e.members[1].SetCadence(fleet.Cadence{Interval: 10 * time.Second, Pause: time.Second})
	e.poll(t, 0)
	e.Expect(e.members[0].PollIn()).To(Equal(10 * time.Second))
	e.members[1].Close(errRefused)
	e.Expect(e.members[0].PollIn()).To(Equal(testCadence.Interval))
	e.Expect(names(e.registry.Members(e.fleet))).To(Equal([]string{"a/default", "b/default"}), "deletions go through it")
}

func TestRefusedCredentialsAffectOneMember(t *testing.T) {
	e := newTeam(t, "a")
	e.poll(t, 0)
	e.ways[0].fail("update", errUnauthorized)
	_, err := e.members[0].Update(t.Context(), platform.Priority{}, "a", platform.Patch{Active: new(true)})
	e.Expect(err).To(MatchError(errUnauthorized))
	e.Expect(e.members[0].Failure()).To(toldAs(errUnauthorized))
	e.Expect(e.members[1].Failure()).NotTo(HaveOccurred())
	_, err = e.members[1].Update(t.Context(), platform.Priority{}, "a", platform.Patch{Active: new(true)})
	e.Expect(err).NotTo(HaveOccurred())

	e.ways[0].fail("list", errUnauthorized)
	e.clock.Step(testCadence.Interval)
	_, err = e.members[0].Poll(t.Context())
	e.Expect(err).To(MatchError(errUnauthorized))
	e.Expect(e.members[0].Outcome()).To(MatchError(errUnauthorized))
	e.Expect(e.members[1].Outcome()).NotTo(HaveOccurred())
	e.Expect(e.members[1].PollIn()).To(BeZero(), "the next member lists instead")
	e.poll(t, 1)
	e.Expect(e.members[1].PollIn()).To(Equal(testCadence.Interval))
	e.Expect(e.members[0].PollIn()).To(BeNumerically("<=", 5*time.Minute), "the first one tries again by itself")
	e.clock.Step(5 * time.Minute)
	e.poll(t, 0)
	e.Expect(e.members[0].Outcome()).NotTo(HaveOccurred())
}

func TestAnOutageIsSharedByAllMembers(t *testing.T) {
	e := newTeam(t, "a")
	e.poll(t, 0)
	e.ways[0].fail("update", errUnavailable)
	_, err := e.members[0].Update(t.Context(), platform.Priority{}, "a", platform.Patch{Active: new(true)})
	e.Expect(err).To(MatchError(errUnavailable))
	for _, m := range e.members {
		e.Expect(m.Failure()).To(toldAs(errUnavailable))
	}
	e.ways[1].fail("list", errUnavailable)
	_, err = e.members[1].Poll(t.Context())
	e.Expect(err).To(HaveOccurred())
	for _, m := range e.members {
		e.Expect(m.Outcome()).To(MatchError(errUnavailable), "each connection reports it")
	}
	e.clock.Step(time.Second)
	e.poll(t, 0)
	for _, m := range e.members {
		e.Expect(m.Failure()).NotTo(HaveOccurred())
		e.Expect(m.Outcome()).NotTo(HaveOccurred())
	}
}

func TestAMemberThatJoinsAnotherAccountLeavesItsOwn(t *testing.T) {
	e := newTeam(t, "a")
	e.poll(t, 0)
	other := e.registry.Join("platform/1", "a/default", newRemote("x"), testCadence, func() {})
	e.Expect(e.registry.Member("a/default")).To(BeIdenticalTo(other))
	e.Expect(names(e.registry.Members(e.fleet))).To(Equal([]string{"b/default"}))
	_, presence := other.Fleet().Lookup("a")
	e.Expect(presence).To(Equal(fleet.Unseen))
	e.registry.Leave("b/default")
	e.Expect(e.registry.Account("platform/0")).To(BeNil(), "no connection reaches it")
	e.Expect(e.fleet.Synced()).To(BeFalse(), "its snapshot would grow old")
}

func TestAnAccountRemembersItsPauseForAnHourWithoutMembers(t *testing.T) {
	g, c := NewWithT(t), clocktesting.NewFakeClock(start)
	r := fleet.NewRegistry(c)
	r.Join("platform/0", "a/default", newRemote(), testCadence, func() {})
	share := r.Share("platform/0", "a/default", platform.Limits{PerMinute: 400})
	r.Leave("a/default")
	c.Step(59 * time.Minute)
	r.Join("platform/2", "c/default", newRemote(), testCadence, func() {})
	g.Expect(r.Share("platform/0", "a/default", platform.Limits{PerMinute: 400})).To(Equal(share), "the same pace")
	c.Step(2 * time.Hour)
	r.Share("platform/1", "b/default", platform.Limits{})
	g.Expect(r.Account("platform/0")).To(BeNil())
}

func TestMarkedWebhooksAreFoundByTheirOwner(t *testing.T) {
	s := newListedScene(t, "a", "b")
	mark := func(id, owner string) {
		s.remote.change(id, func(w *platform.Webhook) { w.Mark = owner })
	}
	mark("a", "one")
	mark("b", "one")
	s.poll()
	s.Expect(idsOf(s.fleet.Marked("one"))).To(Equal([]string{"a", "b"}))
	s.Expect(s.fleet.Marked("two")).To(BeEmpty())
	s.remote.change("a", func(w *platform.Webhook) { w.Mark = "" })
	s.Expect(s.activate("a")).To(Succeed(), "an update takes the mark off")
	s.Expect(idsOf(s.fleet.Marked("one"))).To(Equal([]string{"b"}))
	s.remote.hide("b", true)
	s.poll()
	s.Expect(s.fleet.Marked("one")).To(BeEmpty(), "what is missing may be gone")
	s.remote.hide("b", false)
	s.poll()
	s.Expect(s.deleteRemote("b")).To(Succeed())
	s.Expect(s.fleet.Marked("one")).To(BeEmpty())
}

func TestIdsAreTheSameInEitherCase(t *testing.T) {
	s := newListedScene(t, "AB-12")
	_, presence := s.fleet.Lookup("ab-12")
	s.Expect(presence).To(Equal(fleet.Present))
	s.Expect(s.fleet.Claim("ab-12", "one")).To(BeTrue())
	s.Expect(s.fleet.Claim("AB-12", "two")).To(BeFalse())
	s.Expect(s.activate("ab-12")).To(Succeed())
	s.Expect(s.remote.sent()).To(Equal([]string{"update AB-12"}), "calls use the platform's own spelling")
}

func TestTimesThatMoveByThemselvesAreNoticed(t *testing.T) {
	s := newListedScene(t, "a", "b", "c")
	move := func(ids ...string) {
		for _, id := range ids {
			s.remote.change(id, func(w *platform.Webhook) { w.Modified = w.Modified.Add(time.Second) })
		}
		s.poll()
	}
	move("a")
	s.Expect(s.fleet.Restlessness()).To(Equal(fleet.Steady))
	move("a", "b", "c")
	s.Expect(s.fleet.Restlessness()).To(Equal(fleet.Suspect))
	move()
	s.Expect(s.fleet.Restlessness()).To(Equal(fleet.Steady), "it was a change of all at once")
	for range 3 {
		move("a", "b", "c")
	}
	s.Expect(s.fleet.Restlessness()).To(Equal(fleet.Restless))
	move()
	s.Expect(s.fleet.Restlessness()).To(Equal(fleet.Restless), "they are not relied on any more")
}

func names(members []*fleet.Member) (names []string) {
	for _, m := range members {
		names = append(names, m.Name())
	}
	return names
}

package platform

import (
	"net/http"
	"sort"
	"strconv"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"
)

// service is a platform that counts the calls of an account, in some way, and tells how many are left.
type service struct {
	*WithT
	pace  *Pace
	share *Share
	clock *clocktesting.FakePassiveClock
	// limits, of which hour may be 0, and whether the hour is what it tells of.
	minute, hour int
	tellsHour    bool
	tier         string
	silent       bool
	// says is the number of remaining calls that answers have instead of the right one; nil for that.
	says    func() int
	calls   []time.Time
	refused int
}

func newService(t *testing.T, minute, hour int) *service {
	c := clocktesting.NewFakePassiveClock(start)
	p := NewPace(c, nil)
	return &service{
		WithT: NewWithT(t), pace: p, clock: c, minute: minute, hour: hour,
		share: p.Join("a", Limits{PerMinute: AssumedPerMinute, Assumed: true, ListEvery: time.Minute}),
	}
}

// used is how many calls there were in the last period. They are in the order of time.
func (s *service) used(period time.Duration) int {
	now := s.clock.Now()
	first := sort.Search(len(s.calls), func(i int) bool { return s.calls[i].Add(period).After(now) })
	return len(s.calls) - first
}

// answer counts a call of any client.
func (s *service) answer() *http.Response {
	response := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}}
	if s.used(time.Minute) >= s.minute || s.hour > 0 && s.used(time.Hour) >= s.hour {
		s.refused++
		response.StatusCode = http.StatusTooManyRequests
		return response
	}
	s.calls = append(s.calls, s.clock.Now())
	left := s.minute - s.used(time.Minute)
	if s.tellsHour {
		left = s.hour - s.used(time.Hour)
	}
	if s.says != nil {
		left = s.says()
	}
	if !s.silent {
		response.Header.Set("iTwinPlatform-RateLimit-RemainingCalls", strconv.Itoa(left))
	}
	if s.tier != "" {
		response.Header.Set("iTwinPlatform-Tier", s.tier)
	}
	return response
}

// call lets the operator make a call, and reports whether it was sent.
func (s *service) call(class Class) bool {
	leave, refused := s.share.gate.enter("a", Priority{Class: class})
	if refused != nil {
		return false
	}
	defer leave()
	s.answered()
	return true
}

// answered lets the platform answer a call of the operator that was let through.
func (s *service) answered() {
	ended := s.share.gate.endedSoFar()
	said := rateHeadersOf(s.answer())
	s.share.gate.learn(said, ended)
	if said.exceeded {
		s.share.gate.close(defaultRetryAfter)
	}
}

// burst lets the operator make as many calls as it may.
func (s *service) burst() (sent int) {
	for s.call(Finishing) {
		sent++
	}
	return sent
}

// lists lets so many minutes pass, with a list in each.
func (s *service) lists(minutes int) {
	for range minutes {
		s.clock.SetTime(s.clock.Now().Add(time.Minute + time.Second))
		s.call(listing)
	}
}

func (s *service) inForce() InForce { return s.pace.InForce("a") }

func TestTheSubscriptionIsNamedWhatItGrantsIsUsedAtOnce(t *testing.T) {
	s := newService(t, 5000, 0)
	s.tier = "Standard"
	s.call(listing)
	s.Expect(s.inForce()).To(Equal(InForce{
		PerMinute: 5000, MinuteFrom: FromPlatform, HourFrom: FromSpec, MinuteLeft: 4999, HourLeft: s.inForce().HourLeft,
		Tier: "Standard",
	}))
	s.Expect(s.burst()).To(Equal(4998), "one is left to a list")
	s.Expect(s.refused).To(BeZero())
}

func TestNoSubscriptionIsNamedTheAssumptionStays(t *testing.T) {
	for _, tier := range []string{"", "Large"} {
		s := newService(t, 5000, 0)
		s.tier = tier
		for range 3 {
			s.lists(3)
			s.Expect(s.burst()).To(BeNumerically("<", 500))
		}
		s.Expect(s.inForce()).To(And(HaveField("PerMinute", 500), HaveField("MinuteFrom", FromAssumption)), "tier %q", tier)
	}
}

// The number of remaining calls may be that of the hour, where the minute has a limit of its own.
func TestTheNumberIsOfTheHourNothingIsConcluded(t *testing.T) {
	for _, tier := range []string{"", "Community", "trial"} {
		s := newService(t, 500, 5000)
		s.tellsHour, s.tier = true, tier
		for range 9 {
			s.lists(3)
			s.burst()
		}
		s.Expect(s.refused).To(BeZero(), "tier %q", tier)
		s.Expect(s.inForce().PerMinute).To(BeNumerically("<=", 500))
		if tier != "" {
			s.Expect(s.inForce()).To(And(HaveField("PerHour", 5000), HaveField("HourFrom", FromPlatform)))
		}
	}
}

func TestOthersUseTheSameCredentialsTheirPartIsLeftOut(t *testing.T) {
	for _, configured := range []Limits{{PerMinute: 500, Assumed: true}, {PerMinute: 500}, {PerMinute: 3000}} {
		s := newService(t, 500, 0)
		s.share = s.pace.Join("a", configured)
		for range 8 {
			s.clock.SetTime(s.clock.Now().Add(time.Minute + time.Second))
			for range 300 {
				s.answer()
			}
			s.call(listing)
			s.Expect(s.burst()).To(BeNumerically("~", 198, 2))
		}
		s.Expect(s.refused).To(BeZero(), "%+v", configured)
	}
}

func TestThePlatformGrantsLessThanConfiguredThatIsInForce(t *testing.T) {
	s := newService(t, 100, 0)
	s.lists(1)
	s.Expect(s.burst()).To(BeNumerically("~", 98, 1))
	s.lists(70)
	s.Expect(s.inForce()).To(And(HaveField("PerMinute", 100), HaveField("MinuteFrom", FromPlatform)))
	s.Expect(s.refused).To(BeZero())
	s.minute = 400
	s.lists(1)
	s.Expect(s.inForce().PerMinute).To(Equal(400), "more is used at once")
}

func TestASmallerSubscriptionIsNoticed(t *testing.T) {
	s := newService(t, 5000, 0)
	s.tier = "Premium"
	s.lists(1)
	s.Expect(s.inForce().PerMinute).To(Equal(5000))
	s.minute = 500
	s.lists(70)
	s.Expect(s.inForce().PerMinute).To(Equal(500))
	s.Expect(s.burst()).To(BeNumerically("<=", 500))
	s.Expect(s.refused).To(BeZero())
}

func TestThePlatformRefusesWhatItSaidWasLeftItIsNotBelievedForAnHour(t *testing.T) {
	s := newService(t, 500, 5000)
	s.tellsHour, s.tier = true, "Standard"
	s.call(listing)
	s.burst()
	s.Expect(s.refused).To(BeNumerically(">", 0))
	s.refused = 0
	for range 9 {
		s.lists(1)
		s.burst()
	}
	s.Expect(s.inForce().PerMinute).To(Equal(500))
	s.Expect(s.refused).To(BeZero())
}

func TestAConfiguredLimitIsNotExceededWhateverThePlatformGrants(t *testing.T) {
	s := newService(t, 5000, 0)
	s.tier = "Standard"
	s.share = s.pace.Join("a", Limits{PerMinute: 700})
	s.lists(2)
	s.Expect(s.burst()).To(BeNumerically("<", 700))
	s.Expect(s.inForce()).To(And(HaveField("PerMinute", 700), HaveField("MinuteFrom", FromSpec)))
}

func TestTheAnswersSayNothingTheAssumptionStays(t *testing.T) {
	s := newService(t, 5000, 0)
	s.silent = true
	for range 10 {
		s.lists(3)
		s.Expect(s.burst()).To(BeNumerically("<", 500))
	}
	s.Expect(s.inForce().MinuteFrom).To(Equal(FromAssumption))
}

func TestALimitGrowsThoseThatWaitAreReleased(t *testing.T) {
	s := newService(t, 5000, 0)
	s.burst()
	for _, c := range callers(300) {
		_, refused := s.share.gate.enter("a", c)
		s.Expect(refused).To(HaveOccurred())
	}
	s.Expect(s.pace.Released()).To(BeEmpty())
	s.tier = "Standard"
	s.clock.SetTime(s.clock.Now().Add(2 * time.Minute))
	s.call(listing)
	s.Expect(s.pace.Released()).To(HaveLen(300))
	s.Expect(s.pace.Released()).To(BeEmpty(), "each once")
	leave, refused := s.share.gate.enter("a", Priority{Caller: "caller 299"})
	s.Expect(refused).NotTo(HaveOccurred())
	leave()
}

// Whatever stands in the headers, nothing but a plain number counts.
func TestOddHeadersAreIgnored(t *testing.T) {
	for _, value := range []string{"", "many", "-1", "4999.5", "99999999999", "1000000", "0x10", "5 000", " "} {
		h := http.Header{}
		h.Set("iTwinPlatform-RateLimit-RemainingCalls", value)
		NewWithT(t).Expect(rateHeadersOf(&http.Response{Header: h}).remaining).To(Equal(-1), "%q", value)
	}
	h := http.Header{}
	h.Set("itwinplatform-ratelimit-remainingcalls", " 17 ")
	h.Set("itwinplatform-ratelimited-tier", "Stan\ndard"+string(make([]byte, 100)))
	said := rateHeadersOf(&http.Response{Header: h})
	NewWithT(t).Expect(said.remaining).To(Equal(17))
	NewWithT(t).Expect(len(said.tier)).To(BeNumerically("<=", maxTier+len("…")))
}

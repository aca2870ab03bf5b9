package platform_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"

	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/simulator"
)

// minute lets the client make a list and then as many reads as it may, and a minute pass. It returns how many were sent,
// and how many of them the platform refused because of its limit.
func (s *scene) minute(id string) (sent, refused int) {
	s.t.Helper()
	for range 6000 {
		operation := "get"
		if sent == 0 {
			operation = "list"
		}
		err := operations[operation](s, id)
		if _, limited := platform.IsRateLimited(err); !limited {
			s.Expect(err).NotTo(HaveOccurred())
		}
		api, _ := s.wire.take()
		sent += len(api)
		if len(api) == 0 {
			break
		}
		if err != nil {
			refused++
		}
	}
	s.pass(time.Minute + time.Second)
	return sent, refused
}

// The platform's limits are not known beforehand: its answers show them, and none is overrun to find out. Nine of ten
// calls go at once.
func TestThePlatformsAnswersShowItsLimits(t *testing.T) {
	for _, test := range []struct {
		name       string
		platform   simulator.Options
		limits     platform.Limits
		then, from types.GomegaMatcher
	}{
		{
			"a named subscription with a larger limit", simulator.Options{RequestsPerMinute: 1200, Subscription: "Standard"},
			platform.Limits{}, BeNumerically("~", 1080, 3), Equal(platform.FromPlatform),
		},
		{
			"a larger limit of a subscription that no answer names", simulator.Options{RequestsPerMinute: 1200},
			platform.Limits{}, BeNumerically("~", 451, 2), Equal(platform.FromAssumption),
		},
		{
			"a named subscription with a larger limit, and a smaller one in the spec", simulator.Options{
				RequestsPerMinute: 1200, Subscription: "Standard",
			}, platform.Limits{PerMinute: 700}, BeNumerically("~", 631, 2), Equal(platform.FromSpec),
		},
		{
			"the smallest subscription", simulator.Options{RequestsPerMinute: 500, RequestsPerHour: 5000}, platform.Limits{},
			BeNumerically("~", 451, 2), Equal(platform.FromAssumption),
		},
		{
			"the smallest subscription, and its answers speak of the hour", simulator.Options{
				RequestsPerMinute: 500, RequestsPerHour: 5000, Variants: []string{"remaining-calls-of-hour"},
			}, platform.Limits{}, BeNumerically("~", 451, 2), Equal(platform.FromAssumption),
		},
		{
			"a larger limit that no answer shows", simulator.Options{
				RequestsPerMinute: 1200, Variants: []string{"remaining-calls-absent"},
			}, platform.Limits{}, BeNumerically("~", 451, 2), Equal(platform.FromAssumption),
		},
		{
			"a limit below what the spec has", simulator.Options{RequestsPerMinute: 50}, platform.Limits{PerMinute: 3000},
			BeNumerically("~", 45, 2), Equal(platform.FromSpec),
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			limits := test.limits
			if limits.PerMinute == 0 {
				limits = platform.Limits{PerMinute: platform.AssumedPerMinute, Assumed: true}
			}
			s := newScene(t, test.platform)
			pace := platform.NewPace(s.clock, nil)
			s.client.Pace(pace.Join("a", limits))
			id := s.created().ID
			s.pass(2 * time.Minute)
			last := 0
			for range 4 {
				sent, refused := s.minute(id)
				s.Expect(refused).To(BeZero())
				last = sent
			}
			s.Expect(last).To(test.then)
			s.Expect(pace.InForce("a").MinuteFrom).To(test.from)
		})
	}
}

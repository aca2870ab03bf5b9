package platform_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"

	"webhook-operator.io/itwin/internal/platform"
)

// Retries of what was refused take a twentieth of the account's rate limit, however many wait for one.
func TestRetriesOfRefusedRequestsTakeATwentiethOfTheLimit(t *testing.T) {
	for name, c := range map[string]struct {
		limits platform.Limits
		most   int
	}{
		"a minute's limit":      {platform.Limits{PerMinute: 100}, 5*60 + 1},
		"an hour's limit":       {platform.Limits{PerMinute: 500, PerHour: 1000}, 50 + 1},
		"two members, the most": {platform.Limits{PerMinute: 200}, 10*60 + 1},
	} {
		t.Run(name, func(t *testing.T) {
			g, c0 := NewWithT(t), clocktesting.NewFakeClock(time.Unix(0, 0))
			pace := platform.NewPace(c0, nil)
			pace.Join("a", c.limits)
			pace.Join("b", platform.Limits{PerMinute: 10, PerHour: 10})
			retries := 0
			for range 3600 {
				for range 3 {
					if pace.RetryIn() == 0 {
						retries++
					}
				}
				c0.Step(time.Second)
			}
			g.Expect(retries).To(BeNumerically("~", c.most, 2))
		})
	}
}

func TestWithoutALimitRetriesWaitForNothing(t *testing.T) {
	g := NewWithT(t)
	pace := platform.NewPace(clocktesting.NewFakeClock(time.Unix(0, 0)), nil)
	for range 100 {
		g.Expect(pace.RetryIn()).To(BeZero())
	}
}

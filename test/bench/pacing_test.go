package bench

import (
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// TestDefaultRateLimitIsRespected lets a platform that allows 500 calls a minute, in any minute, judge the default.
func TestDefaultRateLimitIsRespected(t *testing.T) {
	t.Parallel()
	s := newScene(t, pacingSection)
	const perMinute, burst = 500, 125
	f := s.newFleet(fmt.Sprintf("--requests-per-minute=%d", perMinute))
	f.connect(seldom, 0)
	o := s.startOperator("--watch-namespace=" + f.namespace)
	all := names("paced", pick(400, 80))
	begun := time.Now()
	f.apply(all, nil)
	first := f.awaitSome(1).Sub(begun)
	half := f.awaitSome(len(all) / 2).Sub(begun)
	f.awaitReady(len(all))
	took := time.Since(begun)
	s.quiet(o)

	n, calls := len(all), f.calls()
	s.atMost(fmt.Sprintf("create %d: calls to the platform", n), total(calls), 2*n+3)
	s.exactly("calls answered with 429", int(s.metric(o, "itwin_api_requests_total", `code="429"`)), 0)
	beyond := float64(total(calls) - calls[tokens] - burst)
	s.tell("time until the first, half, and all are ready", fmt.Sprintf("%s, %s, %s", short(first), short(half),
		short(took)), "")
	s.tell("the least that the limit allows", short(time.Duration(beyond/(perMinute-burst)*float64(time.Minute))), "")
	s.tell("writes of each Webhook, most", fmt.Sprint(most(o.perWebhook())), "3, and 1 if it waits over a minute")
}

// awaitSome waits until so many Webhooks are ready, and tells when.
func (f *fleet) awaitSome(n int) time.Time {
	f.Helper()
	f.Eventually(func() int { return f.seen.count(isReady) }).Should(BeNumerically(">=", n))
	return time.Now()
}

package bench

import (
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/harness"
)

// perMinute is the limit of a platform whose clients have the shipped limit.
const perMinute = 500

// TestDefaultRateLimitIsRespected lets a platform that allows 500 calls a minute, in any minute, judge the default.
func TestDefaultRateLimitIsRespected(t *testing.T) {
	t.Parallel()
	all := names("paced", pick(400, 80))
	s := newScene(t, len(all), pacingTable, measured)
	f := s.newFleet(fmt.Sprintf("--requests-per-minute=%d", perMinute))
	f.connect(seldom, 0)
	o := s.startOperator("--watch-namespace=" + f.namespace)
	begun := time.Now()
	f.apply(all, nil)
	first := f.awaitSome(1).Sub(begun)
	half := f.awaitSome(len(all) / 2).Sub(begun)
	f.awaitReady(len(all))
	took := time.Since(begun)
	s.quiet(o)

	requests, err := f.platform.Requests(s.ctx)
	s.must(err)
	s.count("Webhooks", len(all))
	s.atMost("create: calls to the platform", requests.Total, formula(2*len(all)+3, "2N + 3"))
	s.atMost("calls in the busiest minute", requests.MostInAMinute, fixed(perMinute))
	s.exactly("calls answered with 429", int(s.metrics(o).Sum("itwin_api_requests_total", harness.Labels{"code": "429"})), fixed(0))
	s.took("time until the first is ready", first, "")
	s.took("time until half of them are ready", half, "")
	s.took("time until all are ready", took, "")
	s.atMost("writes of each Webhook, most; one more if it waits for a minute", most(o.perWebhook()), fixed(4))
}

// awaitSome waits until so many Webhooks are ready, and tells when.
func (f *fleet) awaitSome(n int) time.Time {
	f.Helper()
	f.Eventually(func() int { return f.seen.count(isReady) }).Should(BeNumerically(">=", n))
	return time.Now()
}

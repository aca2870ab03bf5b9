package bench

import (
	"fmt"
	"net/http"
	"time"

	. "github.com/onsi/gomega"
)

// newcomers: one new Webhook at a time while N exist, and their deletion.
func (s *story) newcomers() {
	s.fault("", "delay:"+latency.String())
	s.compare("alone", s.newcomer("alone"))
	s.must(s.platform.ClearFaults(s.ctx))

	gone := names("alone", s.samples)
	s.reset(s.operator)
	s.each(gone, func(name string) error { return s.plane.Client.Delete(s.ctx, s.webhook(name, nil)) })
	s.Eventually(func() int { return s.seen.count(exists) }).Should(Equal(len(s.names)))
	s.quiet(s.operator)
	calls := s.calls()
	each := formula(len(gone), "one each")
	s.exactly("delete: calls beside the lists", total(calls)-calls[lists], each)
	s.exactly("delete: writes of Webhooks", s.operator.writes("webhooks"), each)
}

// newcomer creates one Webhook after the other and measures how long each takes to be ready, as its user sees it.
func (s *story) newcomer(prefix string) (took delays) {
	s.Helper()
	for _, name := range names(prefix, s.samples) {
		ready := s.seen.expect(name, isReady)
		begun := time.Now()
		s.must(s.plane.Client.Create(s.ctx, s.webhook(name, nil)))
		took = append(took, s.await(ready).Sub(begun))
	}
	return took
}

// await waits for a sighting.
func (s *story) await(sighting <-chan time.Time) (at time.Time) {
	s.Helper()
	s.Eventually(sighting).Should(Receive(&at))
	return at
}

func (s *story) compare(beside string, took delays) {
	s.spread("new Webhook, "+beside+": ready after", took, (time.Second + callsToReady*latency).String())
}

// isolation: another connection is in trouble, with many Webhooks that have something to send.
func (s *story) isolation(failing *fleet) {
	others := names("other", pick(isolated, min(isolated, len(s.names))))
	failing.connect(*interval, unlimited)
	failing.awaitCalls(lists, 1)
	failing.fault(http.MethodPost, "status:429;retry-after=2")
	failing.apply(others, nil)
	failing.awaitCalls(creates, 1)
	s.fault("", "delay:"+latency.String())
	s.compare(fmt.Sprintf("beside %d throttled ones", len(others)), s.newcomer("beside-throttled"))

	s.must(failing.platform.ClearFaults(s.ctx))
	failing.fault(http.MethodPost, "delay:1h")
	held := failing.calls()[creates]
	failing.awaitCalls(creates, held+1)
	s.compare(fmt.Sprintf("beside %d that get no answer", len(others)), s.newcomer("beside-dead"))
	s.Expect(failing.seen.count(isReady)).To(BeNumerically("<", len(others)), "the other connection still fails")
	// Calls without an answer would hold up the end of the operator.
	s.must(failing.platform.Kill())
}

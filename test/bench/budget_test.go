package bench

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

const (
	// seldom is a pollInterval that no phase lives to see the end of.
	seldom = time.Hour
	// isolated is how many Webhooks the connection in trouble has.
	isolated = 500
	// latency is what the simulator adds to each call where latency is measured.
	latency = 50 * time.Millisecond
	// callsToReady is how many calls, one after the other, make a Webhook ready.
	callsToReady = 2
)

// story is the life of one fleet, phase by phase.
type story struct {
	*fleet
	operator *operator
	names    []string
	samples  int
}

// TestBudgets goes through every line of the design's budget with one fleet.
func TestBudgets(t *testing.T) {
	t.Parallel()
	s := newScene(t, budgetSection)
	main, failing := s.newFleet(), s.newFleet()
	main.connect(seldom, unlimited)
	// A run by hand has the cluster to itself, as the operator has by default.
	st := &story{
		fleet: main, names: names("webhook", *webhooks),
		operator: s.startOperator(pick(nil, []string{
			"--watch-namespace=" + main.namespace, "--watch-namespace=" + failing.namespace,
		})...),
	}
	st.phase("creation", st.creation)
	st.phase("steady state", st.steadyState)
	st.phase("restart", st.restart)
	st.phase("change of the spec", st.specChange)
	st.phase("outage", st.outage)
	st.phase("new Webhooks", st.newcomers)
	st.phase("deactivation", st.deactivation)
	st.phase("isolation", func() { st.isolation(failing) })
	st.tell("in the end: memory resident", mib(st.memory(st.operator, resident)), "150 MiB")
}

// phase prints what is measured now.
func (s *story) phase(name string, do func()) {
	s.Helper()
	begun := time.Now()
	do()
	s.Logf("%s: done in %s", name, short(time.Since(begun)))
}

// creation: N new active Webhooks.
func (s *story) creation() {
	// The operator key, which the first operator of an installation generates, is no Webhook's.
	s.operator.reset()
	n, begun := len(s.names), time.Now()
	s.apply(s.names, nil)
	applied := time.Since(begun)
	s.awaitReady(n)
	took := time.Since(begun)
	s.Eventually(func() int { return s.operator.writes("events") }).Should(BeNumerically(">=", n))
	s.quiet(s.operator)

	calls := s.calls()
	s.exactly(fmt.Sprintf("create %d: POST", n), calls[creates], n)
	s.exactly("create: PATCH", calls[updates], n)
	s.exactly("create: tokens", calls[tokens], 1)
	s.atMost("create: calls to the platform", total(calls), 2*n+3)
	perWebhook := s.operator.perWebhook()
	s.Expect(perWebhook).To(HaveLen(n))
	s.exactly("create: writes of each Webhook, fewest", least(perWebhook), 3)
	s.exactly("create: writes of each Webhook, most", most(perWebhook), 3)
	s.exactly("create: generated Secrets", s.operator.writes("secrets"), n)
	s.exactly("create: Events", s.operator.writes("events"), n)
	s.exactly("create: writes of the Connection", s.operator.writes("connections/status"), 1)
	s.exactly("create: writes in all", s.operator.writes(""), 5*n+1)
	s.tell("create: reads of the API server", fmt.Sprint(s.operator.reads()), "")
	s.tell("create: time until all are ready", fmt.Sprintf("%s, of which applying took %s; %.0f a second",
		short(took), short(applied), float64(n)/took.Seconds()), "")
	s.tell("create: processor time", short(s.cpu(s.operator)), "")
	s.tell("create: most memory resident", mib(s.memory(s.operator, mostResident)), "150 MiB")
}

func least(times map[string]int) int {
	smallest := 1 << 30
	for _, n := range times {
		smallest = min(smallest, n)
	}
	return smallest
}

func most(times map[string]int) (largest int) {
	for _, n := range times {
		largest = max(largest, n)
	}
	return largest
}

// steadyState: nothing to do, for some poll intervals.
func (s *story) steadyState() {
	intervals := pick(5, 1)
	// The new interval begins with a list.
	s.pollEvery(*interval)
	s.reset(s.operator)
	begun, cpu := time.Now(), s.cpu(s.operator)
	s.awaitCalls(lists, intervals)
	took, used := time.Since(begun), s.cpu(s.operator)-cpu

	s.exactly(fmt.Sprintf("steady state: calls in %d intervals", intervals), total(s.calls()), intervals)
	s.exactly("steady state: writes", s.operator.writes(""), 0)
	s.tell("steady state: time between lists", fmt.Sprintf("%s of %s", short(took/time.Duration(intervals)),
		*interval), "")
	s.tell("steady state: reads of the API server", fmt.Sprint(s.operator.reads()), "")
	s.tell("steady state: processor time per list", fmt.Sprintf("%s, %.1f%% of one processor",
		short(used/time.Duration(intervals)), 100*used.Seconds()/took.Seconds()), "")
	s.tell("steady state: memory resident", mib(s.memory(s.operator, resident)), "150 MiB")
}

// restart: N Webhooks in sync.
func (s *story) restart() {
	s.must(s.operator.Stop())
	s.reset(s.operator)
	begun := time.Now()
	s.start(s.operator)
	ready := time.Since(begun)
	s.awaitCalls(lists, 1)
	s.Eventually(func() int { return s.reconciles(s.operator) }).Should(BeNumerically(">=", len(s.names)))
	s.quiet(s.operator)

	calls := s.calls()
	s.exactly("restart: lists", calls[lists], 1)
	s.exactly("restart: tokens", calls[tokens], 1)
	s.exactly("restart: calls to the platform", total(calls), 2)
	s.exactly("restart: writes", s.operator.writes(""), 0)
	s.tell("restart: time until ready, and until all were compared", fmt.Sprintf("%s, %s", short(ready),
		short(time.Since(begun))), "")
	s.tell("restart: processor time", short(s.cpu(s.operator)), "")
	s.tell("restart: most memory resident", mib(s.memory(s.operator, mostResident)), "150 MiB")
}

// specChange: every field that may change, at once, there and back.
func (s *story) specChange() {
	some := s.names[:min(len(s.names), 100)]
	s.must(plane.Client.Create(s.ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "ours"},
		StringData: map[string]string{itwinv1alpha1.DefaultSecretKey: strings.Repeat("s", 32)},
	}))
	s.reset(s.operator)
	s.change(some, func(w *itwinv1alpha1.Webhook) {
		w.Spec.CallbackURL += "/moved"
		w.Spec.EventTypes = []string{"iTwins.iTwinCreated.v1"}
		w.Spec.Active = new(false)
		w.Spec.SecretRef = &itwinv1alpha1.SecretKeyReference{Name: "ours"}
	})
	s.awaitChanged(some)
	s.changed("callback, event types, secret and active", len(some))

	s.reset(s.operator)
	s.change(some, func(w *itwinv1alpha1.Webhook) { w.Spec = s.webhook(w.Name, nil).Spec })
	s.awaitChanged(some)
	s.changed("back again", len(some))
}

// awaitChanged waits until Webhooks have been changed, and all are ready.
func (s *story) awaitChanged(changed []string) {
	s.Helper()
	s.Eventually(func() int { return s.operator.writes("webhooks/status") }).Should(BeNumerically(">=", len(changed)))
	s.awaitReady(len(s.names))
	s.Eventually(func() int { return s.operator.writes("events") }).Should(BeNumerically(">=", len(changed)))
	s.quiet(s.operator)
}

func (s *story) changed(what string, n int) {
	s.Helper()
	calls := s.calls()
	s.exactly(fmt.Sprintf("change %d (%s): calls, beside the lists", n, what), total(calls)-calls[lists], n)
	s.exactly("change: status writes", s.operator.writes("webhooks/status"), n)
	s.exactly("change: other writes, beside an Event each", s.operator.writes("")-n-s.operator.writes("events"), 0)
}

// outage: the platform answers nothing but 503, and a user edits one Webhook meanwhile.
func (s *story) outage() {
	edited := s.names[0]
	s.reset(s.operator)
	s.fault("", "status:503")
	s.change([]string{edited}, func(w *itwinv1alpha1.Webhook) { w.Spec.CallbackURL += "/edited" })
	s.Eventually(func() int { return s.operator.writes("webhooks/status") }).Should(Equal(1))
	s.Eventually(func() int { return s.operator.writes("connections/status") }).Should(Equal(1))
	failing := s.calls()[lists]
	s.awaitCalls(lists, failing+1)
	s.quiet(s.operator)
	s.exactly("outage: writes of the Connection", s.operator.writes("connections/status"), 1)
	s.exactly("outage: writes of Webhooks, of which one was edited", s.operator.writes("webhooks/status"), 1)
	s.exactly("outage: writes in all", s.operator.writes(""), 2)
	s.exactly("outage: calls beside the lists", total(s.calls())-s.calls()[lists], 1)

	s.reset(s.operator)
	begun := time.Now()
	s.must(s.platform.ClearFaults(s.ctx))
	s.awaitReady(len(s.names))
	took := time.Since(begun)
	s.Eventually(func() int { return s.operator.writes("connections/status") }).Should(Equal(1))
	s.Eventually(func() int { return s.operator.writes("events") }).Should(Equal(1))
	s.quiet(s.operator)
	calls := s.calls()
	s.exactly("recovery: calls beside the lists", total(calls)-calls[lists], 1)
	s.exactly("recovery: writes beside an Event", s.operator.writes("")-s.operator.writes("events"), 2)
	s.tell("recovery: time until the edit is carried out", short(took), "")
}

// newcomers: one new Webhook at a time while N exist, and their deletion.
func (s *story) newcomers() {
	s.samples = pick(30, 5)
	s.fault("", "delay:"+latency.String())
	s.compare("alone", s.newcomer("alone"))
	s.must(s.platform.ClearFaults(s.ctx))

	gone := names("alone", s.samples)
	s.reset(s.operator)
	s.each(gone, func(name string) error { return plane.Client.Delete(s.ctx, s.webhook(name, nil)) })
	s.Eventually(func() int { return s.seen.count(exists) }).Should(Equal(len(s.names)))
	s.quiet(s.operator)
	calls := s.calls()
	s.exactly(fmt.Sprintf("delete %d: calls beside the lists", len(gone)), total(calls)-calls[lists], len(gone))
	s.exactly("delete: writes of Webhooks", s.operator.writes("webhooks"), len(gone))
}

// newcomer creates one Webhook after the other and measures how long each takes to be ready, as its user sees it.
func (s *story) newcomer(prefix string) (took delays) {
	s.Helper()
	for _, name := range names(prefix, s.samples) {
		ready := s.seen.expect(name, isReady)
		begun := time.Now()
		s.must(plane.Client.Create(s.ctx, s.webhook(name, nil)))
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
	s.tell("new Webhook, "+beside+": ready after", took.String(), "")
	s.tell("new Webhook, "+beside+": beyond the platform's own time", took.less(callsToReady*latency).String(), "1 s")
}

// deactivation: the platform turns webhooks off at any moment between two lists.
func (s *story) deactivation() {
	s.reset(s.operator)
	n := min(len(s.names), pick(30, 3))
	// Ten moments in each interval, or all before the next one.
	gap := pick(*interval/10, *interval/100)
	begun, noticed := map[string]time.Time{}, map[string]<-chan time.Time{}
	ticker := time.NewTicker(gap)
	defer ticker.Stop()
	for _, i := range rand.Perm(len(s.names))[:n] {
		name := s.names[i]
		noticed[name] = s.seen.expect(name, func(w *itwinv1alpha1.Webhook) bool { return w.Status.Deactivations == 1 })
		begun[name] = time.Now()
		s.must(s.platform.Deactivate(s.ctx, s.seen.idOf(name)))
		<-ticker.C
	}
	var took delays
	for name, sighting := range noticed {
		took = append(took, s.await(sighting).Sub(begun[name]))
	}
	s.awaitCalls(updates, n)
	s.Eventually(func() int { return s.operator.writes("webhooks/status") }).Should(BeNumerically(">=", 2*n))
	s.quiet(s.operator)

	calls := s.calls()
	s.exactly(fmt.Sprintf("%d deactivations: calls beside the lists", n), total(calls)-calls[lists], n)
	s.exactly("deactivation: status writes (noticed, reactivated)", s.operator.writes("webhooks/status"), 2*n)
	s.exactly("deactivation: other writes of Webhooks", s.operator.writes("webhooks"), 0)
	s.tell("deactivation: noticed after", took.String(), short(*interval+2*time.Second))
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

package simtest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// TestFailures lets each call fail in each way for an hour, and compares what is told, and when the call is sent again,
// with the table. Afterwards all must be well by itself.
func TestFailures(t *testing.T) {
	all, n := newVisits(t, "failures"), newNetwork(t)
	for _, c := range failingCalls() {
		for _, f := range c.failures() {
			row, found := rowOf(c.name, f.name)
			if !found {
				t.Errorf("the table has no row, or two, for %s: %s", c.name, f.name)
				continue
			}
			t.Run(c.name+"/"+f.name, func(t *testing.T) {
				all.count.Add(1)
				var seen observation
				inSimulation(t, func(w *simulation) { seen = fail(w, n, c, f) })
				defer func() {
					if t.Failed() {
						t.Log(seen.String())
					}
				}()
				row.compare(NewWithT(t), f, seen)
			})
		}
	}
}

// rowOf finds the one row of the table about a failure of a call.
func rowOf(call, failure string) (row expected, found bool) {
	count := 0
	for _, r := range failureRows() {
		if r.call == call && slices.Contains(r.failures, failure) {
			row = r
			count++
		}
	}
	return row, count == 1
}

func TestTheFailureTableSpeaksOfFailuresThatAreProduced(t *testing.T) {
	produced := map[string]bool{}
	for _, c := range failingCalls() {
		for _, f := range c.failures() {
			produced[c.name+": "+f.name] = true
		}
	}
	for _, r := range failureRows() {
		for _, f := range r.failures {
			if !produced[r.call+": "+f] {
				t.Errorf("no test produces %s: %s", r.call, f)
			}
		}
	}
}

func (r expected) compare(g Gomega, f failure, seen observation) {
	g.Expect(withoutActive(seen.webhook)).To(Equal(r.webhook), "conditions of the Webhook")
	g.Expect(seen.link).To(Equal(r.connection), "conditions of the connection")
	if seen.idle != "" {
		g.Expect(seen.idle).To(Equal("Active=True/Active Ready=True/InSync"), "a Webhook that has nothing to send")
	}
	r.compareMessages(g, f, seen)
	r.compareReports(g, seen)
	g.Expect(len(seen.calls)).To(And(BeNumerically(">=", r.least), BeNumerically("<=", r.most)), "calls in an hour")
	r.compareSchedule(g, f, seen.calls)
	g.Expect(seen.writes[0]).To(BeNumerically("<=", 3), "writes of the Webhook's status")
	g.Expect(seen.writes[1]).To(BeZero(), "writes of the status of a Webhook that has nothing to send")
	g.Expect(seen.writes[2]).To(BeNumerically("<=", 1), "writes of the connection's status")
	g.Expect(seen.wrong).To(BeEmpty(), "after the failure")
}

// withoutActive leaves out what the platform said of active before.
func withoutActive(conditions string) string {
	if first, rest, found := strings.Cut(
		conditions,
		" ",
	); found &&
		strings.HasPrefix(first, itwinv1alpha1.ActiveCondition+"=") {
		return rest
	}
	return conditions
}

// compareMessages looks for the cause in the message of the Webhook or, if that has nothing to tell, of the connection.
// What a connection says of a failure names the host, too.
func (r expected) compareMessages(g Gomega, f failure, seen observation) {
	if r.message == "" {
		return
	}
	says := r.says
	if says == "" && r.message != "The platform accepted the change but has not made it" {
		says = f.says
	}
	telling := seen.said[0]
	if strings.Contains(r.webhook, itwinv1alpha1.InSyncReason) {
		telling = seen.said[len(seen.said)-1]
	}
	g.Expect(telling).To(HavePrefix(r.message))
	g.Expect(telling).To(ContainSubstring(says))
	if linked := seen.said[len(seen.said)-1]; !strings.Contains(r.connection, "=True/Connected") {
		g.Expect(linked).To(ContainSubstring(says))
		g.Expect(linked).To(Or(ContainSubstring("platform.example.com"), ContainSubstring("rate limit")), "the host")
	}
}

// compareReports looks for the Event and the log lines, which come once, not at each try.
func (r expected) compareReports(g Gomega, seen observation) {
	warnings := slices.DeleteFunc(slices.Clone(seen.events), func(e string) bool {
		return !slices.ContainsFunc([]string{"Refused", "DeleteFailed", "Drifted"}, func(reason string) bool {
			return strings.HasPrefix(e, reason+": ")
		})
	})
	if r.event == "" {
		g.Expect(warnings).To(BeEmpty(), "Events")
	} else {
		g.Expect(warnings).To(ConsistOf(HavePrefix(r.event+": ")), "Events")
	}
	lines := strings.Join(seen.logs, "\n")
	for _, line := range r.log {
		g.Expect(lines).To(ContainSubstring(line), "the log")
	}
	g.Expect(len(seen.logs)).To(BeNumerically("<=", 4), "lines of the log: %s", lines)
}

// compareSchedule checks the pauses between the calls. A call that is repeated at once, with another token, is one.
func (r expected) compareSchedule(g Gomega, f failure, calls []time.Duration) {
	if r.next.after == nil || len(calls) == 0 {
		return
	}
	slow := time.Duration(0)
	if f.name == "no answer" {
		slow = 21 * time.Second // two calls that wait for an answer
	}
	last, count := calls[0], 1
	for _, call := range calls[1:] {
		if call-last < 500*time.Millisecond {
			continue
		}
		least, most := r.next.after(count)
		g.Expect(
			call-last,
		).To(
			And(BeNumerically(">=", least-100*time.Millisecond), BeNumerically("<=", most+slow)),
			"pause %d",
			count,
		)
		last = call
		count++
	}
	_, most := r.next.after(count)
	g.Expect(watchedFor-last).To(BeNumerically("<=", most+slow), "it is tried again")
}

// String is what was seen, for people.
func (o observation) String() string {
	return fmt.Sprintf(
		"webhook %s\nbystander %s\nconnection %s\nmessages:\n  %s\n%d calls: %v\nwrites %v\nevents:\n  %s\nlog:\n  %s",
		o.webhook,
		o.idle,
		o.link,
		strings.Join(o.said, "\n  "),
		len(o.calls),
		o.calls[:min(len(o.calls), 16)],
		o.writes,
		strings.Join(o.events[:min(len(o.events), 6)], "\n  "),
		strings.Join(o.logs[:min(len(o.logs), 6)], "\n  "),
	)
}

func TestTheAPIAsksForALongPauseTheConnectionTellsWhy(t *testing.T) {
	for status, want := range map[string]string{"503": stateUnavailable, "429": stateLimited} {
		t.Run(status, func(t *testing.T) {
			inClaimScene(t, func(s claimScene) {
				s.apply(subject)
				s.fault(http.MethodPatch, "/webhooks/{id}", "status:"+status+";retry-after=1200", 1)
				s.cluster.edit(subject, changeSpec)
				s.run(2 * time.Minute)
				s.Expect(said(s.connection(crashConnection).Status.Conditions)).To(Equal(want))
				s.run(20 * time.Minute)
				s.Expect(s.violations()).To(BeEmpty())
			})
		})
	}
}

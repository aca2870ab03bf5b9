package simtest

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/figures"
)

const (
	// bulk is how many Webhooks are created, changed and deleted at the same time.
	bulk = 1000
	// shippedLimit and shippedInterval are the defaults of a connection's requestsPerMinute and pollInterval.
	shippedLimit    = 500
	shippedInterval = time.Minute
	// overtaking is how long one edit in the middle of a bulk change may take.
	overtaking = 10 * time.Second
	// bulkTimeout bounds a failure.
	bulkTimeout = 20 * time.Minute
	// figuresEnv names the file that gets what was measured; none when it is empty.
	figuresEnv = "ITWIN_FIGURES"
)

// bulkScene is an operator at rest whose connection has the shipped settings, and what is measured.
type bulkScene struct {
	*simulation
	Gomega
	table *figures.Table
}

// TestBulkChangesUnderTheShippedLimitGoAtItsPaceAndSingleEditsOvertake runs the whole operator in virtual time.
func TestBulkChangesUnderTheShippedLimitGoAtItsPaceAndSingleEditsOvertake(t *testing.T) {
	inSimulation(t, func(w *simulation) {
		c := w.cluster.read(ref{kindConnection, keyed(crashConnection)}).(*itwinv1alpha1.Connection)
		c.Spec.RateLimit.RequestsPerMinute, c.Spec.PollInterval.Duration = shippedLimit, shippedInterval
		w.cluster.store(c)
		w.start()
		title := fmt.Sprintf("%d Webhooks under the shipped limit, in virtual time", bulk)
		s := bulkScene{w, NewWithT(w.t), &figures.Table{Title: title}}
		w.cluster.add(newWebhook("other"))
		s.create()
		s.edit()
		s.delete()
		if path := os.Getenv(figuresEnv); path != "" {
			w.must(figures.Report{Tables: []*figures.Table{s.table}}.Save(path))
		}
	})
}

func bulkNames() []string {
	names := make([]string, bulk)
	for i := range names {
		names[i] = fmt.Sprintf("w%04d", i)
	}
	return names
}

// calls are how many there are to a route.
type calls struct {
	route string
	n     int
}

// create: each costs a POST and a PATCH.
func (s bulkScene) create() {
	s.measure("create", []calls{{"POST /webhooks", bulk + 1}, {"PATCH /webhooks/{id}", bulk + 1}}, func() {
		for _, name := range bulkNames() {
			s.cluster.add(newWebhook(name))
		}
		s.run(20 * time.Second)
		s.overtakes("a new Webhook during the create", "newcomer", func() { s.cluster.add(newWebhook("newcomer")) })
	})
}

// edit: a new host for all callbacks, each for a PATCH.
func (s bulkScene) edit() {
	s.measure("edit", []calls{{"PATCH /webhooks/{id}", bulk + 2}}, func() {
		for _, name := range bulkNames() {
			s.move(name, "moved")
		}
		s.run(20 * time.Second)
		s.overtakes("an edit of another Webhook during the edit", "other", func() { s.move("other", "elsewhere") })
		waiting := s.waiting()
		s.overtakes("a second edit of one that waits during the edit", waiting, func() { s.move(waiting, "elsewhere") })
		s.run(5 * time.Second)
		again := s.carriedOut()
		s.overtakes("a second edit of one that was carried out during the edit", again, func() { s.move(again, "elsewhere") })
	})
}

// delete: a DELETE each.
func (s bulkScene) delete() {
	s.measure("delete", []calls{{"DELETE /webhooks/{id}", bulk}, {"PATCH /webhooks/{id}", 1}}, func() {
		for _, name := range bulkNames() {
			s.cluster.remove(s.cluster.webhook(name))
		}
		s.run(20 * time.Second)
		s.overtakes("an edit of another Webhook during the delete", "other", func() { s.move("other", "back") })
	})
	s.Expect(s.cluster.webhooks()).To(HaveLen(2))
}

// measure lets something happen to an operator at rest, and tells what it cost when all is done.
func (s bulkScene) measure(work string, wanted []calls, act func()) {
	s.run(3 * shippedInterval)
	s.Expect(s.violations()).To(BeEmpty(), "before the "+work)
	s.platform.ResetRequests()
	begun := time.Now()
	act()
	s.until(begun.Add(bulkTimeout), s.settled)
	took, requests := time.Since(begun), s.platform.Requests()

	for _, c := range wanted {
		s.figure(work+": "+c.route, float64(requests.Counts[c.route]), figures.Count, fmt.Sprint(c.n))
		s.Expect(requests.Counts[c.route]).To(Equal(c.n), work+": "+c.route)
	}
	lists := int(took/shippedInterval) + 2
	s.figure(work+": lists", float64(requests.Counts["GET /webhooks"]), figures.Count, fmt.Sprintf("≤ %d", lists))
	s.Expect(requests.Counts["GET /webhooks"]).To(BeNumerically("<=", lists), work+": lists")
	s.figure(work+": calls in the busiest minute", float64(requests.MostInAMinute), figures.Count,
		fmt.Sprintf("≤ %d", shippedLimit))
	s.Expect(requests.MostInAMinute).To(BeNumerically("<=", shippedLimit), work+": calls in the busiest minute")
	least := leastTime(requests.Total)
	s.figure(work+": time until all is done", took.Seconds(), figures.Seconds, "≤ "+(least+leeway).String())
	s.t.Logf("%s: done after %s with %v", work, took, requests)
	s.Expect(took).To(BeNumerically("<=", least+leeway), work)
	s.run(2 * shippedInterval) // the connection counts at its polls
	s.Expect(s.violations()).To(BeEmpty(), "after the "+work)
}

// leastTime is how long so many calls take at least, where no minute has more than the limit.
func leastTime(calls int) time.Duration {
	return time.Duration((calls-1)/shippedLimit) * time.Minute
}

// leeway is how much longer than the limit requires a bulk change may take: what is left to others is used evenly over
// each minute, so that the last few calls may fall into one more.
const leeway = time.Minute + 15*time.Second

// figure puts one into the table.
func (s bulkScene) figure(work string, value float64, unit figures.Unit, budget string) {
	s.table.Set("measured", figures.Row{Work: work, Unit: unit, Budget: budget}, value)
}

// overtakes lets one thing happen and tells how long it takes.
func (s bulkScene) overtakes(work, name string, act func()) {
	begun := time.Now()
	act()
	s.until(begun.Add(bulkTimeout), func() bool { return s.inSync(name) })
	s.figure(work+": carried out after", time.Since(begun).Seconds(), figures.Seconds, "≤ "+overtaking.String())
	s.t.Logf("%s: carried out after %s", work, time.Since(begun))
	s.Expect(time.Since(begun)).To(BeNumerically("<=", overtaking), work)
	s.Expect(s.settled()).To(BeFalse(), work+": the bulk change is over")
}

// until lets time pass until something is so.
func (s bulkScene) until(deadline time.Time, done func() bool) {
	for !done() {
		if time.Now().After(deadline) {
			s.t.Fatalf("not done by %s; the calls: %v", deadline, s.platform.Requests())
		}
		s.run(100 * time.Millisecond)
	}
}

// settled reports whether every Webhook is in sync.
func (s bulkScene) settled() bool {
	for r := range s.cluster.objects {
		if r.kind == kindWebhook && !s.inSync(r.key.Name) {
			return false
		}
	}
	return true
}

// inSync reports whether a status says that the platform has the present spec.
func (s bulkScene) inSync(name string) bool {
	w, exists := s.cluster.objects[ref{kindWebhook, keyed(name)}].(*itwinv1alpha1.Webhook)
	if !exists || !w.DeletionTimestamp.IsZero() {
		return false
	}
	ready := apimeta.FindStatusCondition(w.Status.Conditions, itwinv1alpha1.ReadyCondition)
	return ready != nil && ready.Status == metav1.ConditionTrue && ready.ObservedGeneration == w.Generation
}

// waiting is one of the thousand whose change waits, and carriedOut one whose change does not.
func (s bulkScene) waiting() string {
	return s.firstThat(func(name string) bool { return !s.inSync(name) })
}
func (s bulkScene) carriedOut() string { return s.firstThat(s.inSync) }

func (s bulkScene) firstThat(is func(name string) bool) string {
	for _, name := range bulkNames() {
		if is(name) {
			return name
		}
	}
	s.t.Fatal("none of them is")
	return ""
}

// move gives a Webhook another callback host.
func (s bulkScene) move(name, host string) {
	s.cluster.edit(name, func(w *itwinv1alpha1.Webhook) {
		_, path, _ := strings.Cut(strings.TrimPrefix(w.Spec.CallbackURL, "https://"), "/")
		w.Spec.CallbackURL = "https://" + name + "." + host + ".example.com/" + path
	})
}

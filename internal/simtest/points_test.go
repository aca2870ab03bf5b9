package simtest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"webhook-operator.io/itwin/controllers/webhook"
	"webhook-operator.io/itwin/internal/platform"
)

// visits counts the simulated runs of a test.
type visits struct {
	t     *testing.T
	what  string
	count atomic.Int64
	began time.Time
}

func newVisits(t *testing.T, what string) *visits {
	v := &visits{t: t, what: what, began: time.Now()}
	t.Cleanup(func() {
		fmt.Printf("%-32s %5d visited in %5.1fs\n", v.what, v.count.Load(), time.Since(v.began).Seconds())
	})
	return v
}

// eachScenario runs a test for every scenario and prints how much it visited.
func eachScenario(t *testing.T, what string, test func(*testing.T, scenario, *visits)) {
	all := newVisits(t, what+": all")
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			v := newVisits(t, what+": "+s.name)
			test(t, s, v)
			all.count.Add(v.count.Load())
		})
	}
}

// visit plays a scenario and complains about what is wrong.
func (v *visits) visit(t *testing.T, s scenario, faults ...[]disruption) outcome {
	t.Helper()
	v.count.Add(1)
	o := s.play(t, faults...)
	s.complain(t, o, faults...)
	return o
}

// TestScenarios plays every scenario without any disturbance.
func TestScenarios(t *testing.T) {
	eachScenario(t, "undisturbed", func(t *testing.T, s scenario, v *visits) {
		o := v.visit(t, s)
		if again := v.visit(t, s); !slices.Equal(again.traces[0], o.traces[0]) {
			t.Errorf("the same scenario does not pass the same points:\n%s%s", o.story(), again.story())
		}
	})
}

func dies(point int) []disruption { return []disruption{{point: point, what: die, gap: downtime}} }

// TestCrashPoints ends the operator at every point.
func TestCrashPoints(t *testing.T) {
	eachScenario(t, "crash", func(t *testing.T, s scenario, v *visits) {
		points := s.play(t).traces[0]
		for k := range points {
			o := v.visit(t, s, dies(k+1))
			if !slices.Equal(o.traces[0], points[:k+1]) {
				t.Fatalf("the way to point %d is not the same each time:\n%s", k+1, o.story())
			}
		}
	})
}

// leaving are the points of calls that leave the process, of the prefix and, if any, with one of the words.
func leaving(points []string, prefix string, words ...string) (found []int) {
	for i, point := range points {
		name, ok := strings.CutPrefix(point, prefix)
		if !ok || strings.Contains(point, cached) {
			continue
		}
		if len(words) == 0 || slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(name, w) }) {
			found = append(found, i+1)
		}
	}
	return found
}

// TestCrashPointPairs ends the operator at every call that leaves it, and its successor at every such call. A read from
// a cache changes nothing that outlives the process: its points are those of the call before.
func TestCrashPointPairs(t *testing.T) {
	eachScenario(t, "crash twice", func(t *testing.T, s scenario, v *visits) {
		for _, first := range leaving(s.play(t).traces[0], "") {
			second := s.play(t, dies(first)).traces[1]
			for _, k := range leaving(second, "") {
				v.visit(t, s, dies(first), dies(k))
			}
		}
	})
}

func scenarioNamed(name string) scenario {
	all := scenarios()
	return all[slices.IndexFunc(all, func(s scenario) bool { return s.name == name })]
}

// TestRequestsOutliveTheirProcess ends the operator while a request is on its way, which is carried out later.
func TestRequestsOutliveTheirProcess(t *testing.T) {
	lates := []time.Duration{time.Millisecond, 3 * time.Second, webhook.GracePeriod - time.Millisecond}
	eachScenario(t, "sent, then crash", func(t *testing.T, s scenario, v *visits) {
		for _, k := range leaving(s.play(t).traces[0], "before ", writing...) {
			for _, late := range lates {
				v.visit(t, s, []disruption{{point: k, what: sendAndDie, late: late, gap: downtime}})
			}
		}
	})
}

// TestLostConnections loses every call, and the answer to every call, without a crash.
func TestLostConnections(t *testing.T) {
	eachScenario(t, "lost", func(t *testing.T, s scenario, v *visits) {
		for _, k := range leaving(s.play(t).traces[0], "") {
			v.visit(t, s, []disruption{{point: k, what: lose}})
		}
	})
}

// TestUnknownOutcomes disturbs every request to the platform: its answer never comes, comes too late, or is
// a proxy's, while its effect comes now, later, after the client has given up, or never.
func TestUnknownOutcomes(t *testing.T) {
	eachScenario(t, "unknown outcome", func(t *testing.T, s scenario, v *visits) {
		for _, k := range leaving(s.play(t).traces[0], "before ", "POST", "PATCH", "DELETE", "GET") {
			for _, f := range disturbances() {
				f.point, f.what = k, disturb
				v.visit(t, s, []disruption{f})
			}
		}
	})
}

var hungUp = reply{"hung up", func() (*http.Response, error) { return nil, errPlatform }}

// disturbances are what may become of one request.
func disturbances() []disruption {
	proxy := page("answered by a proxy", http.StatusBadGateway, "<html>Bad Gateway</html>")
	portal := page("answered by a portal", http.StatusOK, "<html>Log in</html>")
	notFound := page("not found by a proxy", http.StatusNotFound, "<html>Not Found</html>")
	const timeout = platform.DefaultRequestTimeout
	return []disruption{
		{late: timeout + time.Second}, {late: 2*timeout - time.Second},
		{reply: hungUp}, {reply: hungUp, late: 3 * time.Second}, {reply: hungUp, late: webhook.GracePeriod - time.Second},
		{reply: proxy}, {reply: proxy, late: webhook.GracePeriod - time.Second}, {reply: proxy, never: true},
		{reply: portal}, {reply: portal, never: true}, {reply: notFound}, {reply: notFound, never: true},
	}
}

// TestADeposedProcessReturnsNothingIsLeftBehind stops the leader before and after every write, for so long that another
// takes over, and lets it go on: it ends what it has begun, as if nothing had happened. One that was stopped for longer
// than it may send what it decided may also die soon after: then no process would undo what it did.
func TestADeposedProcessReturnsNothingIsLeftBehind(t *testing.T) {
	eachScenario(t, "deposed", func(t *testing.T, s scenario, v *visits) {
		s.most = 2 * max(s.webhooks, 1)
		for _, k := range changing(s.play(t).traces[0]) {
			for _, f := range deposedReturns() {
				f.point, f.what = k, freeze
				v.visit(t, s, []disruption{f})
				for next := 1; next <= 3 && f.frozen > webhook.RemoteBudget && f.frozen < countedFor; next++ {
					v.visit(t, s, []disruption{f, {point: k + next, what: die, gap: time.Hour}})
				}
			}
		}
	})
}

// TestADeposedProcessThatMissedAnEditReturnsTheEditStays stops the leader as
// TestADeposedProcessReturnsNothingIsLeftBehind does, and changes the spec meanwhile: what the old leader knows is
// outdated when it goes on.
func TestADeposedProcessThatMissedAnEditReturnsTheEditStays(t *testing.T) {
	for _, name := range []string{"create with a generated secret", "update", "reactivate", "remote webhook deleted"} {
		s := scenarioNamed(name)
		points := s.play(t).traces[0]
		s.most, s.check, s.act = 2, nil, then(s.act, func(w *simulation) {
			w.in(3*time.Second, "edit", func() { w.cluster.edit(subject, changeSpec) })
		})
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVisits(t, "deposed, edited: "+name)
			for _, k := range changing(points) {
				for _, f := range deposedReturns()[1:] {
					f.point, f.what = k, freeze
					v.visit(t, s, []disruption{f})
				}
			}
		})
	}
}

// changing are the points before and after calls that change something.
func changing(points []string) []int {
	return slices.Concat(leaving(points, "before ", writing...), leaving(points, "after ", writing...))
}

// writing are the beginnings of the names of calls that change something.
var writing = []string{"POST /webhooks", "PATCH", "DELETE", "create", "patch"}

// deposedReturns are how a stopped process may come back: before its successor has done anything, after that has
// created, and after the time in which anything may still be sent.
func deposedReturns() []disruption {
	return []disruption{
		{frozen: 5 * time.Millisecond},
		{frozen: 12 * time.Second}, {frozen: 12 * time.Second, notices: true},
		{frozen: webhook.RemoteBudget + time.Second}, {frozen: 30 * time.Second}, {frozen: 30 * time.Second, deaf: true},
	}
}

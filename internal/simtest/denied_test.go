package simtest

import (
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// deniable are the requests that the API server can refuse.
var deniable = []string{
	"create Secret", "patch Secret", "read Secret", "read Webhook", "patch Webhook", "patch Webhook status",
	"patch Connection status",
}

// Whatever the API server refuses or fails for some time, and whether the operator is restarted meanwhile or not: it
// asks again no more than twice a minute for each object, changes nothing remote in a loop, and puts all right within a
// minute afterwards.
func TestEachScenarioSurvivesTheRefusalOfEachRequest(t *testing.T) {
	for _, s := range scenarios() {
		for _, request := range deniable {
			for _, with := range []error{errQuota, errKeyServer} {
				for _, restarted := range []bool{false, true} {
					name := fmt.Sprintf("%s/%s/%.9s/restarted %t", s.name, request, with, restarted)
					t.Run(name, func(t *testing.T) { s.playDenied(t, with, request, restarted) })
				}
			}
		}
	}
}

// playDenied plays a scenario while a request is denied, and judges it afterwards.
func (s scenario) playDenied(t *testing.T, with error, request string, restarted bool) {
	inSimulation(t, func(w *simulation) {
		g := NewWithT(t)
		w.keepForeign(w.createRemote(callbackOf("foreign"), "iModels.iModelDeleted.v1"))
		if s.before != nil {
			s.before(w)
			w.start()
			w.run(warmUp)
		}
		allow := w.kubernetesFails(with, request)
		s.act(w)
		if s.before == nil {
			w.start()
		}
		w.run(5 * time.Minute)
		if restarted {
			w.processes[0].kill()
			w.start()
			w.run(5 * time.Minute)
		}
		denials, changes := w.denials, w.changes()
		w.run(10 * time.Minute)
		g.Expect(w.denials-denials).To(BeNumerically("<=", 10*2*3), "requests that are refused again")
		g.Expect(w.changes()-changes).To(BeNumerically("<=", 1), "changes of the remote side")
		allow()
		w.run(time.Minute)
		w.run(s.lasts)
		g.Expect(s.classify(w).violations).To(BeEmpty())
	})
}

// changes counts the requests that change the remote side.
func (w *simulation) changes() int {
	counts := w.platform.Requests().Counts
	return counts[creates] + counts[updates] + counts[deletes]
}

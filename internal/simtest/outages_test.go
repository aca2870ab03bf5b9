package simtest

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/simulator"
)

// closures are ways in which a platform gives no list, and the reasons by which what waits may tell of it.
var closures = map[string]struct {
	begin   func(claimScene)
	reasons []string
}{
	"429 for an hour at a time": {
		begin:   func(s claimScene) { s.outage("status:429;retry-after=3600") },
		reasons: []string{itwinv1alpha1.RateLimitedReason},
	},
	"429 for ten seconds at a time": {
		begin:   func(s claimScene) { s.outage("status:429;retry-after=10") },
		reasons: []string{itwinv1alpha1.RateLimitedReason},
	},
	"401": {
		begin: func(s claimScene) { s.outage("status:401") }, reasons: []string{itwinv1alpha1.ConnectionNotReadyReason},
	},
	"no login": {
		begin: func(s claimScene) {
			s.outage("status:401")
			s.fault(http.MethodPost, "/connect/token", "status:401", simulator.Forever)
		},
		reasons: []string{itwinv1alpha1.ConnectionNotReadyReason},
	},
	"no answer": {
		begin: func(s claimScene) { s.outage("drop-request") }, reasons: []string{itwinv1alpha1.PlatformUnavailableReason},
	},
	"a page of a proxy": {
		begin: func(s claimScene) { s.outage("html:200") }, reasons: []string{itwinv1alpha1.PlatformUnavailableReason},
	},
}

// writesOf is how often a Webhook was written.
func (s claimScene) writesOf(name string) (writes int) {
	for _, c := range s.cluster.history {
		if c.ref == (ref{kindWebhook, keyed(name)}) {
			writes++
		}
	}
	return writes
}

func TestAChangeWaitsForAClosedPlatformTheStatusSaysSo(t *testing.T) {
	for closure, closed := range closures {
		for name, c := range waiting {
			if name == "an edit of what was deleted on the platform" {
				continue // it opens the platform itself
			}
			for _, noticed := range []time.Duration{2 * time.Minute, 0} {
				t.Run(fmt.Sprintf("%s: %s, %s after", closure, name, noticed), func(t *testing.T) {
					t.Parallel()
					inClaimScene(t, func(s claimScene) {
						s.run(settleFor)
						if c.before != nil {
							c.before(s)
						}
						closed.begin(s)
						s.run(noticed)
						c.during(s)
						s.run(5 * time.Minute)
						w := s.cluster.webhook(subject)
						s.Expect(w.Status.ObservedGeneration).To(Equal(w.Generation), s.message(subject))
						if name == "a create whose outcome is not known" {
							s.Expect(s.reason(subject)).NotTo(Equal(itwinv1alpha1.InSyncReason))
						} else {
							s.Expect(closed.reasons).To(ContainElement(s.reason(subject)), s.message(subject))
						}
						writes := s.writesOf(subject)
						s.run(2 * time.Hour)
						s.Expect(s.writesOf(subject)-writes).To(BeNumerically("<=", 1), "writes in two more hours")
						writes = s.writesOf(subject)
						s.replace()
						s.run(10 * time.Minute)
						s.Expect(s.writesOf(subject)-writes).To(BeNumerically("<=", 1), "writes after a restart")
						s.platform.ClearFaults()
						s.run(2 * time.Hour)
						if name == "an import of what lists do not show" {
							s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.NotFoundReason))
							return
						}
						s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.InSyncReason), s.message(subject))
					})
				})
			}
		}
	}
}

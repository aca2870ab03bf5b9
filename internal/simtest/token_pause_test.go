package simtest

import (
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/simulator"
)

func TestTheTokenServerAsksForAPauseEditsOfTheConnectionKeepIt(t *testing.T) {
	for name, edit := range map[string]func(w *simulation, i int){
		"limits": func(w *simulation, i int) {
			w.editConnection(crashConnection, func(c *itwinv1alpha1.ConnectionSpec) {
				c.RateLimit.RequestsPerMinute = int32(1000 + i)
			})
		},
		"scope": func(w *simulation, i int) {
			w.editConnection(crashConnection, func(c *itwinv1alpha1.ConnectionSpec) {
				c.OAuthScope = []string{"itwin-platform", "itwin-platform webhooks"}[i%2]
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			inSimulation(t, func(w *simulation) {
				w.fault(http.MethodPost, "/connect/token", "status:429;retry-after=600", simulator.Forever)
				w.start()
				w.run(10 * time.Second)
				g := NewWithT(t)
				g.Expect(w.count("POST /connect/token")).To(Equal(1))
				for i := range 5 {
					edit(w, i)
					w.run(10 * time.Second)
				}
				g.Expect(w.count("POST /connect/token")).To(Equal(1), "the pause is 10 minutes")
				w.run(10 * time.Minute)
				g.Expect(w.count("POST /connect/token")).To(Equal(2), "and no longer")
			})
		})
	}
}

func TestOnlyLimitsAreEditedTheClientAndItsTokenStay(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.run(10 * time.Second)
		s.Expect(s.count("POST /connect/token")).To(Equal(1))
		lists := s.count("GET /webhooks")
		for i := range 5 {
			s.editConnection(crashConnection, func(c *itwinv1alpha1.ConnectionSpec) {
				c.RateLimit.RequestsPerMinute = int32(1000 + i)
			})
			s.run(100 * time.Millisecond)
		}
		s.Expect(s.count("POST /connect/token")).To(Equal(1))
		s.Expect(s.count("GET /webhooks") - lists).To(BeNumerically("<=", 1))
	})
}

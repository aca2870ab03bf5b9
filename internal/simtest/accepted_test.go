package simtest

import (
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/simulator"
)

// What the platform did without saying so is done once: the next read or list is the evidence.
func TestSuccessWithoutAUsableBodyIsNotRepeated(t *testing.T) {
	for _, action := range []string{"garbage", "accepted:200", "accepted:202", "accepted:204"} {
		t.Run(action, func(t *testing.T) {
			inClaimScene(t, func(s claimScene) {
				s.fault(http.MethodPatch, "/webhooks/{id}", action, simulator.Forever)
				s.apply(subject)
				s.run(time.Minute)
				s.Expect(s.violations()).To(BeEmpty())
				s.Expect(s.count(creates)).To(Equal(1))
				s.Expect(s.count(updates)).To(Equal(1))
				s.cluster.edit(subject, changeSpec)
				s.run(time.Minute)
				s.Expect(s.violations()).To(BeEmpty())
				s.Expect(s.count(updates)).To(Equal(2))
			})
		})
	}
}

func TestDeletionWithoutADocumentedAnswerSucceeds(t *testing.T) {
	for _, action := range []string{"garbage", "accepted:200", "accepted:202"} {
		t.Run(action, func(t *testing.T) {
			inClaimScene(t, func(s claimScene) {
				s.apply(subject)
				s.run(time.Minute)
				s.fault(http.MethodDelete, "/webhooks/{id}", action, simulator.Forever)
				deleteSubject(s.simulation)
				s.run(2 * time.Minute)
				s.Expect(s.violations()).To(BeEmpty())
				s.Expect(s.cluster.webhook(subject)).To(BeNil())
				s.Expect(s.count("DELETE /webhooks/{id}")).To(Equal(1))
			})
		})
	}
}

package simtest

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// CHANGELOG: "A webhook that was created while its object vanished is deleted also when the rate limit is used up."
func TestWhatLostItsObjectIsDeletedWhenThereIsAPlace(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.editConnection(crashConnection, func(c *itwinv1alpha1.ConnectionSpec) { c.RateLimit.RequestsPerMinute = 4 })
		s.cluster.add(newWebhook(subject))
		for range 100_000 {
			if s.run(time.Millisecond); len(s.remotes()) > 0 {
				break
			}
		}
		s.Expect(s.remotes()).To(HaveLen(1))
		s.cluster.edit(subject, func(o *itwinv1alpha1.Webhook) { o.Finalizers = nil })
		deleteSubject(s.simulation)
		s.Expect(s.cluster.webhook(subject)).To(BeNil())
		s.run(10 * time.Minute)
		s.Expect(s.remotes()).To(BeEmpty())
	})
}

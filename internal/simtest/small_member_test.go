package simtest

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// Of two connections to one account one has a small limit and a long interval, the other a large limit and a short
// interval. The lists at the pace of the large one do not use up the limit of the small one.
func TestListsOfALargeMemberLeaveTheLimitOfASmallOne(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.editConnection(crashConnection, func(c *itwinv1alpha1.ConnectionSpec) {
			c.RateLimit = itwinv1alpha1.RateLimit{RequestsPerMinute: 100_000, RequestsPerHour: new(int32(120))}
			c.PollInterval = metav1.Duration{Duration: time.Hour}
		})
		s.connect(otherConnection, crashClientID)
		s.editConnection(otherConnection, func(c *itwinv1alpha1.ConnectionSpec) {
			c.RateLimit = itwinv1alpha1.RateLimit{RequestsPerMinute: 100_000}
			c.PollInterval = metav1.Duration{Duration: 10 * time.Second}
		})
		s.run(2 * time.Hour)
		s.cluster.add(newWebhook(subject))
		s.run(5 * time.Minute)
		s.Expect(isReady(s.cluster.webhook(subject))).To(BeTrue(), "%v", s.cluster.webhook(subject).Status.Conditions)
		// The account's interval is kept, too: the large member has room for each list.
		before := s.count("GET /webhooks")
		s.run(10 * time.Minute)
		s.Expect(s.count("GET /webhooks")-before).To(BeNumerically("~", 60, 5), "one list per shortest interval")
	})
}

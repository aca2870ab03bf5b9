package e2e

import (
	"fmt"
	"testing"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/simulator"
)

func TestTooManyRequestsAreRetriedAfterRetryAfter(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	s.ready("first")
	s.Must(s.Platform.ResetRequests(s.Ctx))
	s.Must(s.Platform.Fault(s.Ctx, simulator.Fault{
		Match: simulator.Match{Path: "/webhooks"}, Action: "status:429;retry-after=3",
	}))
	const more = 5
	for i := range more {
		s.Create(s.webhook(fmt.Sprint("more-", i)))
	}
	for i := range more {
		s.becomes(fmt.Sprint("more-", i), isReady, isActive)
	}
	s.Expect(s.remotes()).To(HaveLen(1 + more))
	s.Expect(s.calls("POST /webhooks")+s.calls("GET /webhooks")).To(
		BeNumerically("<=", more+3), "one call was refused, and a list or two were due")
}

package simtest

import (
	"net/http"
	"testing"

	. "github.com/onsi/gomega"
)

// While corrections of another client's changes pause, another value of the Secret is sent at once all the same.
func TestARotationWaitsForNoCorrection(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		keepSecret(firstHMAC)(s.simulation)
		s.apply(subject, referring(hmac))
		for range 8 {
			s.ask(http.MethodPatch, "/webhooks/"+s.remotes()[0].ID, map[string]any{"callbackUrl": callbackOf("wrong")})
			s.run(2 * settleFor)
		}
		s.Expect(s.reason(subject)).To(Equal("Drifted"))
		keepSecret(nextHMAC)(s.simulation)
		s.run(settleFor)
		s.Expect(s.remotes()[0].Secret).To(Equal(nextHMAC), s.message(subject))
	})
}

package simtest

import (
	"testing"

	. "github.com/onsi/gomega"
)

// spec.webhookId says which webhook is imported: an annotation that proves nothing, copied with a manifest, does not
// take over another one.
func TestWebhookIdIsWhatIsImported(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		wanted := s.createRemote(callbackOf(subject), "iModels.iModelDeleted.v1")
		copied := s.createRemote(callbackOf("copied"), "iModels.iModelDeleted.v1")
		s.keepForeign(copied)
		s.apply(subject, claiming(copied), importing(wanted))
		s.Expect(s.violations()).To(BeEmpty())
		s.Expect(s.idOf(subject)).To(Equal(wanted))
	})
}

package simtest

import (
	"testing"

	. "github.com/onsi/gomega"
)

// A platform that drops the mark, and answers a create that equals an existing webhook with that webhook: what was
// there before is not what the operator made.
func TestACreateThatMergesTakesNoStranger(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		for _, v := range []string{"creates-drop-query", "creates-merge"} {
			s.must(s.platform.SetVariant(v))
		}
		s.keepForeign(s.createRemote(callbackOf(subject), newWebhook(subject).Spec.EventTypes...))
		s.run(warmUp)
		s.apply(subject)
		for id, before := range s.foreignWebhooks {
			for _, now := range s.platform.Webhooks() {
				if now.ID == id {
					s.Expect(now).To(Equal(before), "%s: %s", s.reason(subject), s.message(subject))
				}
			}
		}
	})
}

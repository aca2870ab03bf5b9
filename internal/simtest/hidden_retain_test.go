package simtest

import (
	"testing"

	. "github.com/onsi/gomega"
)

// A webhook was hidden for a while and another one was created: "if it was only hidden, it is removed when it shows
// again". Retain is about deletion and moves; of two that deliver to one callback one is too many.
func TestAHiddenWebhookThatReturnsLeavesOneWithRetain(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply(subject, retaining)
		s.must(s.platform.SetVariant("hidden"))
		s.run(2 * settleFor)
		s.must(s.platform.ClearVariant("hidden"))
		s.run(3 * settleFor)
		active := 0
		for _, w := range s.remotes() {
			if w.Active {
				active++
			}
		}
		s.Expect(active).To(Equal(1), "unmanaged: %d", s.unmanaged(crashConnection))
	})
}

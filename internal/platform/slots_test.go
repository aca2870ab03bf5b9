package platform_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/platform"
)

// However few workers there are, an account gets one when no other has any, also before it has proven itself.
func TestThereAreFewSlotsAnAccountGetsOneAtAnyTempo(t *testing.T) {
	for total := range 5 {
		for _, tempo := range []platform.Tempo{platform.Unproven, platform.Quick, platform.Slow} {
			g, slots := NewWithT(t), platform.NewSlots(total)
			g.Expect(slots.Allowed(tempo, 8)).To(BeNumerically(">=", 1), "%d slots, tempo %d", total, tempo)
			leave, ok := slots.Take(tempo, 0, 8)
			g.Expect(ok).To(BeTrue())
			leave()
			g.Expect(slots.Allowed(tempo, 8)).To(BeNumerically(">=", 1))
		}
	}
}

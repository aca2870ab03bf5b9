package simulator

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// docs/simulator.md is what people read instead of the code.
func TestDocumentation(t *testing.T) {
	g := NewWithT(t)
	content, err := os.ReadFile("../docs/simulator.md")
	g.Expect(err).NotTo(HaveOccurred())
	page := string(content)

	var schedule strings.Builder
	var total time.Duration
	for i, pause := range retryPauses {
		total += pause
		_, _ = fmt.Fprintf(&schedule, "| %d | %s | %s |\n", i+1, short(pause), short(total))
	}
	g.Expect(strings.Contains(page, schedule.String())).To(BeTrue(), "the schedule must be\n%s", schedule.String())
	for _, e := range adminEndpoints() {
		g.Expect(strings.Contains(page, "| `"+e.method+" "+e.template+"` |")).To(BeTrue(), e.method+" "+e.template)
	}
	for _, v := range variants {
		row := "\n| `" + v.syntax() + "` | " + v.description + " | "
		g.Expect(strings.Contains(page, row)).To(BeTrue(), "there must be the row %s", row)
	}
	for _, action := range faultActions {
		g.Expect(strings.Contains(page, "\n| `"+action)).To(BeTrue(), action)
	}
}

// short is a duration as people write it.
func short(d time.Duration) string {
	return strings.NewReplacer("m0s", "m", "h0m0s", "h").Replace(d.String())
}

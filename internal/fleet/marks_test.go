package fleet_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

func TestAMarkIsFoundInEachAccountThatHasOne(t *testing.T) {
	g := NewWithT(t)
	registry := fleet.NewRegistry(newScene(t).clock)
	marked := func(account string) *remote {
		r := newRemote("a")
		r.change("a", func(w *platform.Webhook) { w.Mark = "one" })
		_, err := registry.Join(account, account+"-connection", r, testCadence, func() {}).Poll(t.Context())
		g.Expect(err).NotTo(HaveOccurred())
		return r
	}
	first := marked("platform/1")
	marked("platform/0")
	accounts := func(owner fleet.Owner) (found []string) {
		for _, f := range registry.Marked(owner) {
			found = append(found, f.Account())
		}
		return found
	}
	g.Expect(accounts("one")).To(Equal([]string{"platform/0", "platform/1"}))
	g.Expect(accounts("two")).To(BeEmpty())

	first.change("a", func(w *platform.Webhook) { w.Mark = "" })
	_, err := registry.Member("platform/1-connection").Poll(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(accounts("one")).To(Equal([]string{"platform/0"}), "the update replaced the marked callback")
	registry.Leave("platform/0-connection")
	g.Expect(accounts("one")).To(BeEmpty())
}

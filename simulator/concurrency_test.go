package simulator_test

import (
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/simulator"
)

// Clients, events, the clock and the administrator at the same time: for the race detector, and to see nothing lost.
func TestConcurrentUse(t *testing.T) {
	g := NewWithT(t)
	callback := newPlainReceiver(t, respond(http.StatusBadGateway))
	platform, c := newSimulator(t, simulator.Options{
		HTTPCallbacks: true, StatePath: filepath.Join(t.TempDir(), "state.json"),
	})
	const clients, rounds = 4, 5

	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for range rounds {
				id := c.createActive(callback)
				_, _ = platform.Publish(deletedEvent())
				c.do(http.MethodGet, "/webhooks", "")
				_, _ = platform.Deactivate(id)
				c.do(http.MethodDelete, "/webhooks/"+id, "")
			}
		})
	}
	all.Go(func() {
		for range rounds {
			_, _ = platform.Advance(time.Minute)
			platform.Webhooks()
			platform.Deliveries()
		}
	})
	all.Wait()

	g.Expect(platform.Webhooks()).To(BeEmpty())
	g.Expect(platform.Requests().Counts).To(And(
		HaveKeyWithValue("POST /webhooks", clients*rounds), HaveKeyWithValue("PATCH /webhooks/{id}", clients*rounds),
		HaveKeyWithValue("GET /webhooks", clients*rounds), HaveKeyWithValue("DELETE /webhooks/{id}", clients*rounds),
	))
}

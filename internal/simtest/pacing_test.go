package simtest

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// limit gives the connection of a simulation a rate limit.
func (w *simulation) limit(perMinute int32) {
	c := w.cluster.read(ref{kindConnection, keyed(crashConnection)}).(*itwinv1alpha1.Connection)
	c.Spec.RateLimit.RequestsPerMinute = perMinute
	c.Generation++
	w.cluster.store(c)
}

// TestAWipedAccountIsFilledAgain deletes all webhooks at once where far fewer fit into the rate limit: each is
// confirmed to be gone once, and waits for its place.
func TestAWipedAccountIsFilledAgain(t *testing.T) {
	const n, perMinute = 240, 20
	inSimulation(t, func(w *simulation) {
		for i := range n {
			w.cluster.add(newWebhook(fmt.Sprintf("w%03d", i)))
		}
		w.start()
		w.run(time.Minute)
		w.limit(perMinute)
		w.run(time.Minute)
		confirmed := func() int { return w.platform.Requests().Counts["GET /webhooks/{id}"] }
		before := confirmed()
		for _, r := range w.remotes() {
			w.ask(http.MethodDelete, "/webhooks/"+r.ID, nil)
		}
		// Each costs a GET, which the next list has to confirm, a POST and a PATCH, and the lists take half.
		w.run(n * 3 * time.Minute / (perMinute/2 - 1) * 12 / 10)
		g := NewWithT(w.t)
		g.Expect(w.violations()).To(BeEmpty())
		g.Expect(confirmed() - before).To(Equal(n))
	})
}

// TestAnObjectGoesWhileItIsCreatedTheCreateIsDeletedThoughTheLimitIsUsedUp takes an object away, finalizer and all,
// while its webhook is being created.
func TestAnObjectGoesWhileItIsCreatedTheCreateIsDeletedThoughTheLimitIsUsedUp(t *testing.T) {
	inSimulation(t, func(w *simulation) {
		w.limit(8)
		snatch := func(w *simulation) {
			if o := w.cluster.webhook(subject); o != nil {
				o.Finalizers = nil
				w.cluster.remove(o)
			}
		}
		w.start(disruption{every: "after POST /webhooks", what: meet, meets: snatch}).count()
		w.run(15 * time.Second)
		add()(w)
		w.run(2 * time.Minute)
		g := NewWithT(w.t)
		g.Expect(w.creates()).To(Equal(1))
		g.Expect(w.remotes()).To(BeEmpty())
	})
}

// TestWhoWaitsForLongSaysSo adds more Webhooks than a small limit serves in a minute, whose poll alone would use it up.
func TestWhoWaitsForLongSaysSo(t *testing.T) {
	inSimulation(t, func(w *simulation) {
		w.limit(4)
		w.start()
		w.run(time.Minute)
		for i := range 6 {
			w.cluster.add(newWebhook(fmt.Sprintf("w%03d", i)))
		}
		w.run(90 * time.Second)
		g := NewWithT(w.t)
		for _, o := range w.cluster.webhooks() {
			g.Expect(said(o.Status.Conditions)).To(Or(
				ContainSubstring("Ready=True"), ContainSubstring("Ready=False/"+itwinv1alpha1.RateLimitedReason)), o.Name)
		}
		w.run(15 * time.Minute)
		g.Expect(w.violations()).To(BeEmpty())
	})
}

package e2e

import (
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/harness"
	"webhook-operator.io/itwin/simulator"
)

// attempts to deliver an event before the platform turns the webhook off: the first and 12 retries.
const attempts = 13

func TestReceiverFailsForThreeDaysItsWebhookIsReactivatedOnceFixed(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	receiver, err := harness.StartReceiver(nil)
	s.Must(err)
	t.Cleanup(func() { _ = receiver.Close() })
	s.ready("model-events", func(w *itwinv1alpha1.Webhook) { w.Spec.CallbackURL = receiver.URL + "/models" })
	receiver.Trust(func(string) []string { return []string{s.secret("model-events-webhook-secret")} })

	s.arrives(receiver)

	receiver.Break()
	s.publish()
	s.Must(s.Platform.Advance(s.Ctx, 72*time.Hour))
	s.Expect(s.onlyRemote().Active).To(BeFalse(), "the platform gave up")
	s.Expect(s.failures()).To(Equal(attempts))

	w := s.becomes("model-events", isReady, isActive, hasDeactivations(1))
	s.Expect(s.onlyRemote().Active).To(BeTrue())
	s.Expect(w.Status.WebhookID).To(Equal(s.onlyRemote().ID))
	s.sees("model-events", "Deactivated")
	s.sees("model-events", "Reactivated")

	receiver.Fix()
	s.arrives(receiver)
	for _, delivery := range receiver.Deliveries() {
		s.Expect(delivery.Verified).To(BeTrue())
	}
}

// publish makes an event happen in the iTwin of the scene's Webhooks.
func (s *scene) publish() simulator.Published {
	s.Helper()
	published, err := s.Platform.Publish(s.Ctx, simulator.Event{EventType: eventType, ITwinID: iTwin})
	s.Must(err)
	s.Expect(published.Webhooks).To(HaveLen(1))
	return published
}

// arrives publishes an event and waits until the receiver has taken it.
func (s *scene) arrives(receiver *harness.Receiver) {
	s.Helper()
	_, err := receiver.Await(s.Ctx, s.publish().MessageID)
	s.Must(err)
}

// failures counts the attempts that were answered as a broken receiver does.
func (s *scene) failures() (n int) {
	s.Helper()
	all, err := s.Platform.Deliveries(s.Ctx)
	s.Must(err)
	for _, attempt := range all {
		if attempt.Status == http.StatusServiceUnavailable {
			n++
		}
	}
	return n
}

package e2e

import (
	"net/http"
	"testing"

	. "github.com/onsi/gomega"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/simulator"
)

func TestWebhookCanBeDeletedAfterItsConnection(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	w := s.ready("model-events")
	s.delete(s.Credentials(s.Namespace))
	s.delete(s.Connection())
	s.becomes("model-events", isNotReady(itwinv1alpha1.ConnectionNotFoundReason))
	s.delete(w)
	s.gone("model-events")
	s.Expect(s.remotes()).To(BeEmpty())
}

func TestDeletionFailsTheStatusSaysHowToFinishIt(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	w := s.ready("model-events")
	s.Must(s.Platform.Fault(s.Ctx, simulator.Fault{
		Match: simulator.Match{Method: http.MethodDelete}, Times: simulator.Forever, Action: "status:403",
	}))
	s.delete(w)
	w = s.becomes("model-events", isNotReady(itwinv1alpha1.DeletingReason))
	s.sees("model-events", "DeleteFailed")
	s.Expect(s.onlyRemote().ID).To(Equal(w.Status.WebhookID))

	s.change(w, func(w *itwinv1alpha1.Webhook) { w.Spec.DeletionPolicy = itwinv1alpha1.RetainRemote })
	s.gone("model-events")
	s.Expect(s.remotes()).To(HaveLen(1))
}

func TestDeletionWithoutAConnectionSinceTheStartIsFinishedByRetain(t *testing.T) {
	s := newConnectedScene(t)
	w := s.ready("model-events")
	s.Must(manager.Stop())
	s.delete(s.Connection())
	s.startManager()
	s.becomes("model-events", isNotReady(itwinv1alpha1.ConnectionNotFoundReason))
	s.delete(w)
	w = s.becomes("model-events", isNotReady(itwinv1alpha1.DeletingReason))
	s.change(w, func(w *itwinv1alpha1.Webhook) { w.Spec.DeletionPolicy = itwinv1alpha1.RetainRemote })
	s.gone("model-events")
	s.Expect(s.remotes()).To(HaveLen(1))
}

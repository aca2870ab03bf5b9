package e2e

import (
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/api/v1alpha1"
)

func TestAppliedWebhookBecomesReadyAndExists(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	w := s.ready("model-events")
	s.Expect(s.kstatus(w)).To(Equal(status.CurrentStatus))
	remote := s.onlyRemote()
	s.Expect(remote.ID).To(Equal(w.Status.WebhookID))
	s.Expect(remote.Active).To(BeTrue())
	s.Expect(remote.CallbackURL).To(Equal(w.Spec.CallbackURL))
	s.Expect(remote.EventTypes).To(ConsistOf(w.Spec.EventTypes))
	s.Expect(remote.ScopeID).To(Equal(iTwin))
	s.Expect(w.Annotations).To(HaveKeyWithValue(v1alpha1.WebhookIDAnnotation, remote.ID))
	s.Expect(s.calls("POST /webhooks")).To(Equal(1))
}

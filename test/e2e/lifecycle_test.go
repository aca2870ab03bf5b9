package e2e

import (
	"strings"
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	. "github.com/onsi/gomega"
	apimeta "k8s.io/apimachinery/pkg/api/meta"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

func TestAppliedWebhookBecomesReadyAndExists(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	fresh := s.webhook("model-events")
	s.Create(fresh)
	s.Expect(s.kstatus(fresh)).To(Equal(status.InProgressStatus), "an object that no controller has read")

	w := s.becomes("model-events", isReady, isActive)
	s.Expect(s.kstatus(w)).To(Equal(status.CurrentStatus))
	remote := s.onlyRemote()
	s.Expect(remote.ID).To(Equal(w.Status.WebhookID))
	s.Expect(remote.Active).To(BeTrue())
	s.Expect(remote.CallbackURL).To(Equal(w.Spec.CallbackURL))
	s.Expect(remote.EventTypes).To(ConsistOf(w.Spec.EventTypes))
	s.Expect(remote.ScopeID).To(Equal(iTwin))
	s.Expect(remote.Secret).To(Equal(s.secret("model-events-webhook-secret")))
	s.Expect(w.Annotations).To(HaveKeyWithValue(itwinv1alpha1.WebhookIDAnnotation, remote.ID))
	s.Expect(s.calls("POST /webhooks")).To(Equal(1))
	s.Expect(s.calls("PATCH /webhooks/{id}")).To(Equal(1))
	s.sees("model-events", "Created")
}

func TestEveryMutableFieldAtOnceIsOnePatch(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	w := s.ready("model-events")
	s.Create(s.signingSecret("mine", strings.Repeat("m", 32)))
	s.Must(s.Platform.ResetRequests(s.Ctx))

	s.change(w, func(w *itwinv1alpha1.Webhook) {
		w.Spec.CallbackURL = "https://elsewhere.example.com/itwin?a=b"
		w.Spec.EventTypes = []string{"iTwins.iTwinCreated.v1", eventType}
		w.Spec.Active = new(false)
		w.Spec.SecretRef = &itwinv1alpha1.SecretKeyReference{Name: "mine"}
	})
	w = s.becomes("model-events", isReady, isInactive)
	s.Expect(s.kstatus(w)).To(Equal(status.CurrentStatus))
	s.Expect(s.calls("PATCH /webhooks/{id}")).To(Equal(1))
	remote := s.onlyRemote()
	s.Expect(remote.ID).To(Equal(w.Status.WebhookID))
	s.Expect(remote.CallbackURL).To(Equal(w.Spec.CallbackURL))
	s.Expect(remote.EventTypes).To(ConsistOf(w.Spec.EventTypes))
	s.Expect(remote.Active).To(BeFalse())
	s.Expect(remote.Secret).To(Equal(strings.Repeat("m", 32)))
	s.sees("model-events", "Updated")
}

func TestDeleteRemovesTheRemoteWebhook(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	w := s.ready("model-events")
	s.delete(w)
	s.gone("model-events")
	s.Expect(s.remotes()).To(BeEmpty())
	s.Expect(s.calls("DELETE /webhooks/{id}")).To(Equal(1))
}

func TestRetainKeepsTheRemoteWebhook(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	w := s.ready("model-events", func(w *itwinv1alpha1.Webhook) { w.Spec.DeletionPolicy = itwinv1alpha1.RetainRemote })
	s.delete(w)
	s.gone("model-events")
	s.Expect(s.onlyRemote().Active).To(BeTrue())
	s.Expect(s.calls("DELETE /webhooks/{id}")).To(BeZero())
}

func TestSuspendedWebhookIsNotChanged(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	suspended := s.webhook("suspended", func(w *itwinv1alpha1.Webhook) { w.Spec.Suspend = true })
	s.Create(suspended)
	suspended = s.becomes("suspended", isSuspended)
	s.Expect(s.kstatus(suspended)).To(Equal(status.CurrentStatus))
	// What comes later is done, so what came before would be.
	s.ready("marker")
	s.Expect(s.remotes()).To(HaveLen(1))

	s.change(suspended, func(w *itwinv1alpha1.Webhook) { w.Spec.Suspend = false })
	suspended = s.becomes("suspended", isReady, isNotSuspended)
	s.Expect(s.remotes()).To(HaveLen(2))

	s.Must(s.Platform.ResetRequests(s.Ctx))
	s.change(suspended, func(w *itwinv1alpha1.Webhook) {
		w.Spec.Suspend, w.Spec.EventTypes = true, []string{"iTwins.iTwinCreated.v1"}
	})
	before := suspended.DeepCopy()
	suspended = s.becomes("suspended", isSuspended)
	s.Expect(s.kstatus(suspended)).To(Equal(status.CurrentStatus))
	s.Expect(withoutSuspended(suspended.Status)).To(Equal(withoutSuspended(before.Status)), "what was known before stays")
	s.ready("second-marker")
	s.Expect(s.calls("PATCH /webhooks/{id}")).To(Equal(1), "only the marker's")

	s.delete(suspended)
	s.gone("suspended")
	s.Expect(s.remotes()).To(HaveLen(3))
}

// withoutSuspended is what a status says beside that its object is suspended.
func withoutSuspended(st itwinv1alpha1.WebhookStatus) itwinv1alpha1.WebhookStatus {
	rest := *st.DeepCopy()
	rest.ObservedGeneration = 0
	apimeta.RemoveStatusCondition(&rest.Conditions, itwinv1alpha1.SuspendedCondition)
	return rest
}

func TestColumns(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	w := s.ready("model-events")
	s.Expect(s.table("itwh")).To(Equal([][]string{
		{"NAME", "READY", "ACTIVE", "SUSPENDED", "SCOPE", "CALLBACK", "AGE"},
		{"model-events", "True", "True", "false", "iTwin", w.Spec.CallbackURL, anyAge},
	}))
	s.Expect(s.table("itwh", "-o", "wide")).To(Equal([][]string{
		{"NAME", "READY", "ACTIVE", "SUSPENDED", "SCOPE", "CALLBACK", "AGE", "WEBHOOK ID", "REASON", "MESSAGE"},
		{"model-events", "True", "True", "false", "iTwin", w.Spec.CallbackURL, anyAge, w.Status.WebhookID, "InSync",
			"Remote webhook matches spec"},
	}))
	out, err := plane.Kubectl(s.Ctx, "get", "itwin", "-n", s.Namespace)
	s.Must(err)
	s.Expect(out).To(And(ContainSubstring("webhook.itwin.webhook-operator.io/model-events"),
		ContainSubstring("connection.itwin.webhook-operator.io/default")))
}

package e2e

import (
	"strings"
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	. "github.com/onsi/gomega"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

func withSecret(name string) func(*itwinv1alpha1.Webhook) {
	return func(w *itwinv1alpha1.Webhook) { w.Spec.SecretRef = &itwinv1alpha1.SecretKeyReference{Name: name} }
}

func TestMissingSecretIsWaitedFor(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	s.Create(s.webhook("model-events", withSecret("mine")))
	w := s.becomes("model-events", isNotReady(itwinv1alpha1.SecretNotFoundReason))
	s.Expect(s.kstatus(w)).To(Equal(status.InProgressStatus))
	s.Expect(s.remotes()).To(BeEmpty())

	secret := s.signingSecret("mine", "too short")
	s.Create(secret)
	s.becomes("model-events", isNotReady(itwinv1alpha1.SecretInvalidReason))
	s.Expect(s.remotes()).To(BeEmpty())

	value := strings.Repeat("ä", 32)
	secret.StringData = map[string]string{itwinv1alpha1.DefaultSecretKey: value}
	s.Must(plane.Client.Update(s.Ctx, secret))
	s.becomes("model-events", isReady)
	s.Expect(s.onlyRemote().Secret).To(Equal(value))
}

func TestChangedSecretReachesThePlatform(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	secret := s.signingSecret("mine", strings.Repeat("a", 32))
	s.Create(secret)
	s.ready("model-events", withSecret("mine"))
	s.Must(s.Platform.ResetRequests(s.Ctx))

	secret.StringData = map[string]string{itwinv1alpha1.DefaultSecretKey: strings.Repeat("b", 32)}
	s.Must(plane.Client.Update(s.Ctx, secret))
	s.becomes("model-events", isReady, hasSecretVersion(secret.ResourceVersion))
	s.Expect(s.onlyRemote().Secret).To(Equal(strings.Repeat("b", 32)))
	s.Expect(s.calls("PATCH /webhooks/{id}")).To(Equal(1))
	s.sees("model-events", "SecretRotated")
}

func TestDeletedGeneratedSecretIsGeneratedAgain(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	s.ready("model-events")
	before := s.onlyRemote().Secret
	s.delete(s.signingSecret("model-events-webhook-secret", ""))
	s.Eventually(func() string { return s.onlyRemote().Secret }).ShouldNot(Equal(before))
	s.becomes("model-events", isReady)
	s.Expect(s.secret("model-events-webhook-secret")).To(And(
		Equal(s.onlyRemote().Secret), MatchRegexp("^[0-9a-f]{64}$")))
}

func TestRotationOnRequestKeepsThePreviousValue(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	w := s.ready("model-events")
	before := s.onlyRemote().Secret
	s.annotate(w, itwinv1alpha1.RotateRequestedAtAnnotation, "now")
	s.becomes("model-events", isReady, func(w *itwinv1alpha1.Webhook) error {
		return expect("lastHandledRotateAt", w.Status.LastHandledRotateAt, "now")
	})
	after := s.onlyRemote().Secret
	s.Expect(after).NotTo(Equal(before))
	s.Expect(s.secretData("model-events-webhook-secret")).To(And(
		HaveKeyWithValue("secret", BeEquivalentTo(after)), HaveKeyWithValue("previous", BeEquivalentTo(before))))
}

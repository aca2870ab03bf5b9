package teardown

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// The operator lives through all tests of this file: what it holds of the credentials is enough.

func TestNamespaceIsDeletedWithAllThatWasCreatedForIt(t *testing.T) {
	t.Parallel()
	s := newPopulatedScene(t)
	s.deleteNamespace()
	s.namespaceGoes()
	s.Expect(s.remotes()).To(BeEmpty())
}

func TestOrderOfDeletionsDoesNotMatter(t *testing.T) {
	for _, order := range [][]string{
		{"credentials", "connection", "webhooks"},
		{"credentials", "webhooks", "connection"},
		{"connection", "credentials", "webhooks"},
		{"connection", "webhooks", "credentials"},
		{"webhooks", "credentials", "connection"},
		{"webhooks", "connection", "credentials"},
	} {
		t.Run(strings.Join(order, " then "), func(t *testing.T) {
			t.Parallel()
			s := newPopulatedScene(t)
			for _, what := range order {
				s.take(what)
			}
			s.deleteNamespace()
			s.namespaceGoes()
			s.Expect(s.remotes()).To(BeEmpty())
		})
	}
}

// take deletes something and waits until the operator has seen that it is gone.
func (s *scene) take(what string) {
	s.Helper()
	switch what {
	case "credentials":
		s.delete(s.Credentials(s.Namespace))
		s.goes(s.Credentials(s.Namespace))
		s.connectionNotices()
	case "connection":
		s.delete(s.Connection())
		s.goes(s.Connection())
	case "webhooks":
		s.Must(plane.Client.DeleteAllOf(s.Ctx, &itwinv1alpha1.Webhook{}, client.InNamespace(s.Namespace)))
		s.goes(s.webhook("generated"))
		s.goes(s.webhook("signed"))
	}
}

// connectionNotices waits until the Connection, if it is still there, says that its credentials are gone.
func (s *scene) connectionNotices() {
	s.Helper()
	s.Eventually(func() (string, error) {
		var c itwinv1alpha1.Connection
		err := plane.Client.Get(s.Ctx, client.ObjectKeyFromObject(s.Connection()), &c)
		if client.IgnoreNotFound(err) != nil {
			return "", err
		}
		for _, condition := range c.Status.Conditions {
			if condition.Type == itwinv1alpha1.ReadyCondition {
				return condition.Reason, nil
			}
		}
		return itwinv1alpha1.SecretNotFoundReason, nil
	}).Should(Equal(itwinv1alpha1.SecretNotFoundReason))
}

func TestGeneratedSecretIsCollectedWithItsWebhook(t *testing.T) {
	t.Parallel()
	s := newPopulatedScene(t)
	s.delete(s.webhook("generated"))
	s.delete(s.webhook("signed"))
	s.goes(s.Secret(s.Namespace, generated, nil))
	s.Expect(s.remotes()).To(BeEmpty())
	var kept corev1.Secret
	s.Must(plane.Client.Get(s.Ctx, client.ObjectKey{Namespace: s.Namespace, Name: signing}, &kept))
	s.deleteNamespace()
	s.namespaceGoes()
}

func TestRefusedWebhookIsDeletedWithItsNamespace(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.refuseCreates()
	s.Create(s.Credentials(s.Namespace))
	s.Create(s.Connection())
	s.Create(s.webhook("refused"))
	s.becomes("refused", metav1.ConditionFalse, itwinv1alpha1.RefusedReason)
	s.take("credentials")
	s.deleteNamespace()
	s.namespaceGoes()
}

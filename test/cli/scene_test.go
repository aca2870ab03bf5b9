package cli

import (
	"context"
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/harness"
)

const (
	credentials = "itwin-service-app"
	iTwin       = "5c9d64cf-d22f-4149-ad08-c24ff395c3a0"
	eventType   = "iModels.iModelDeleted.v1"
	callback    = "https://hooks.example.com/itwin"
)

// scene is what one test has to itself: a namespace, and a platform.
type scene struct {
	*testing.T
	*WithT
	ctx       context.Context
	namespace string
	platform  *harness.Simulator
}

// newScene makes a scene without a connection.
func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{T: t, WithT: NewWithT(t), ctx: t.Context()}
	s.SetDefaultEventuallyTimeout(harness.Timeout)
	s.SetDefaultEventuallyPollingInterval(50 * time.Millisecond)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "cli-"}}
	s.create(namespace)
	s.namespace = namespace.Name
	return s
}

// newConnectedScene has a platform, the Connection that Webhooks use by default, and its credentials.
func newConnectedScene(t *testing.T) *scene {
	t.Helper()
	s := newScene(t)
	var err error
	s.platform, err = harness.StartSimulator(s.ctx, t.TempDir(), "--insecure-callbacks")
	s.must(err)
	t.Cleanup(func() {
		if err := s.platform.Kill(); err != nil {
			t.Error(err)
		}
	})
	s.create(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: credentials},
		StringData: map[string]string{"clientId": s.namespace, "clientSecret": "test-secret"},
	})
	s.create(&itwinv1alpha1.Connection{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "default"},
		Spec: itwinv1alpha1.ConnectionSpec{
			APIURL: s.platform.URL, TokenURL: s.platform.TokenURL(),
			CredentialsSecretRef: itwinv1alpha1.CredentialsReference{Name: credentials},
			PollInterval:         metav1.Duration{Duration: 10 * time.Second},
		},
	})
	return s
}

func (s *scene) must(err error) {
	s.Helper()
	s.Expect(err).NotTo(HaveOccurred())
}

func (s *scene) create(o client.Object) {
	s.Helper()
	s.must(plane.Client.Create(s.ctx, o))
}

// webhook is one of scope iTwin, not yet created.
func (s *scene) webhook(name string, changes ...func(*itwinv1alpha1.Webhook)) *itwinv1alpha1.Webhook {
	w := &itwinv1alpha1.Webhook{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: name},
		Spec: itwinv1alpha1.WebhookSpec{
			CallbackURL: callback + "/" + name, Scope: itwinv1alpha1.ITwinScope, ScopeID: iTwin, EventTypes: []string{eventType},
		},
	}
	for _, change := range changes {
		change(w)
	}
	return w
}

// ready creates a Webhook and waits until it is.
func (s *scene) ready(name string, changes ...func(*itwinv1alpha1.Webhook)) *itwinv1alpha1.Webhook {
	s.Helper()
	s.create(s.webhook(name, changes...))
	return s.becomes(name, itwinv1alpha1.ReadyCondition, itwinv1alpha1.InSyncReason)
}

// becomes waits for a reason of a Webhook's condition.
func (s *scene) becomes(name, condition, reason string) (w *itwinv1alpha1.Webhook) {
	s.Helper()
	s.Eventually(func() error {
		w = s.read(name)
		found := meta.FindStatusCondition(w.Status.Conditions, condition)
		if found == nil || found.Reason != reason {
			return fmt.Errorf("%s is %+v, not %s", condition, found, reason)
		}
		return nil
	}).Should(Succeed())
	return w
}

// deactivated turns a ready Webhook off on the platform, and waits until the operator has noticed.
func (s *scene) deactivated(name string) *itwinv1alpha1.Webhook {
	s.Helper()
	w := s.read(name)
	s.must(s.platform.Deactivate(s.ctx, w.Status.WebhookID))
	return s.becomes(name, itwinv1alpha1.ActiveCondition, itwinv1alpha1.DeactivatedReason)
}

func (s *scene) read(name string) *itwinv1alpha1.Webhook {
	s.Helper()
	var w itwinv1alpha1.Webhook
	s.must(plane.Client.Get(s.ctx, client.ObjectKey{Namespace: s.namespace, Name: name}, &w))
	return &w
}

func onRequest(w *itwinv1alpha1.Webhook) {
	w.Spec.ReactivationPolicy = itwinv1alpha1.ReactivateOnRequest
}

func suspended(w *itwinv1alpha1.Webhook) { w.Spec.Suspend = true }

package scrape

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/harness"
	"webhook-operator.io/itwin/simulator"
)

// scene has Webhooks in the states of which the alerts and the dashboard tell.
type scene struct {
	*WithT
	ctx      context.Context
	platform *harness.Simulator
}

const namespace = "digital-twin"

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{WithT: NewWithT(t), ctx: t.Context()}
	s.SetDefaultEventuallyTimeout(harness.Timeout)
	s.SetDefaultEventuallyPollingInterval(100 * time.Millisecond)
	var err error
	s.platform, err = harness.StartSimulator(s.ctx, t.TempDir(), "--insecure-callbacks")
	s.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { s.Expect(s.platform.Kill()).To(Succeed()) })
	s.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
	s.create(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "itwin-service-app"},
		StringData: map[string]string{"clientId": "scraped", "clientSecret": "test-secret"},
	})
	s.create(&itwinv1alpha1.Connection{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "default"},
		Spec: itwinv1alpha1.ConnectionSpec{
			APIURL: s.platform.URL, TokenURL: s.platform.TokenURL(), PollInterval: metav1.Duration{Duration: 10 * time.Second},
			CredentialsSecretRef: itwinv1alpha1.CredentialsReference{Name: "itwin-service-app"},
			RateLimit:            itwinv1alpha1.RateLimit{RequestsPerMinute: 500, RequestsPerHour: new(int32(5000))},
		},
	})
	return s
}

// play brings each Webhook into its state.
func (s *scene) play() {
	s.webhook("sound", "InSync", nil)
	off := s.webhook("off", "InSync", func(spec *itwinv1alpha1.WebhookSpec) {
		spec.ReactivationPolicy = itwinv1alpha1.ReactivateOnRequest
	})
	deleted := s.webhook("deleted", "InSync", nil)
	s.Expect(s.platform.Deactivate(s.ctx, off.Status.WebhookID)).To(Succeed())
	s.becomes(off, "Deactivated")
	s.webhook("without-secret", "SecretNotFound", func(spec *itwinv1alpha1.WebhookSpec) {
		spec.SecretRef = &itwinv1alpha1.SecretKeyReference{Name: "missing"}
	})
	s.fault(http.MethodPost, "status:422")
	s.webhook("refused", "Refused", nil)
	s.fault(http.MethodDelete, "status:503")
	s.Expect(plane.Client.Delete(s.ctx, deleted)).To(Succeed())
	s.becomes(deleted, "Deleting")
}

func (s *scene) fault(method, action string) {
	s.Expect(s.platform.Fault(s.ctx, simulator.Fault{
		Match: simulator.Match{Method: method}, Times: simulator.Forever, Action: action,
	})).To(Succeed())
}

func (s *scene) create(o client.Object) { s.Expect(plane.Client.Create(s.ctx, o)).To(Succeed()) }

// webhook creates one and waits for the reason of its Ready condition.
func (s *scene) webhook(name, reason string, change func(*itwinv1alpha1.WebhookSpec)) *itwinv1alpha1.Webhook {
	w := &itwinv1alpha1.Webhook{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: itwinv1alpha1.WebhookSpec{
			CallbackURL: "https://hooks.example.com/" + name, Scope: itwinv1alpha1.AccountScope,
			EventTypes: []string{"iModels.iModelDeleted.v1"},
		},
	}
	if change != nil {
		change(&w.Spec)
	}
	s.create(w)
	return s.becomes(w, reason)
}

func (s *scene) becomes(w *itwinv1alpha1.Webhook, reason string) *itwinv1alpha1.Webhook {
	s.Eventually(func() error {
		if err := plane.Client.Get(s.ctx, client.ObjectKeyFromObject(w), w); err != nil {
			return err
		}
		ready := apimeta.FindStatusCondition(w.Status.Conditions, itwinv1alpha1.ReadyCondition)
		if ready == nil || ready.Reason != reason {
			return errors.New(w.Name + " does not say " + reason)
		}
		return nil
	}).Should(Succeed())
	return w
}

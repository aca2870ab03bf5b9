package cli

import (
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/harness/clustertest"
)

const (
	credentials = clustertest.Credentials
	iTwin       = "5c9d64cf-d22f-4149-ad08-c24ff395c3a0"
	eventType   = "iModels.iModelDeleted.v1"
	callback    = "https://hooks.example.com/itwin"
)

// scene is what one test has to itself.
type scene struct{ *clustertest.Scene }

// newScene makes a scene without a platform.
func newScene(t *testing.T) *scene {
	t.Helper()
	return &scene{clustertest.NewScene(t, plane, "cli")}
}

// newConnectedScene has a platform, the Connection that Webhooks use by default, and its credentials.
func newConnectedScene(t *testing.T) *scene {
	t.Helper()
	s := newScene(t)
	s.StartPlatform("--insecure-callbacks")
	s.Create(s.Credentials(s.Namespace))
	s.Create(s.Connection())
	return s
}

// webhook is one of scope iTwin, not yet created.
func (s *scene) webhook(name string, changes ...func(*itwinv1alpha1.Webhook)) *itwinv1alpha1.Webhook {
	w := &itwinv1alpha1.Webhook{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: name},
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
	s.Create(s.webhook(name, changes...))
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
	s.Must(s.Platform.Deactivate(s.Ctx, w.Status.WebhookID))
	return s.becomes(name, itwinv1alpha1.ActiveCondition, itwinv1alpha1.DeactivatedReason)
}

func (s *scene) read(name string) *itwinv1alpha1.Webhook {
	s.Helper()
	var w itwinv1alpha1.Webhook
	s.Must(plane.Client.Get(s.Ctx, client.ObjectKey{Namespace: s.Namespace, Name: name}, &w))
	return &w
}

func onRequest(w *itwinv1alpha1.Webhook) {
	w.Spec.ReactivationPolicy = itwinv1alpha1.ReactivateOnRequest
}

func suspended(w *itwinv1alpha1.Webhook) { w.Spec.Suspend = true }

package teardown

import (
	"context"
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/harness"
	"webhook-operator.io/itwin/internal/harness/clustertest"
	"webhook-operator.io/itwin/simulator"
)

const (
	credentials = clustertest.Credentials
	signing     = "signing"
	generated   = "generated" + itwinv1alpha1.GeneratedSecretSuffix
	iTwin       = "5c9d64cf-d22f-4149-ad08-c24ff395c3a0"
	// collected is how long the garbage collector would take at most for what it is not to collect.
	collected = 5 * time.Second
)

// scene is what one test has to itself: a namespace that will be deleted, and a platform.
type scene struct{ *clustertest.Scene }

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{clustertest.NewScene(t, plane, "teardown")}
	s.StartPlatform()
	t.Cleanup(func() {
		if t.Failed() {
			s.describe()
		}
	})
	return s
}

// describe logs what a user would look at after a failure.
func (s *scene) describe() {
	ctx, cancel := context.WithTimeout(context.Background(), harness.Timeout)
	defer cancel()
	for _, args := range [][]string{
		{"get", "itwin,secrets,events", "-n", s.Namespace, "-o", "wide"},
		{"get", "namespace", s.Namespace, "-o", "yaml"},
	} {
		out, err := plane.Kubectl(ctx, args...)
		s.Logf("kubectl %v (%v):\n%s", args, err, out)
	}
	s.Logf("the simulator:\n%s\nthe operator: %s", s.Platform.Output(), manager.OutputPath())
}

// newPopulatedScene has two Webhooks that are ready: one with a generated Secret, one with a user's.
func newPopulatedScene(t *testing.T) *scene {
	t.Helper()
	s := newScene(t)
	s.Create(s.Credentials(s.Namespace))
	s.Create(s.Connection())
	s.populate()
	return s
}

func (s *scene) populate(changes ...func(*itwinv1alpha1.Webhook)) {
	s.Helper()
	s.Create(s.Secret(s.Namespace, signing, map[string]string{"secret": "0123456789abcdef0123456789abcdef"}))
	s.Create(s.webhook("generated", changes...))
	s.Create(s.webhook("signed", append(changes, func(w *itwinv1alpha1.Webhook) {
		w.Spec.SecretRef = &itwinv1alpha1.SecretKeyReference{Name: signing}
	})...))
	s.becomes("generated", metav1.ConditionTrue, itwinv1alpha1.InSyncReason)
	s.becomes("signed", metav1.ConditionTrue, itwinv1alpha1.InSyncReason)
	s.Expect(s.remotes()).To(HaveLen(2))
}

func (s *scene) delete(o client.Object) {
	s.Helper()
	s.Must(client.IgnoreNotFound(plane.Client.Delete(s.Ctx, o)))
}

// clusterCredentials are in a namespace that stays.
func (s *scene) clusterCredentials() *corev1.Secret {
	secret := s.Credentials(harness.Namespace)
	secret.Name = s.Namespace
	return secret
}

// clusterConnection is one for this namespace alone.
func (s *scene) clusterConnection() *itwinv1alpha1.ClusterConnection {
	spec := s.ConnectionSpec()
	spec.CredentialsSecretRef = itwinv1alpha1.CredentialsReference{Name: s.Namespace, Namespace: harness.Namespace}
	spec.AllowedNamespaces = &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: s.Namespace}}
	return &itwinv1alpha1.ClusterConnection{ObjectMeta: metav1.ObjectMeta{Name: s.Namespace}, Spec: spec}
}

func (s *scene) webhook(name string, changes ...func(*itwinv1alpha1.Webhook)) *itwinv1alpha1.Webhook {
	w := &itwinv1alpha1.Webhook{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: name},
		Spec: itwinv1alpha1.WebhookSpec{
			CallbackURL: "https://hooks.example.com/" + name, Scope: itwinv1alpha1.ITwinScope, ScopeID: iTwin,
			EventTypes: []string{"iModels.iModelDeleted.v1"},
		},
	}
	for _, change := range changes {
		change(w)
	}
	return w
}

// becomes waits for the Ready condition of a Webhook, and returns its words.
func (s *scene) becomes(name string, ready metav1.ConditionStatus, reason string) (message string) {
	s.Helper()
	s.Eventually(func(g Gomega) {
		var w itwinv1alpha1.Webhook
		g.Expect(plane.Client.Get(s.Ctx, client.ObjectKey{Namespace: s.Namespace, Name: name}, &w)).To(Succeed())
		c := apimeta.FindStatusCondition(w.Status.Conditions, itwinv1alpha1.ReadyCondition)
		g.Expect(c).NotTo(BeNil())
		g.Expect([]any{c.Status, c.Reason}).To(Equal([]any{ready, reason}), c.Message)
		g.Expect(c.ObservedGeneration).To(Equal(w.Generation))
		message = c.Message
	}).Should(Succeed())
	return message
}

// sees waits for an Event about a Webhook, and returns its note.
func (s *scene) sees(name, reason string) (note string) {
	s.Helper()
	s.Eventually(func() (bool, error) {
		var all eventsv1.EventList
		err := plane.Client.List(s.Ctx, &all, client.InNamespace(s.Namespace))
		for _, event := range all.Items {
			if event.Regarding.Name == name && event.Reason == reason {
				note = event.Note
				return true, nil
			}
		}
		return false, err
	}).Should(BeTrue(), "no Event %s about %s", reason, name)
	return note
}

// retain lets go of a Webhook's remote side.
func (s *scene) retain(name string) {
	s.Helper()
	w := s.webhook(name)
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"deletionPolicy":"Retain"}}`))
	s.Must(plane.Client.Patch(s.Ctx, w, patch))
}

func (s *scene) deleteNamespace() {
	s.Helper()
	s.delete(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.Namespace}})
}

// namespaceGoes waits until the namespace does not exist any more.
func (s *scene) namespaceGoes() {
	s.Helper()
	s.goes(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.Namespace}})
}

// goes waits until an object does not exist any more.
func (s *scene) goes(o client.Object) {
	s.Helper()
	s.Eventually(func() bool {
		return apierrors.IsNotFound(plane.Client.Get(s.Ctx, client.ObjectKeyFromObject(o), o))
	}).Should(BeTrue(), "%T %s is still there", o, o.GetName())
}

// namespaceWaits waits until the namespace controller says that it is finalizers it waits for.
func (s *scene) namespaceWaits() {
	s.Helper()
	s.Eventually(func() (string, error) {
		var namespace corev1.Namespace
		err := plane.Client.Get(s.Ctx, client.ObjectKey{Name: s.Namespace}, &namespace)
		for _, c := range namespace.Status.Conditions {
			if c.Type == corev1.NamespaceFinalizersRemaining && c.Status == corev1.ConditionTrue {
				return c.Message, nil
			}
		}
		return "", err
	}).Should(ContainSubstring(itwinv1alpha1.WebhookFinalizer))
}

// refuseCreates lets the platform accept no webhook at all.
func (s *scene) refuseCreates() {
	s.Helper()
	s.Must(s.Platform.Fault(s.Ctx, simulator.Fault{
		Match: simulator.Match{Method: http.MethodPost, Path: "/webhooks"}, Action: "status:422", Times: simulator.Forever,
	}))
}

func (s *scene) remotes() []simulator.Webhook {
	s.Helper()
	webhooks, err := s.Platform.Webhooks(s.Ctx)
	s.Must(err)
	return webhooks
}

// startManager replaces the operator of all tests, which has ended.
func (s *scene) startManager() {
	s.Helper()
	var err error
	// Longer than this test, whose context ends with it.
	manager, err = plane.StartManager(context.WithoutCancel(s.Ctx))
	s.Must(err)
}

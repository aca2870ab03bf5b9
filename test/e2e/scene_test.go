package e2e

import (
	"context"
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/harness"
	"webhook-operator.io/itwin/internal/harness/clustertest"
	"webhook-operator.io/itwin/simulator"
)

const (
	credentials = clustertest.Credentials
	iTwin       = "5c9d64cf-d22f-4149-ad08-c24ff395c3a0"
	eventType   = "iModels.iModelDeleted.v1"
	callback    = "https://hooks.example.com/itwin"
)

// scene is what one test has to itself: a namespace, and a platform with its own clock, counts and faults.
type scene struct{ *clustertest.Scene }

// newScene makes a scene without a connection.
func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{clustertest.NewScene(t, plane, "e2e")}
	s.StartPlatform("--insecure-callbacks")
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
	for _, kind := range []string{"itwin", "events"} {
		objects, err := plane.Kubectl(ctx, "get", kind, "-n", s.Namespace, "-o", "wide")
		s.Logf("the %s (%v):\n%s", kind, err, objects)
	}
	counts, err := s.Platform.Requests(ctx)
	s.Logf("the calls to the platform (%v): %v", err, counts)
	s.Logf("the simulator:\n%s\nthe operator: %s", s.Platform.Output(), manager.OutputPath())
}

// newConnectedScene has the Connection that Webhooks use by default, and its credentials.
func newConnectedScene(t *testing.T) *scene {
	t.Helper()
	s := newScene(t)
	s.Create(s.Credentials(s.Namespace))
	s.Create(s.Connection())
	return s
}

// signingSecret is one that a user manages.
func (s *scene) signingSecret(name, value string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: name},
		StringData: map[string]string{itwinv1alpha1.DefaultSecretKey: value},
	}
}

// secretData reads a Secret.
func (s *scene) secretData(name string) map[string][]byte {
	s.Helper()
	var secret corev1.Secret
	s.Must(plane.Client.Get(s.Ctx, client.ObjectKey{Namespace: s.Namespace, Name: name}, &secret))
	return secret.Data
}

// secret is the value of a signing secret.
func (s *scene) secret(name string) string {
	s.Helper()
	return string(s.secretData(name)[itwinv1alpha1.DefaultSecretKey])
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
	return s.becomes(name, isReady)
}

// read reads a Webhook.
func (s *scene) read(name string) (*itwinv1alpha1.Webhook, error) {
	var w itwinv1alpha1.Webhook
	err := plane.Client.Get(s.Ctx, client.ObjectKey{Namespace: s.Namespace, Name: name}, &w)
	return &w, err
}

// becomes waits until all checks of a Webhook are content, and returns it.
func (s *scene) becomes(name string, checks ...check) (w *itwinv1alpha1.Webhook) {
	s.Helper()
	s.Eventually(func() (err error) {
		if w, err = s.read(name); err != nil {
			return err
		}
		for _, check := range checks {
			if err := check(w); err != nil {
				return err
			}
		}
		return nil
	}).Should(Succeed())
	return w
}

// connectionBecomes waits for a reason of the Ready condition of the scene's Connection.
func (s *scene) connectionBecomes(ready metav1.ConditionStatus, reason string) *itwinv1alpha1.Connection {
	s.Helper()
	var c itwinv1alpha1.Connection
	s.Eventually(func() error {
		if err := plane.Client.Get(s.Ctx, client.ObjectKey{Namespace: s.Namespace, Name: "default"}, &c); err != nil {
			return err
		}
		return compare(c.Name, c.Status.Conditions, metav1.Condition{
			Type: itwinv1alpha1.ReadyCondition, Status: ready, Reason: reason, ObservedGeneration: c.Generation,
		})
	}).Should(Succeed())
	return &c
}

// sees waits for an Event about a Webhook.
func (s *scene) sees(name, reason string) {
	s.Helper()
	s.Eventually(func() ([]string, error) {
		var all eventsv1.EventList
		err := plane.Client.List(s.Ctx, &all, client.InNamespace(s.Namespace))
		var reasons []string
		for _, event := range all.Items {
			if event.Regarding.Name == name {
				reasons = append(reasons, event.Reason)
			}
		}
		return reasons, err
	}).Should(ContainElement(reason))
}

func (s *scene) delete(o client.Object) {
	s.Helper()
	s.Must(plane.Client.Delete(s.Ctx, o))
}

// gone waits until a Webhook does not exist any more.
func (s *scene) gone(name string) {
	s.Helper()
	s.Eventually(func() bool {
		_, err := s.read(name)
		return apierrors.IsNotFound(err)
	}).Should(BeTrue(), "Webhook %s is still there", name)
}

// change patches a Webhook as a user does: without regard to what else changed.
func (s *scene) change(w *itwinv1alpha1.Webhook, change func(*itwinv1alpha1.Webhook)) {
	s.Helper()
	before := w.DeepCopy()
	change(w)
	s.Must(plane.Client.Patch(s.Ctx, w, client.MergeFrom(before)))
}

// annotate sets one of the annotations that ask the operator for something.
func (s *scene) annotate(w *itwinv1alpha1.Webhook, annotation, value string) {
	s.Helper()
	s.change(w, func(w *itwinv1alpha1.Webhook) { metav1.SetMetaDataAnnotation(&w.ObjectMeta, annotation, value) })
}

// remotes are the platform's webhooks.
func (s *scene) remotes() []simulator.Webhook {
	s.Helper()
	webhooks, err := s.Platform.Webhooks(s.Ctx)
	s.Must(err)
	return webhooks
}

// onlyRemote is the one webhook that the platform has.
func (s *scene) onlyRemote() simulator.Webhook {
	s.Helper()
	webhooks := s.remotes()
	s.Expect(webhooks).To(HaveLen(1))
	return webhooks[0]
}

// calls counts the calls to the platform of one kind, such as "PATCH /webhooks/{id}".
func (s *scene) calls(kind string) int {
	s.Helper()
	counts, err := s.Platform.Requests(s.Ctx)
	s.Must(err)
	s.Expect(counts.Counts).To(HaveKey(kind))
	return counts.Counts[kind]
}

// awaitLists waits until the operator has listed the remote webhooks so often since the counts were reset.
func (s *scene) awaitLists(n int) {
	s.Helper()
	s.Eventually(func() int { return s.calls("GET /webhooks") }).Should(BeNumerically(">=", n))
}

// kstatus is what GitOps tools make of an object.
func (s *scene) kstatus(o client.Object) status.Status {
	s.Helper()
	result, err := kstatusOf(o)
	s.Must(err)
	return result.Status
}

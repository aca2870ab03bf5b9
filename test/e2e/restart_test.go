package e2e

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/simulator"
)

// The tests of this file stop the operator of all. They run before the parallel ones, one after the other.

func TestRestartCostsOneListAndWritesNothing(t *testing.T) {
	const webhooks = 20
	s := newConnectedScene(t)
	for i := range webhooks {
		s.Create(s.webhook(fmt.Sprintf("model-events-%d", i)))
	}
	for i := range webhooks {
		s.becomes(fmt.Sprintf("model-events-%d", i), isReady, isActive)
	}
	// The connection counts its Webhooks at each poll.
	s.Eventually(func() int32 {
		return *s.connectionBecomes(metav1.ConditionTrue, itwinv1alpha1.ConnectedReason).Status.Webhooks
	}).Should(BeEquivalentTo(webhooks))
	s.Must(manager.Stop())
	before := s.versions()
	s.Must(s.Platform.ResetRequests(s.Ctx))

	s.startManager()
	s.awaitLists(1)
	first, err := s.Platform.Requests(s.Ctx)
	s.Must(err)
	s.Expect(first.Total).To(Equal(2), "one token and one list: %v", first)
	s.awaitLists(2)
	second, err := s.Platform.Requests(s.Ctx)
	s.Must(err)
	s.Expect(second.Total).To(Equal(3), "nothing but the next list: %v", second)
	s.Expect(s.versions()).To(Equal(before))
}

func TestCreateOfUnknownOutcomeIsNotRepeatedAfterARestart(t *testing.T) {
	for name, test := range map[string]struct {
		action string
		// killable tells when the operator is to die.
		killable func(s *scene) bool
	}{
		"the answer was lost": {
			action:   "drop-response",
			killable: func(s *scene) bool { return len(s.remotes()) == 1 },
		},
		"the request was still on its way": {
			action:   "delay:3s",
			killable: func(s *scene) bool { return s.calls("POST /webhooks") == 1 },
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newConnectedScene(t)
			s.connectionBecomes(metav1.ConditionTrue, itwinv1alpha1.ConnectedReason)
			s.Must(s.Platform.Fault(s.Ctx, simulator.Fault{
				Match: simulator.Match{Method: http.MethodPost, Path: "/webhooks"}, Action: test.action,
			}))
			s.Create(s.webhook("model-events"))
			s.Eventually(func() bool { return test.killable(s) }).Should(BeTrue())
			s.Must(manager.Kill())

			s.startManager()
			w := s.becomes("model-events", isReady, isActive)
			s.Expect(s.onlyRemote().ID).To(Equal(w.Status.WebhookID))
			s.Expect(s.calls("POST /webhooks")).To(Equal(1))
			s.Expect(s.onlyRemote().Secret).To(Equal(s.secret("model-events-webhook-secret")))
		})
	}
}

// startManager replaces the operator of all tests, which has ended.
func (s *scene) startManager() {
	s.Helper()
	var err error
	// Longer than this test, whose context ends with it.
	manager, err = startManager(context.WithoutCancel(s.Ctx))
	s.Must(err)
}

// versions are those of everything in the namespace that the operator may write.
func (s *scene) versions() map[string]string {
	s.Helper()
	versions := map[string]string{}
	for _, list := range []client.ObjectList{
		&itwinv1alpha1.WebhookList{}, &itwinv1alpha1.ConnectionList{}, &corev1.SecretList{}, &eventsv1.EventList{},
	} {
		s.Must(plane.Client.List(s.Ctx, list, client.InNamespace(s.Namespace)))
		s.Must(apimeta.EachListItem(list, func(o runtime.Object) error {
			object := o.(client.Object)
			versions[fmt.Sprintf("%T %s", o, object.GetName())] = object.GetResourceVersion()
			return nil
		}))
	}
	return versions
}

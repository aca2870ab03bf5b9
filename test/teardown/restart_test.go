package teardown

import (
	"fmt"
	"net/http"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/simulator"
)

// The tests of this file stop the operator of all. They run before the parallel ones, one after the other.

const howToLetGo = "set spec.deletionPolicy to Retain"

func TestNamespaceDeletedWhileTheOperatorWasDownSaysHowToFinishDeletion(t *testing.T) {
	s := newPopulatedScene(t)
	s.Must(manager.Stop())
	s.deleteNamespace()
	s.goes(s.Credentials(s.Namespace))
	s.goes(s.Connection())

	s.startManager()
	for _, name := range []string{"generated", "signed"} {
		message := s.becomes(name, metav1.ConditionFalse, itwinv1alpha1.DeletingReason)
		s.Expect(message).To(And(ContainSubstring(`no Connection "default"`), ContainSubstring(howToLetGo)))
	}
	s.namespaceWaits()
	s.retain("generated")
	s.goes(s.webhook("generated"))
	s.retain("signed")
	s.namespaceGoes()
	s.Expect(s.remotes()).To(HaveLen(2), "they were retained")
}

func TestWebhookDeletedWithoutCredentialsSaysHowToFinishDeletion(t *testing.T) {
	s := newPopulatedScene(t)
	s.Must(manager.Stop())
	s.delete(s.Credentials(s.Namespace))
	s.delete(s.webhook("generated"))
	s.delete(s.webhook("signed"))

	s.startManager()
	for _, name := range []string{"generated", "signed"} {
		message := s.becomes(name, metav1.ConditionFalse, itwinv1alpha1.DeletingReason)
		s.Expect(message).To(And(ContainSubstring(`no Secret "`+credentials+`"`), ContainSubstring(howToLetGo)))
		s.Expect(s.sees(name, "DeleteFailed")).To(ContainSubstring(howToLetGo))
	}
	s.retain("generated")
	s.goes(s.webhook("generated"))
	s.Expect(s.remotes()).To(HaveLen(2))

	s.Create(s.Credentials(s.Namespace))
	s.goes(s.webhook("signed"))
	s.Expect(s.remotes()).To(ConsistOf(HaveField("CallbackURL", HaveSuffix("/generated"))))
	s.deleteNamespace()
	s.namespaceGoes()
}

func TestNamespaceOfAClusterConnectionIsDeletedAfterARestart(t *testing.T) {
	s := newScene(t)
	shared := s.clusterConnection()
	s.Create(s.clusterCredentials())
	s.Create(shared)
	s.populate(func(w *itwinv1alpha1.Webhook) {
		w.Spec.ConnectionRef = itwinv1alpha1.ConnectionReference{Kind: itwinv1alpha1.ConnectionKindCluster, Name: shared.Name}
	})
	s.Must(manager.Stop())
	s.deleteNamespace()

	s.startManager()
	s.namespaceGoes()
	s.Expect(s.remotes()).To(BeEmpty())
	s.delete(shared)
	s.delete(s.clusterCredentials())
}

func TestWebhookThatWasNeverSentIsDeletedWithoutCredentials(t *testing.T) {
	s := newScene(t)
	s.Create(s.Connection())
	s.Create(s.webhook("waiting"))
	s.becomes("waiting", metav1.ConditionFalse, itwinv1alpha1.ConnectionNotReadyReason)
	s.Must(manager.Stop())
	s.deleteNamespace()

	s.startManager()
	s.namespaceGoes()
	requests, err := s.Platform.Requests(s.Ctx)
	s.Must(err)
	s.Expect(requests.Total).To(BeZero())
}

// What was announced is taken back when the platform refuses it, so that a process that was not there knows.
func TestRefusedWebhookIsDeletedAfterARestart(t *testing.T) {
	s := newScene(t)
	s.refuseCreates()
	s.Create(s.Credentials(s.Namespace))
	s.Create(s.Connection())
	s.Create(s.webhook("refused"))
	s.becomes("refused", metav1.ConditionFalse, itwinv1alpha1.RefusedReason)
	s.Must(manager.Stop())
	s.deleteNamespace()
	s.goes(s.Credentials(s.Namespace))
	s.goes(s.Connection())

	s.startManager()
	s.namespaceGoes()
}

func TestInterruptedCreatesThatLookAlikeLeaveNothingBehind(t *testing.T) {
	const alike = 6
	s := newScene(t)
	s.Create(s.Credentials(s.Namespace))
	s.Create(s.Connection())
	s.Must(s.Platform.Fault(s.Ctx, simulator.Fault{
		Match: simulator.Match{Method: http.MethodPost, Path: "/webhooks"}, Action: "delay:3s", Times: alike,
	}))
	for i := range alike {
		s.Create(s.webhook(fmt.Sprintf("alike-%d", i), func(w *itwinv1alpha1.Webhook) {
			w.Spec.CallbackURL = "https://hooks.example.com/alike"
		}))
	}
	s.Eventually(func() (int, error) {
		requests, err := s.Platform.Requests(s.Ctx)
		return requests.Counts["POST /webhooks"], err
	}).Should(Equal(alike))
	s.Must(manager.Kill())
	s.Eventually(s.remotes).Should(HaveLen(alike))
	s.Must(plane.Client.DeleteAllOf(s.Ctx, &itwinv1alpha1.Webhook{}, client.InNamespace(s.Namespace)))

	s.startManager()
	s.Eventually(s.remotes).Should(BeEmpty())
	s.deleteNamespace()
	s.namespaceGoes()
	s.Expect(s.remotes()).To(BeEmpty())
}

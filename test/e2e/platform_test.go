package e2e

import (
	"net/http"
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/simulator"
)

func TestRefusedSpecIsNotSentAgain(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	s.Must(s.Platform.Fault(s.Ctx, simulator.Fault{
		Match: simulator.Match{Method: http.MethodPost, Path: "/webhooks"}, Action: "status:422",
	}))
	s.Create(s.webhook("model-events"))
	w := s.becomes("model-events", isNotReady(itwinv1alpha1.RefusedReason),
		isCondition(itwinv1alpha1.StalledCondition, metav1.ConditionTrue, itwinv1alpha1.RefusedReason))
	s.Expect(s.kstatus(w)).To(Equal(status.FailedStatus))
	s.sees("model-events", "Refused")

	// The platform would accept it now, but no spec has changed.
	s.awaitLists(2)
	s.Expect(s.calls("POST /webhooks")).To(Equal(1))
	again, err := s.read("model-events")
	s.Must(err)
	s.Expect(again.ResourceVersion).To(Equal(w.ResourceVersion))

	s.change(again, func(w *itwinv1alpha1.Webhook) { w.Spec.EventTypes = []string{"iTwins.iTwinCreated.v1"} })
	w = s.becomes("model-events", isReady)
	s.Expect(s.kstatus(w)).To(Equal(status.CurrentStatus))
}

func TestDeactivatedWebhookIsReactivated(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	w := s.ready("model-events")
	s.Must(s.Platform.Deactivate(s.Ctx, w.Status.WebhookID))
	w = s.becomes("model-events", isReady, isActive, hasDeactivations(1))
	s.Expect(w.Status.LastDeactivationTime).NotTo(BeNil())
	s.Expect(w.Status.LastReactivationTime).NotTo(BeNil())
	s.Expect(s.onlyRemote().Active).To(BeTrue())
	s.sees("model-events", "Deactivated")
	s.sees("model-events", "Reactivated")
}

func TestDeactivatedWebhookWithOnRequestWaitsForARequest(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	w := s.ready("model-events", func(w *itwinv1alpha1.Webhook) { w.Spec.ReactivationPolicy = itwinv1alpha1.ReactivateOnRequest })
	s.Must(s.Platform.Deactivate(s.Ctx, w.Status.WebhookID))
	w = s.becomes("model-events", isNotReady(itwinv1alpha1.DeactivatedReason), hasDeactivations(1),
		isCondition(itwinv1alpha1.ActiveCondition, metav1.ConditionFalse, itwinv1alpha1.DeactivatedReason))
	s.Expect(s.kstatus(w)).To(Equal(status.FailedStatus), "a person must act")
	lists := s.calls("GET /webhooks")
	s.awaitLists(lists + 1)
	s.Expect(s.onlyRemote().Active).To(BeFalse())

	s.annotate(w, itwinv1alpha1.ReactivateRequestedAtAnnotation, "now")
	w = s.becomes("model-events", isReady, isActive, hasDeactivations(1))
	s.Expect(w.Status.LastHandledReactivateAt).To(Equal("now"))
	s.Expect(s.onlyRemote().Active).To(BeTrue())
}

func TestRemoteChangesAreCorrected(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	w := s.ready("model-events")
	api := s.asOwner()
	_, err := api.Update(s.Ctx, platform.Priority{}, w.Status.WebhookID, platform.Patch{CallbackURL: "https://elsewhere.example.com/"})
	s.Must(err)
	s.Eventually(func() string { return s.onlyRemote().CallbackURL }).Should(Equal(w.Spec.CallbackURL))
	s.sees("model-events", "Drifted")

	s.Must(api.Delete(s.Ctx, platform.Priority{}, w.Status.WebhookID))
	s.Eventually(s.remotes).Should(HaveLen(1))
	recreated := s.becomes("model-events", isReady, isActive, func(now *itwinv1alpha1.Webhook) error {
		return expect("webhookId", now.Status.WebhookID, s.onlyRemote().ID)
	})
	s.Expect(recreated.Status.WebhookID).NotTo(Equal(w.Status.WebhookID))
}

func TestExistingWebhookIsImportedAndAdopted(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	s.connectionBecomes(metav1.ConditionTrue, itwinv1alpha1.ConnectedReason)
	api := s.asOwner()
	// They are younger than what the operator has listed.
	existing := func(name string) platform.Webhook {
		w, err := api.Create(s.Ctx, platform.Priority{}, platform.CreateRequest{
			CallbackURL: callback + "/" + name, Scope: platform.ScopeITwin, ScopeID: iTwin,
			EventTypes: []string{"iTwins.iTwinCreated.v1"},
		})
		s.Must(err)
		return w
	}
	imported, adopted := existing("imported"), existing("adopted")
	w := s.ready("imported", func(w *itwinv1alpha1.Webhook) { w.Spec.WebhookID = imported.ID })
	s.Expect(w.Status.WebhookID).To(Equal(imported.ID))
	w = s.ready("adopted", func(w *itwinv1alpha1.Webhook) { w.Spec.AdoptionPolicy = itwinv1alpha1.AdoptMatching })
	s.Expect(w.Status.WebhookID).To(Equal(adopted.ID))
	s.Expect(s.remotes()).To(HaveLen(2))
	for _, remote := range s.remotes() {
		s.Expect(remote.EventTypes).To(ConsistOf(eventType))
		s.Expect(remote.Active).To(BeTrue())
	}
}

func TestImportOfNothingIsStalled(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	s.Create(s.webhook("imported", func(w *itwinv1alpha1.Webhook) { w.Spec.WebhookID = iTwin }))
	w := s.becomes("imported", isNotReady(itwinv1alpha1.NotFoundReason))
	s.Expect(s.kstatus(w)).To(Equal(status.FailedStatus))
	s.Expect(s.remotes()).To(BeEmpty())
	s.delete(w)
	s.gone("imported")
}

// asOwner is a client of the platform with the credentials of the scene, as another program of their owner has.
func (s *scene) asOwner() *platform.Client {
	s.Helper()
	api, err := platform.New(platform.Options{
		APIURL: s.Platform.URL, TokenURL: s.Platform.TokenURL(), OAuthScope: "itwin-platform",
		Credentials: platform.Credentials{ClientID: s.Namespace, ClientSecret: "test-secret"},
	})
	s.Must(err)
	return api
}

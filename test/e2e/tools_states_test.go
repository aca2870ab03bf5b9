package e2e

import (
	"fmt"
	"net/http"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/simulator"
)

const subject = "model-events"

// states produce an object in each state that docs/gitops.md lists, by the name of the row.
var states = map[string]func(*scene) client.Object{
	"webhook-none-suspended-from-the-start": func(s *scene) client.Object {
		s.Create(s.webhook(subject, suspended))
		return s.becomes(subject, isSuspended)
	},
	"webhook-insync": func(s *scene) client.Object { return s.ready(subject) },
	"webhook-insync-suspended": func(s *scene) client.Object {
		w := s.ready(subject)
		s.change(w, suspended)
		return s.becomes(subject, isSuspended)
	},
	"webhook-insync-with-the-condition-leftbehind": func(s *scene) client.Object {
		s.ready(subject)
		s.anotherAccount(1)
		return s.becomes(subject, isReady, isCondition(
			itwinv1alpha1.LeftBehindCondition, metav1.ConditionTrue, itwinv1alpha1.LeftBehindReason))
	},
	"webhook-deactivated-onrequest": func(s *scene) client.Object {
		w := s.ready(subject, onRequest)
		s.Must(s.Platform.Deactivate(s.Ctx, w.Status.WebhookID))
		return s.becomes(subject, isNotReady(itwinv1alpha1.DeactivatedReason))
	},
	"webhook-deactivated-onrequest-suspended": func(s *scene) client.Object {
		w := s.ready(subject, onRequest)
		s.Must(s.Platform.Deactivate(s.Ctx, w.Status.WebhookID))
		s.change(s.becomes(subject, isNotReady(itwinv1alpha1.DeactivatedReason)), suspended)
		return s.becomes(subject, isSuspended)
	},
	"webhook-deactivated-always-in-a-pause": func(s *scene) client.Object {
		w := s.ready(subject)
		s.Must(s.Platform.Deactivate(s.Ctx, w.Status.WebhookID))
		s.becomes(subject, isReady, hasDeactivations(1))
		s.Must(s.Platform.Deactivate(s.Ctx, w.Status.WebhookID))
		return s.becomes(subject, isNotReady(itwinv1alpha1.DeactivatedReason), hasDeactivations(2))
	},
	"webhook-connectionnotfound": func(s *scene) client.Object {
		return s.isNot(subject, itwinv1alpha1.ConnectionNotFoundReason, uses("missing"))
	},
	"webhook-connectionnotready": func(s *scene) client.Object {
		s.Create(s.other(func(c *itwinv1alpha1.ConnectionSpec) { c.CredentialsSecretRef.Name = "missing" }))
		return s.isNot(subject, itwinv1alpha1.ConnectionNotReadyReason, uses("other"))
	},
	"webhook-connectionnotallowed": func(s *scene) client.Object {
		s.Create(s.other(func(c *itwinv1alpha1.ConnectionSpec) { c.AllowedCallbackHosts = []string{"*.example.org"} }))
		return s.isNot(subject, itwinv1alpha1.ConnectionNotAllowedReason, uses("other"))
	},
	"webhook-secretnotfound": func(s *scene) client.Object {
		return s.isNot(subject, itwinv1alpha1.SecretNotFoundReason, signedWith("missing"))
	},
	"webhook-secretinvalid": func(s *scene) client.Object {
		s.Create(s.signingSecret("short", "too short"))
		return s.isNot(subject, itwinv1alpha1.SecretInvalidReason, signedWith("short"))
	},
	"webhook-refused": func(s *scene) client.Object {
		s.answers(http.MethodPost, "/webhooks", "status:422")
		return s.isNot(subject, itwinv1alpha1.RefusedReason)
	},
	"webhook-ratelimited": func(s *scene) client.Object {
		s.answers(http.MethodPost, "/webhooks", "status:429;retry-after=600")
		return s.isNot(subject, itwinv1alpha1.RateLimitedReason)
	},
	"webhook-platformunavailable": func(s *scene) client.Object {
		w := s.ready(subject)
		s.answers("", "", "status:503")
		s.connectionBecomes(metav1.ConditionFalse, itwinv1alpha1.PlatformUnavailableReason)
		s.change(w, func(w *itwinv1alpha1.Webhook) { w.Spec.EventTypes = []string{"iTwins.iTwinCreated.v1"} })
		return s.becomes(subject, isNotReady(itwinv1alpha1.PlatformUnavailableReason))
	},
	"webhook-drifted": func(s *scene) client.Object {
		w, api := s.ready(subject), s.asOwner()
		for range 2 {
			_, err := api.Update(s.Ctx, platform.Priority{}, w.Status.WebhookID,
				platform.Patch{CallbackURL: "https://elsewhere.example.com/"})
			s.Must(err)
			s.Eventually(func() bool {
				w, err := s.read(subject)
				s.Must(err)
				return isNotReady(itwinv1alpha1.DriftedReason)(w) == nil || s.onlyRemote().CallbackURL == w.Spec.CallbackURL
			}).Should(BeTrue())
		}
		return s.becomes(subject, isNotReady(itwinv1alpha1.DriftedReason))
	},
	"webhook-leftbehind": func(s *scene) client.Object {
		s.ready(subject)
		const most = 8
		for n := range most {
			s.anotherAccount(n + 1)
			s.becomes(subject, isReady, func(w *itwinv1alpha1.Webhook) error {
				return expect("former webhooks", len(w.Status.Former), n+1)
			})
		}
		s.anotherAccount(most + 1)
		return s.becomes(subject, isNotReady(itwinv1alpha1.LeftBehindReason))
	},
	"webhook-notfound": func(s *scene) client.Object {
		return s.isNot(subject, itwinv1alpha1.NotFoundReason, imports(iTwin))
	},
	"webhook-alreadyclaimed": func(s *scene) client.Object {
		return s.isNot(subject, itwinv1alpha1.AlreadyClaimedReason, imports(s.ready("first").Status.WebhookID))
	},
	"webhook-alreadyclaimed-the-owner-is-being-deleted": func(s *scene) client.Object {
		owner := s.ready("first")
		s.answers(http.MethodDelete, "", "status:503")
		s.delete(owner)
		return s.isNot(subject, itwinv1alpha1.AlreadyClaimedReason, imports(owner.Status.WebhookID))
	},
	"webhook-deleting": func(s *scene) client.Object {
		w := s.ready(subject)
		s.answers(http.MethodDelete, "", "status:503")
		s.delete(w)
		return s.becomes(subject, isNotReady(itwinv1alpha1.DeletingReason))
	},
	"connection-connected": func(s *scene) client.Object {
		return s.connectionBecomes(metav1.ConditionTrue, itwinv1alpha1.ConnectedReason)
	},
	"connection-secretnotfound": func(s *scene) client.Object {
		c := s.connectionBecomes(metav1.ConditionTrue, itwinv1alpha1.ConnectedReason)
		before := c.DeepCopy()
		c.Spec.CredentialsSecretRef.Name = "missing"
		s.Must(plane.Client.Patch(s.Ctx, c, client.MergeFrom(before)))
		return s.connectionBecomes(metav1.ConditionFalse, itwinv1alpha1.SecretNotFoundReason)
	},
	"connection-unauthorized": func(s *scene) client.Object {
		s.connectionBecomes(metav1.ConditionTrue, itwinv1alpha1.ConnectedReason)
		s.answers("", "/connect/token", "status:400")
		s.anotherAccount(1)
		return s.connectionBecomes(metav1.ConditionFalse, itwinv1alpha1.UnauthorizedReason)
	},
	"connection-hostnotallowed": func(s *scene) client.Object {
		c := s.connectionBecomes(metav1.ConditionTrue, itwinv1alpha1.ConnectedReason)
		before := c.DeepCopy()
		c.Spec.APIURL = "https://api.example.com"
		s.Must(plane.Client.Patch(s.Ctx, c, client.MergeFrom(before)))
		return s.connectionBecomes(metav1.ConditionFalse, itwinv1alpha1.HostNotAllowedReason)
	},
	"connection-ratelimited": func(s *scene) client.Object {
		s.answers(http.MethodGet, "/webhooks", "status:429;retry-after=600")
		return s.connectionBecomes(metav1.ConditionFalse, itwinv1alpha1.RateLimitedReason)
	},
	"connection-platformunavailable": func(s *scene) client.Object {
		s.answers(http.MethodGet, "/webhooks", "status:503")
		return s.connectionBecomes(metav1.ConditionFalse, itwinv1alpha1.PlatformUnavailableReason)
	},
}

// disruptiveStates are produced by a test that takes rights from the operator, and restarts it.
var disruptiveStates = []string{
	"webhook-none-not-read-yet", "webhook-progressing", "webhook-kubernetesrefused", "connection-kubernetesrefused",
}

func TestStatesThatTakeADisruptionAreShownByToolsAsDocumented(t *testing.T) {
	s := newConnectedScene(t)
	existing, err := s.asOwner().Create(s.Ctx, platform.Priority{}, platform.CreateRequest{
		CallbackURL: callback + "/existing", Scope: platform.ScopeITwin, ScopeID: iTwin, EventTypes: []string{eventType},
	})
	s.Must(err)
	s.Must(manager.Stop())
	s.Create(s.webhook("unread"))
	s.isShown(s.documented("webhook-none-not-read-yet"), s.webhook("unread"))
	// Soon after a start the cache may not show yet that the remote webhook belongs to another Webhook.
	s.Create(s.webhook(subject, imports(existing.ID)))
	again, err := manager.Relaunch()
	s.Must(err)
	manager = again
	s.isShown(s.documented("webhook-progressing"), s.becomes(subject, isNotReady(itwinv1alpha1.ProgressingReason)))

	s.becomes("unread", isReady)
	restore := s.without("secrets")
	defer restore()
	s.isShown(s.documented("webhook-kubernetesrefused"), s.isNot("refused", itwinv1alpha1.KubernetesRefusedReason))
	c := s.connectionBecomes(metav1.ConditionTrue, itwinv1alpha1.ConnectedReason)
	before := c.DeepCopy()
	c.Spec.OAuthScope = "itwin-platform webhooks:read"
	s.Must(plane.Client.Patch(s.Ctx, c, client.MergeFrom(before)))
	s.isShown(s.documented("connection-kubernetesrefused"),
		s.connectionBecomes(metav1.ConditionFalse, itwinv1alpha1.KubernetesRefusedReason))
}

func suspended(w *itwinv1alpha1.Webhook) { w.Spec.Suspend = true }

func onRequest(w *itwinv1alpha1.Webhook) {
	w.Spec.ReactivationPolicy = itwinv1alpha1.ReactivateOnRequest
}

func uses(connection string) func(*itwinv1alpha1.Webhook) {
	return func(w *itwinv1alpha1.Webhook) { w.Spec.ConnectionRef.Name = connection }
}

func signedWith(secret string) func(*itwinv1alpha1.Webhook) {
	return func(w *itwinv1alpha1.Webhook) { w.Spec.SecretRef = &itwinv1alpha1.SecretKeyReference{Name: secret} }
}

func imports(id string) func(*itwinv1alpha1.Webhook) {
	return func(w *itwinv1alpha1.Webhook) { w.Spec.WebhookID = id }
}

// other is a second Connection of the scene, not yet created.
func (s *scene) other(change func(*itwinv1alpha1.ConnectionSpec)) *itwinv1alpha1.Connection {
	c := &itwinv1alpha1.Connection{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "other"}, Spec: s.ConnectionSpec(),
	}
	change(&c.Spec)
	return c
}

// isNot creates a Webhook and waits until it is not ready for a reason.
func (s *scene) isNot(name, reason string, changes ...func(*itwinv1alpha1.Webhook)) *itwinv1alpha1.Webhook {
	s.Helper()
	s.Create(s.webhook(name, changes...))
	return s.becomes(name, isNotReady(reason))
}

// answers lets the platform answer requests in another way until the test ends.
func (s *scene) answers(method, path, action string) {
	s.Helper()
	s.Must(s.Platform.Fault(s.Ctx, simulator.Fault{
		Match: simulator.Match{Method: method, Path: path}, Times: simulator.Forever, Action: action,
	}))
}

// anotherAccount gives the scene's connection the client id of another application.
func (s *scene) anotherAccount(n int) {
	s.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: credentials}}
	patch := fmt.Sprintf(`{"stringData":{"clientId":"%s-%d"}}`, s.Namespace, n)
	s.Must(plane.Client.Patch(s.Ctx, secret, client.RawPatch("application/merge-patch+json", []byte(patch))))
}

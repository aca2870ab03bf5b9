package simtest

import (
	"errors"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimachineryruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

var errQuota = apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, subject,
	errors.New("exceeded quota: q, requested: count/secrets=1, used: count/secrets=1, limited: count/secrets=1"))

// errKeyServer is a failure that is no refusal: it often passes by itself.
var errKeyServer = apierrors.NewInternalError(errors.New("the key server is down"))

// deny lets the API server refuse some requests until it is allowed again.
func (w *simulation) deny(requests ...string) (allow func()) {
	return w.kubernetesFails(errQuota, requests...)
}

// kubernetesFails lets some requests to the API server fail until that ends.
func (w *simulation) kubernetesFails(with error, requests ...string) (end func()) {
	w.denied = map[string]error{}
	for _, request := range requests {
		w.denied[request] = with
	}
	return func() { w.denied = nil }
}

func TestTheAPIServerRefusesARequestItsWordsAreToldAndItRecovers(t *testing.T) {
	for _, request := range []string{"create Secret", "read Secret", "patch Webhook"} {
		t.Run(request, func(t *testing.T) {
			inClaimScene(t, func(s claimScene) {
				s.run(warmUp)
				allow := s.deny(request)
				s.cluster.add(newWebhook(subject))
				s.run(time.Second)
				if request == "read Secret" { // it is read when it is there
					allow()
					s.run(settleFor)
					allow = s.deny(request)
					s.cluster.edit(subject, changeSpec)
					s.run(time.Second)
				}
				s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.KubernetesRefusedReason))
				s.Expect(s.message(subject)).To(ContainSubstring("exceeded quota: q"))
				s.run(settleFor) // the connection counts it
				writes := s.writes()
				s.run(5 * time.Minute)
				s.Expect(s.writes()).To(Equal(writes), "the same refusal again writes nothing")
				allow()
				s.run(time.Minute)
				s.Expect(s.violations()).To(BeEmpty())
			})
		})
	}
}

func TestTheAPIServerRefusesTheStatusItIsTriedSeldomAndRecovers(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.run(warmUp)
		allow := s.deny("patch Webhook status")
		s.cluster.add(newWebhook(subject))
		s.run(10 * time.Minute)
		s.Expect(s.creates()).To(Equal(1))
		s.Expect(s.count(updates)).To(Equal(1))
		allow()
		s.run(time.Minute)
		s.Expect(s.violations()).To(BeEmpty())
	})
}

func TestTheAPIServerRefusesTheCredentialsOfANewConnectionOthersGoOn(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply(subject)
		allow := s.deny("read Secret")
		s.connect(otherConnection, otherClientID)
		lists := s.count("GET /webhooks")
		s.run(5 * time.Minute)
		s.Expect(s.count("GET /webhooks")-lists).To(BeNumerically(">=", 14), "the account is listed every 20 s")
		other := s.connection(otherConnection)
		s.Expect(said(other.Status.Conditions)).To(ContainSubstring(itwinv1alpha1.KubernetesRefusedReason))
		allow()
		s.run(time.Minute)
		other = s.connection(otherConnection)
		s.Expect(said(other.Status.Conditions)).To(Equal("Ready=True/" + itwinv1alpha1.ConnectedReason))
	})
}

func TestARotationIsRefusedEditsReachThePlatformAllTheSame(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply(subject)
		allow := s.deny("patch Secret")
		s.cluster.annotate(subject, itwinv1alpha1.RotateRequestedAtAnnotation, "now")
		s.run(time.Second)
		s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.KubernetesRefusedReason))
		s.cluster.edit(subject, changeSpec)
		s.run(time.Second)
		s.Expect(s.remotes()[0].CallbackURL).To(Equal(s.cluster.webhook(subject).Spec.CallbackURL))
		s.Expect(s.cluster.webhook(subject).Status.LastHandledRotateAt).To(BeEmpty())
		updated := s.count(updates)
		s.run(10 * time.Minute)
		s.Expect(s.count(updates)).To(Equal(updated))
		s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.KubernetesRefusedReason))
		allow()
		s.run(time.Minute)
		s.Expect(s.cluster.webhook(subject).Status.LastHandledRotateAt).To(Equal("now"))
		s.Expect(s.violations()).To(BeEmpty())
	})
}

func TestTheSecretCannotBeReadAProhibitionIsCarriedOutAllTheSame(t *testing.T) {
	for name, request := range map[string]string{"the Secret": "read Secret", "the status": "patch Webhook status"} {
		t.Run(name, func(t *testing.T) {
			inClaimScene(t, func(s claimScene) {
				s.apply(subject)
				s.deny(request)
				s.cluster.edit(subject, changeSpec)
				s.editConnection(crashConnection, func(c *itwinv1alpha1.ConnectionSpec) {
					c.AllowedCallbackHosts = []string{"allowed.example.com"}
				})
				s.run(time.Minute)
				s.Expect(s.remotes()[0].Active).To(BeFalse())
			})
		})
	}
}

func TestTheAPIServerFailsForLongItIsToldAndRecovers(t *testing.T) {
	for _, request := range []string{"create Secret", "patch Webhook"} {
		t.Run(request, func(t *testing.T) {
			inClaimScene(t, func(s claimScene) {
				s.run(warmUp)
				end := s.kubernetesFails(errKeyServer, request)
				s.cluster.add(newWebhook(subject))
				s.run(5 * time.Second)
				s.Expect(s.reason(subject)).To(BeEmpty(), "it may pass by itself")
				s.run(25 * time.Second)
				s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.KubernetesRefusedReason))
				s.Expect(s.message(subject)).To(ContainSubstring("the key server is down"))
				s.run(time.Hour)
				end()
				s.run(time.Minute)
				s.Expect(s.violations()).To(BeEmpty())
			})
		})
	}
}

func TestTheStatusOfAConnectionIsRefusedItsAccountIsListedAllTheSame(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply(subject)
		var told []string
		s.onEvent = func(_ apimachineryruntime.Object, note string) { told = append(told, note) }
		allow := s.deny("patch Connection status")
		s.editConnection(crashConnection, func(c *itwinv1alpha1.ConnectionSpec) { c.RateLimit.RequestsPerMinute = 400 })
		s.run(time.Second)
		lists := s.count("GET /webhooks")
		s.run(5 * time.Minute)
		s.Expect(s.count("GET /webhooks")-lists).To(BeNumerically(">=", 14), "the account is listed every 20 s")
		s.Expect(told).To(ConsistOf(ContainSubstring("exceeded quota: q")))
		allow()
		s.run(time.Minute)
		c := s.connection(crashConnection)
		s.Expect(c.Status.ObservedGeneration).To(Equal(c.Generation))
	})
}

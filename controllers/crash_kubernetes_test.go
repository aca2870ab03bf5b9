package controllers

import (
	"errors"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"webhook-operator.io/itwin/api/v1alpha1"
)

var errQuota = apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, subject,
	errors.New("exceeded quota: q, requested: count/secrets=1, used: count/secrets=1, limited: count/secrets=1"))

// deny lets the API server refuse some requests until it is allowed again.
func (w *world) deny(requests ...string) (allow func()) {
	w.denied = map[string]error{}
	for _, request := range requests {
		w.denied[request] = errQuota
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
				s.Expect(s.reason(subject)).To(Equal(v1alpha1.KubernetesRefusedReason))
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
		s.Expect(said(other.Status.Conditions)).To(ContainSubstring(v1alpha1.KubernetesRefusedReason))
		allow()
		s.run(time.Minute)
		other = s.connection(otherConnection)
		s.Expect(said(other.Status.Conditions)).To(Equal("Ready=True/" + v1alpha1.ConnectedReason))
	})
}

package simtest

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// What has nothing to send is not written to, however long the platform is closed, and whether the operator restarts.
func TestThePlatformIsClosedWhatHasNothingToSendStays(t *testing.T) {
	for closure, closed := range closures {
		for name, change := range map[string]func(*itwinv1alpha1.Webhook){
			"at rest": func(*itwinv1alpha1.Webhook) {}, "off": turnedOff, "suspended": suspending, "adopting": adopting, "retaining": retaining,
		} {
			t.Run(closure+": "+name, func(t *testing.T) {
				t.Parallel()
				inClaimScene(t, func(s claimScene) {
					s.apply(subject, change)
					s.run(time.Minute)
					writes := s.writesOf(subject)
					closed.begin(s)
					s.run(30 * time.Minute)
					s.cluster.annotate(subject, itwinv1alpha1.ReconcileRequestedAtAnnotation, "now")
					s.run(30 * time.Minute)
					if secret, is := s.cluster.read(secretOf(subject)).(*corev1.Secret); is {
						secret.Labels["example.com/unrelated"] = "true"
						s.cluster.store(secret)
					}
					s.run(30 * time.Minute)
					s.replace()
					s.run(time.Hour)
					s.Expect(s.writesOf(subject)).To(Equal(writes+1), "the annotation alone")
				})
			})
		}
	}
}

// A deletion says why it waits, once; one that has nothing to wait for does not wait.
func TestAWebhookIsDeletedWhileThePlatformIsClosed(t *testing.T) {
	for closure, closed := range closures {
		for name, c := range map[string]struct {
			before, during func(claimScene)
			goes           bool
		}{
			"ready":            {before: func(s claimScene) { s.apply(subject) }},
			"retained":         {before: func(s claimScene) { s.apply(subject, retaining) }, goes: true},
			"suspended":        {before: func(s claimScene) { s.apply(subject, suspending) }, goes: true},
			"ready, suspended": {before: func(s claimScene) { s.apply(subject); s.cluster.edit(subject, suspending) }, goes: true},
			"new":              {during: func(s claimScene) { s.cluster.add(newWebhook(subject)) }, goes: true},
			"new, would adopt": {during: func(s claimScene) { s.cluster.add(newWebhook(subject, adopting)) }, goes: true},
			"edited":           {before: func(s claimScene) { s.apply(subject) }, during: func(s claimScene) { s.cluster.edit(subject, changeSpec) }},
			"create not settled": {before: func(s claimScene) {
				s.fault(http.MethodPost, "/webhooks", "drop-response", 1)
				s.cluster.add(newWebhook(subject))
				s.run(50 * time.Millisecond)
			}},
		} {
			for _, restart := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s: %s, restart %t", closure, name, restart), func(t *testing.T) {
					t.Parallel()
					inClaimScene(t, func(s claimScene) {
						s.run(settleFor)
						if c.before != nil {
							c.before(s)
						}
						closed.begin(s)
						s.run(time.Minute)
						if c.during != nil {
							c.during(s)
							s.run(time.Minute)
						}
						s.cluster.remove(s.cluster.webhook(subject))
						s.run(2 * time.Minute)
						if restart && s.cluster.webhook(subject) != nil {
							s.replace()
							s.run(2 * time.Minute)
						}
						if c.goes {
							s.Expect(s.cluster.webhook(subject)).To(BeNil())
							return
						}
						s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.DeletingReason), s.message(subject))
						writes := s.writesOf(subject)
						s.run(2 * time.Hour)
						s.Expect(s.writesOf(subject)-writes).To(BeNumerically("<=", 1), s.message(subject))
						s.platform.ClearFaults()
						s.run(2 * time.Hour)
						s.Expect(s.cluster.webhook(subject)).To(BeNil())
						s.Expect(s.remotes()).To(BeEmpty())
					})
				})
			}
		}
	}
}

// Of two connections to one account one cannot log in: what uses the other goes on, and what uses it says so.
func TestOneOfTwoConnectionsCannotLogIn(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		refuse := s.connectRefusably(otherConnection, crashClientID)
		s.apply(subject)
		s.apply(other, connectedBy(otherConnection))
		refuse()
		s.run(10 * time.Minute)
		writes := s.writesOf(other)
		s.run(time.Hour)
		s.Expect(s.writesOf(other)).To(Equal(writes))
		s.cluster.edit(subject, changeSpec)
		s.cluster.edit(other, changeSpec)
		s.cluster.annotate(other, itwinv1alpha1.ReconcileRequestedAtAnnotation, "now")
		s.cluster.add(newWebhook("adopter", adopting, connectedBy(otherConnection)))
		s.run(5 * time.Minute)
		s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.InSyncReason))
		s.Expect(s.reason(other)).To(Equal(itwinv1alpha1.ConnectionNotReadyReason))
		s.Expect(s.reason("adopter")).To(Equal(itwinv1alpha1.ConnectionNotReadyReason))
		writes = s.writesOf(other) + s.writesOf("adopter")
		s.run(time.Hour)
		s.Expect(s.writesOf(other) + s.writesOf("adopter")).To(Equal(writes))
	})
}

package simtest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/webhook"
)

// told reports whether Ready says that the events of a Webhook are delivered twice.
func (s claimScene) told(name string) bool {
	return strings.Contains(s.message(name), "are also delivered to this callbackUrl")
}

// One more Webhook with the same callback is no reason to write to all that have it.
func TestManyWebhooksHaveTheSameCallbackEachIsToldOnce(t *testing.T) {
	const many = 40
	inClaimScene(t, func(s claimScene) {
		events := 0
		s.onEvent = func(_ runtime.Object, text string) {
			if strings.HasPrefix(text, "DeliveredTwice") {
				events++
			}
		}
		for i := range many {
			s.cluster.add(newWebhook(fmt.Sprintf("w-%03d", (i*17)%many), callingBack(subject)))
			s.run(2 * time.Second)
		}
		s.run(settleFor)
		s.Expect(events).To(BeNumerically("<=", many))
		// Each gets its finalizer, its id and its status, which is written again for the first three others.
		s.Expect(s.writes()).To(BeNumerically("<=", (3+1+1)*many+40))
		for _, w := range s.cluster.webhooks() {
			s.Expect(s.told(w.Name)).To(BeTrue(), w.Name)
		}
		writes := s.writes()
		s.restart()
		s.run(2 * time.Minute)
		s.Expect(s.writes()).To(Equal(writes), "after a restart")
	})
}

// A change of one of very many with the same callback is no reason to look at all of them.
func TestVeryManyWebhooksHaveTheSameCallbackAChangeOfOneWakesNoOther(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		enqueued := func() int {
			p, changed, found := s.processes[0], s.cluster.webhook("w-0"), map[types.NamespacedName]bool{}
			for _, watch := range p.webhooks.Watches() {
				if kindOf(watch.Object) == kindWebhook && watch.Find != nil {
					for _, request := range watch.Find(p.context, changed) {
						found[request.NamespacedName] = true
					}
				}
			}
			delete(found, client.ObjectKeyFromObject(changed))
			return len(found)
		}
		for i := range webhook.MaxAlike {
			s.cluster.add(newWebhook(fmt.Sprint("w-", i), callingBack(subject)))
		}
		s.run(settleFor)
		s.Expect(enqueued()).To(Equal(webhook.MaxAlike - 1))
		s.apply("one-more", callingBack(subject))
		s.Expect(s.told("one-more")).To(BeTrue())
		s.Expect(enqueued()).To(BeZero())
		s.delete("one-more")
		s.Expect(enqueued()).To(Equal(webhook.MaxAlike - 1))
	})
}

// Two connections to one account log in one after the other when the operator starts.
func TestDuplicatesUseTwoConnectionsARestartWritesNothing(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.connect(otherConnection, crashClientID)
		s.apply(subject)
		s.apply(other, likeSubject, connectedBy(otherConnection))
		s.Expect(s.told(subject)).To(BeTrue())
		s.Expect(s.told(other)).To(BeTrue())
		writes := s.writes()
		for range 3 {
			s.replace()
			s.run(2 * time.Minute)
			s.Expect(s.writes()).To(Equal(writes))
		}
	})
}

// A suspended Webhook keeps its remote webhook as it is, which goes on delivering.
func TestADuplicateIsSuspendedItStillDelivers(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply(subject)
		s.apply(other, likeSubject)
		s.cluster.edit(other, func(w *itwinv1alpha1.Webhook) { w.Spec.Suspend = true })
		s.run(settleFor)
		s.Expect(s.told(subject)).To(BeTrue())
	})
}

// What has no remote webhook delivers nothing.
func TestADuplicateWasNeverCreatedNothingIsTold(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply(subject)
		s.apply(other, likeSubject, func(w *itwinv1alpha1.Webhook) { w.Spec.Suspend = true })
		s.Expect(s.told(subject)).To(BeFalse())
		s.cluster.edit(other, func(w *itwinv1alpha1.Webhook) { w.Spec.Suspend = false })
		s.run(settleFor)
		s.Expect(s.told(subject)).To(BeTrue())
	})
}

// A Webhook that moves delivers in the other account from then on.
func TestADuplicateMovesToAnotherAccountNothingIsTold(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.connect(otherConnection, otherClientID)
		s.apply(subject)
		s.apply(other, likeSubject)
		s.Expect(s.told(subject)).To(BeTrue())
		s.cluster.edit(other, connectedBy(otherConnection))
		s.run(2 * settleFor)
		s.Expect(s.told(subject)).To(BeFalse())
		s.cluster.edit(subject, connectedBy(otherConnection))
		s.run(2 * settleFor)
		s.Expect(s.told(subject)).To(BeTrue())
		s.Expect(s.told(other)).To(BeTrue())
	})
}

// The connection of one of them leads to another account without any change of a Webhook.
func TestADuplicatesConnectionLeadsElsewhereNothingIsTold(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.connect(otherConnection, crashClientID)
		s.apply(subject)
		s.apply(other, likeSubject, connectedBy(otherConnection))
		s.Expect(s.told(subject)).To(BeTrue())
		s.credentials(otherConnection, otherClientID, "pair")
		s.run(5 * time.Minute)
		s.Expect(s.told(subject)).To(BeFalse())
		s.Expect(s.told(other)).To(BeFalse())
	})
}

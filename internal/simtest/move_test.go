package simtest

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/connection"
	"webhook-operator.io/itwin/controllers/identity"
	"webhook-operator.io/itwin/internal/proof"
	"webhook-operator.io/itwin/simulator"
)

const (
	otherConnection = "other"
	otherClientID   = "other-app"
)

// connect adds a connection with credentials of its own.
func (w *simulation) connect(name, clientID string) {
	w.cluster.setSecret(name, map[string]string{connection.ClientIDKey: clientID, connection.ClientSecretKey: "pair"})
	c := w.cluster.read(ref{kindConnection, keyed(crashConnection)}).(*itwinv1alpha1.Connection)
	w.cluster.add(&itwinv1alpha1.Connection{
		ObjectMeta: metav1.ObjectMeta{Namespace: crashNamespace, Name: name},
		Spec:       *c.Spec.DeepCopy(),
		Status:     itwinv1alpha1.ConnectionStatus{ObservedGeneration: -1},
	})
	o := w.cluster.read(ref{kindConnection, keyed(name)}).(*itwinv1alpha1.Connection)
	o.Spec.CredentialsSecretRef.Name = name
	o.Generation++
	w.cluster.store(o)
}

// of are the webhooks of one service application.
func (w *simulation) of(clientID string) (found []simulator.Webhook) {
	for _, webhook := range w.platform.Webhooks() {
		if webhook.ClientID == clientID {
			found = append(found, webhook)
		}
	}
	return found
}

func connectedBy(name string) func(*itwinv1alpha1.Webhook) {
	return func(w *itwinv1alpha1.Webhook) { w.Spec.ConnectionRef.Name = name }
}

func (s claimScene) unmanaged(connection string) int {
	c := s.cluster.read(ref{kindConnection, keyed(connection)}).(*itwinv1alpha1.Connection)
	return counted(c.Status.UnmanagedWebhooks)
}

func TestAnotherConnectionRefMovesTheRemoteWebhook(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.connect(otherConnection, otherClientID)
		s.apply(subject)
		before := s.idOf(subject)
		s.cluster.edit(subject, connectedBy(otherConnection))
		s.run(settleFor)
		s.Expect(s.of(crashClientID)).To(BeEmpty(), "the former one is deleted")
		s.Expect(s.of(otherClientID)).To(HaveLen(1))
		s.Expect(s.of(otherClientID)[0].Active).To(BeTrue())
		s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.InSyncReason))
		s.Expect(s.idOf(subject)).NotTo(Equal(before))
		s.Expect(s.cluster.webhook(subject).Annotations).NotTo(HaveKey(itwinv1alpha1.FormerAnnotation))
		s.Expect(s.unmanaged(crashConnection)).To(BeZero())
		s.Expect(s.unmanaged(otherConnection)).To(BeZero())

		s.cluster.edit(subject, connectedBy(crashConnection))
		s.run(settleFor)
		s.Expect(s.of(crashClientID)).To(HaveLen(1))
		s.Expect(s.of(otherClientID)).To(BeEmpty())
		s.delete(subject)
		s.Expect(s.platform.Webhooks()).To(BeEmpty())
	})
}

func TestAWebhookThatIsDeletedWhileItMovesLeavesNothing(t *testing.T) {
	for _, after := range []time.Duration{0, 10 * time.Millisecond, 40 * time.Millisecond, 80 * time.Millisecond, time.Second} {
		inClaimScene(t, func(s claimScene) {
			s.connect(otherConnection, otherClientID)
			s.apply(subject)
			s.cluster.edit(subject, connectedBy(otherConnection))
			s.run(after)
			s.delete(subject)
			s.Expect(s.cluster.webhook(subject)).To(BeNil())
			s.Expect(s.platform.Webhooks()).To(BeEmpty(), "deleted after %s", after)
		})
	}
}

// TestAMoveSurvivesDeathAtEveryPoint ends the operator at each point of a move.
func TestAMoveSurvivesDeathAtEveryPoint(t *testing.T) {
	move := scenario{
		name:   "move",
		before: func(w *simulation) { w.connect(otherConnection, otherClientID); add()(w) },
		act:    edit(connectedBy(otherConnection)), webhooks: 1, most: 2,
		check: func(w *simulation) (wrong []string) {
			for _, r := range w.remotes() {
				if r.ClientID == crashClientID {
					wrong = append(wrong, "the former webhook is left")
				}
			}
			return wrong
		},
	}
	points := move.play(t).traces[0]
	for k := range points {
		o := move.play(t, dies(k+1))
		for _, wrong := range o.violations {
			// The default connection serves none any more.
			if wrong != "webhooks of the connection is 0, not 1" {
				t.Errorf("dies at %d (%s): %s", k+1, points[k], wrong)
			}
		}
	}
}

func TestAnAccountThatNoConnectionReachesIsReported(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply(subject)
		id := s.idOf(subject)
		account := s.cluster.webhook(subject).Status.Account
		s.credentials("credentials", otherClientID, "pair")
		s.run(settleFor)
		status := s.cluster.webhook(subject).Status
		s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.InSyncReason), "Ready speaks of the new one")
		s.Expect(s.of(otherClientID)).To(HaveLen(1))
		s.Expect(s.of(crashClientID)).To(HaveLen(1))
		left := apimeta.FindStatusCondition(status.Conditions, itwinv1alpha1.LeftBehindCondition)
		s.Expect(left).NotTo(BeNil())
		s.Expect(left.Message).To(And(ContainSubstring(id), ContainSubstring(account)))

		s.credentials("credentials", crashClientID, "pair")
		s.run(settleFor)
		s.Expect(s.idOf(subject)).To(Equal(id), "moving back takes back")
		s.Expect(s.of(crashClientID)).To(HaveLen(1))

		s.connect(otherConnection, otherClientID)
		s.run(settleFor + time.Minute)
		s.Expect(s.of(otherClientID)).To(BeEmpty(), "any connection to the account serves")
		s.Expect(
			apimeta.FindStatusCondition(s.cluster.webhook(subject).Status.Conditions, itwinv1alpha1.LeftBehindCondition),
		).To(
			BeNil(),
		)
	})
}

func TestADeletedWebhookThatLeftOneBehindSaysSoAndRetainLetsGo(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply(subject)
		s.credentials("credentials", otherClientID, "pair")
		s.run(settleFor)
		s.delete(subject)
		s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.DeletingReason))
		s.Expect(s.message(subject)).To(ContainSubstring("Retain"))
		s.Expect(s.of(otherClientID)).To(BeEmpty())
		s.cluster.edit(subject, retaining)
		s.run(settleFor)
		s.Expect(s.cluster.webhook(subject)).To(BeNil())
	})
}

func TestTwoConnectionsToOneAccountListOnceAndShareItsClaims(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.connect(otherConnection, crashClientID)
		id := s.createRemote(callbackOf(subject), "iModels.iModelDeleted.v1")
		s.cluster.add(newWebhook(subject, adopting))
		s.cluster.add(newWebhook("twin", adopting, callingBack(subject), connectedBy(otherConnection)))
		s.run(settleFor)
		s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.InSyncReason))
		s.Expect(s.reason("twin")).To(Equal(itwinv1alpha1.InSyncReason))
		s.Expect(s.idOf(subject)).NotTo(Equal(s.idOf("twin")))
		s.Expect([]string{s.idOf(subject), s.idOf("twin")}).To(ContainElement(id))
		s.Expect(s.platform.Webhooks()).To(HaveLen(2))

		lists := s.platform.Requests().Counts["GET /webhooks"]
		s.run(10 * pollEvery)
		s.Expect(
			s.platform.Requests().Counts["GET /webhooks"]-lists,
		).To(
			BeNumerically("~", 10, 1),
			"one list per account and interval",
		)
		for _, name := range []string{crashConnection, otherConnection} {
			s.Expect(s.unmanaged(name)).To(BeZero())
		}
	})
}

// TestAnOldListOfFormerWebhooksTouchesNoNewOwner writes down again what the operator once had written.
func TestAnOldListOfFormerWebhooksTouchesNoNewOwner(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.connect(otherConnection, otherClientID)
		s.apply(subject, retaining)
		old := identity.Of(s.cluster.webhook(subject), crashKey).Owned
		s.cluster.edit(subject, connectedBy(otherConnection))
		s.run(settleFor)
		s.Expect(s.of(crashClientID)).To(HaveLen(1), "it is retained")
		s.apply("successor", importing(old.ID), retaining)
		s.run(settleFor)
		s.Expect(s.reason("successor")).To(Equal(itwinv1alpha1.InSyncReason))

		list := crashKey.Former(identity.ObjectOf(s.cluster.webhook(subject)), []proof.Remote{old})
		s.cluster.edit(subject, func(w *itwinv1alpha1.Webhook) { w.Spec.DeletionPolicy = itwinv1alpha1.DeleteRemote })
		s.cluster.annotate(subject, itwinv1alpha1.FormerAnnotation, list)
		s.run(settleFor)
		s.Expect(s.cluster.webhook(subject).Annotations).NotTo(HaveKey(itwinv1alpha1.FormerAnnotation))
		s.cluster.annotate(subject, itwinv1alpha1.FormerAnnotation, list)
		s.delete(subject)
		s.Expect(s.idOf("successor")).To(Equal(old.ID))
		s.Expect(s.of(crashClientID)).To(HaveLen(1))
		s.Expect(s.of(crashClientID)[0].ID).To(Equal(old.ID))
		s.Expect(s.of(otherClientID)).To(BeEmpty())
	})
}

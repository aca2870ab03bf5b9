package controllers

import (
	"net/http"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apimeta "k8s.io/apimachinery/pkg/api/meta"

	"webhook-operator.io/itwin/api/v1alpha1"
)

// claimScene is a world with an operator at work, and what tests of claims ask of it.
type claimScene struct {
	*world
	Gomega
}

func inClaimScene(t *testing.T, test func(claimScene)) {
	inWorld(t, func(w *world) {
		w.start()
		test(claimScene{w, NewWithT(w.t)})
	})
}

// apply makes a Webhook, and lets what follows from it happen.
func (s claimScene) apply(name string, changes ...func(*v1alpha1.Webhook)) {
	s.cluster.add(newWebhook(name, changes...))
	s.run(settleFor)
}

func (s claimScene) delete(name string) {
	s.cluster.remove(s.cluster.webhook(name))
	s.run(settleFor)
}

func (s claimScene) reason(name string) string {
	return apimeta.FindStatusCondition(s.cluster.webhook(name).Status.Conditions, v1alpha1.ReadyCondition).Reason
}

func (s claimScene) message(name string) string {
	return apimeta.FindStatusCondition(s.cluster.webhook(name).Status.Conditions, v1alpha1.ReadyCondition).Message
}

func (s claimScene) idOf(name string) string { return s.cluster.webhook(name).Status.WebhookID }

func importing(id string) func(*v1alpha1.Webhook) {
	return func(w *v1alpha1.Webhook) { w.Spec.WebhookID = id }
}

func retaining(w *v1alpha1.Webhook) { w.Spec.DeletionPolicy = v1alpha1.RetainRemote }

func callingBack(name string) func(*v1alpha1.Webhook) {
	return func(w *v1alpha1.Webhook) { w.Spec.CallbackURL = callbackOf(name) }
}

func TestOfTwoThatImportTheSameTheOlderKeepsIt(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		id := s.createRemote(callbackOf("old"), "iModels.iModelDeleted.v1")
		s.apply("older", importing(id), retaining)
		s.apply("younger", importing(id))
		s.Expect(s.reason("older")).To(Equal(v1alpha1.InSyncReason))
		s.Expect(s.reason("younger")).To(Equal(v1alpha1.AlreadyClaimedReason))
		s.Expect(s.message("younger")).To(ContainSubstring(crashNamespace + "/older"))
		s.Expect(s.remotes()[0].CallbackURL).To(Equal(callbackOf("older")))

		s.delete("older")
		s.Expect(s.violations()).To(BeEmpty())
		s.Expect(s.idOf("younger")).To(Equal(id))
	})
}

func TestTheYoungerGoesWithoutTheRemoteWebhookOfTheOlder(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply("older")
		s.apply("younger", importing(s.idOf("older")))
		s.delete("younger")
		s.Expect(s.violations()).To(BeEmpty())
		s.Expect(s.creates()).To(Equal(1))
	})
}

func TestAnImportOfWhatGoesWithItsOwnerIsNotFound(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply("older")
		s.apply("younger", importing(s.idOf("older")))
		s.delete("older")
		s.Expect(s.reason("younger")).To(Equal(v1alpha1.NotFoundReason))
		s.Expect(s.remotes()).To(BeEmpty())
	})
}

func TestACopyWithTheSameIdentityTakesOverWhenTheOriginalIsGone(t *testing.T) {
	for name, change := range map[string]func(*v1alpha1.Webhook){
		"and its remote webhook too": func(*v1alpha1.Webhook) {}, "but its remote webhook is not": retaining,
	} {
		t.Run(name, func(t *testing.T) {
			inClaimScene(t, func(s claimScene) {
				s.apply("original", change)
				s.apply("copy", claiming(s.idOf("original")))
				s.Expect(s.reason("original")).To(Equal(v1alpha1.InSyncReason))
				s.Expect(s.reason("copy")).To(Equal(v1alpha1.AlreadyClaimedReason))
				s.delete("original")
				s.Expect(s.violations()).To(BeEmpty())
			})
		})
	}
}

func TestUnclaimedWebhooksAreCountedAndNeverTouched(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		// One that looks just like what is wanted, and is older than the Webhook.
		s.estrange(s.createRemote(callbackOf(subject), "iModels.iModelDeleted.v1", "iTwins.iTwinCreated.v1"))
		s.estrange(s.createRemote(callbackOf("another"), "iTwins.iTwinCreated.v1"))
		s.run(time.Hour)
		s.apply(subject)
		s.Expect(s.violations()).To(BeEmpty())
		s.delete(subject)
		s.Expect(s.violations()).To(BeEmpty())
		s.Expect(s.remotes()).To(BeEmpty())
	})
}

func TestABackupWithoutStatusFindsItsWebhookAgain(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply(subject)
		backup := s.cluster.webhook(subject)
		s.processes[0].kill()
		s.forget(subject)
		s.start()
		s.apply(subject, claiming(backup.Status.WebhookID))
		s.Expect(s.violations()).To(BeEmpty())
		s.Expect(s.idOf(subject)).To(Equal(backup.Status.WebhookID))
		s.Expect(s.creates()).To(Equal(1))
	})
}

// forget removes an object as if its cluster had never been, without its finalizers' consent.
func (w *world) forget(name string) {
	w.cluster.edit(name, func(o *v1alpha1.Webhook) { o.Finalizers = nil })
	w.cluster.remove(w.cluster.webhook(name))
	w.run(2 * collectLatency)
}

func TestARebuiltClusterTakesOverWhatMatches(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply(subject, adopting)
		id := s.idOf(subject)
		s.processes[0].kill()
		s.forget(subject)
		s.start()
		s.apply(subject, adopting)
		s.Expect(s.violations()).To(BeEmpty())
		s.Expect(s.idOf(subject)).To(Equal(id))
		s.Expect(s.creates()).To(Equal(1))
	})
}

func TestOfTwoThatMayAdoptTheSameOneCreates(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		id := s.createRemote(callbackOf(subject), "iModels.iModelDeleted.v1")
		s.cluster.add(newWebhook(subject, adopting))
		s.cluster.add(newWebhook("twin", adopting, callingBack(subject)))
		s.run(settleFor)
		s.Expect(s.violations()).To(BeEmpty())
		s.Expect(s.creates()).To(Equal(2), "one of them by hand")
		s.Expect([]string{s.idOf(subject), s.idOf("twin")}).To(ContainElement(id))
	})
}

func TestEqualWebhooksKeepTheirOwnRemoteWebhooks(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		names := []string{"a", "b", "c", "d"}
		for _, name := range names {
			s.cluster.add(newWebhook(name, callingBack(subject)))
		}
		s.run(settleFor)
		s.Expect(s.violations()).To(BeEmpty())
		s.Expect(s.creates()).To(Equal(len(names)))
		s.delete("b")
		s.Expect(s.violations()).To(BeEmpty())
	})
}

// TestTwoLeaders lets two processes work at the same time, as no leader election allows: they agree in the end.
func TestTwoLeaders(t *testing.T) {
	for _, between := range []time.Duration{0, 3 * time.Millisecond, 30 * time.Millisecond, time.Second} {
		inClaimScene(t, func(s claimScene) {
			s.run(between)
			s.start()
			s.run(time.Minute)
			s.cluster.add(newWebhook(subject))
			s.run(between)
			s.cluster.annotate(subject, v1alpha1.RotateRequestedAtAnnotation, "now")
			s.run(settleFor)
			s.Expect(s.violations()).To(BeEmpty())
			deleteSubject(s.world)
			s.run(settleFor)
			s.Expect(s.violations()).To(BeEmpty())
			s.Expect(s.remotes()).To(BeEmpty())
		})
	}
}

// TestNobodyTakesWhatTheCacheShowsTooLate begins with two that ask for the same. The operator dies when one has its
// identity written down and the create of the other is still on its way. Its successor's cache does not show the identity
// yet, and the platform has just one webhook, which either could have made.
func TestNobodyTakesWhatTheCacheShowsTooLate(t *testing.T) {
	s := scenarioNamed("create two that are equal")
	points := s.play(t).traces[0]
	first := slices.Index(points, "before POST /webhooks") + 1
	slow := fate{point: first, what: disturb, late: time.Second}
	o := s.play(t, []fate{slow})
	patches := leaving(o.traces[0], "after ", "patch Webhook")
	if len(patches) < 3 {
		t.Fatalf("two finalizers and an identity were to be written:\n%s", o.story())
	}
	recorded := patches[2]
	for late := range 5 {
		fates := [][]fate{
			append(dies(recorded), slow),
			{{point: 1, what: startBehind, late: time.Duration(late) * time.Second}},
		}
		s.complain(t, s.play(t, fates...), fates...)
	}
}

func TestARemoteWebhookDeletedTwiceIsMadeAnewTwice(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply(subject)
		for range 2 {
			s.ask(http.MethodDelete, "/webhooks/"+s.idOf(subject), nil)
			s.run(settleFor)
			s.Expect(s.violations()).To(BeEmpty())
		}
		s.Expect(s.creates()).To(Equal(3))
		s.Expect(s.cluster.webhook(subject).Annotations).NotTo(HaveKey(v1alpha1.CreatingAnnotation))
	})
}

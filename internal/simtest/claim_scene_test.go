package simtest

import (
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/controllers/webhook"
)

// claimScene is a simulation with an operator at work, and what tests of claims ask of it.
type claimScene struct {
	*simulation
	Gomega
}

func inClaimScene(t *testing.T, test func(claimScene)) {
	inSimulation(t, func(w *simulation) {
		w.start()
		test(claimScene{w, NewWithT(w.t)})
	})
}

// apply makes a Webhook, and lets what follows from it happen.
func (s claimScene) apply(name string, changes ...func(*itwinv1alpha1.Webhook)) {
	s.cluster.add(newWebhook(name, changes...))
	s.run(settleFor)
}

func (s claimScene) delete(name string) {
	s.cluster.remove(s.cluster.webhook(name))
	s.run(settleFor)
}

func (s claimScene) reason(name string) string { return s.ready(name).Reason }

func (s claimScene) message(name string) string { return s.ready(name).Message }

// ready is the Ready condition; empty when there is none, or no such Webhook.
func (s claimScene) ready(name string) (c metav1.Condition) {
	if w := s.cluster.webhook(name); w != nil {
		if found := apimeta.FindStatusCondition(w.Status.Conditions, itwinv1alpha1.ReadyCondition); found != nil {
			c = *found
		}
	}
	return c
}

func (s claimScene) idOf(name string) string { return s.cluster.webhook(name).Status.WebhookID }

func importing(id string) func(*itwinv1alpha1.Webhook) {
	return func(w *itwinv1alpha1.Webhook) { w.Spec.WebhookID = id }
}

func retaining(w *itwinv1alpha1.Webhook) { w.Spec.DeletionPolicy = itwinv1alpha1.RetainRemote }

func callingBack(name string) func(*itwinv1alpha1.Webhook) {
	return func(w *itwinv1alpha1.Webhook) { w.Spec.CallbackURL = callbackOf(name) }
}

func TestOfTwoThatImportTheSameTheOlderKeepsIt(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		id := s.createRemote(callbackOf("old"), "iModels.iModelDeleted.v1")
		s.apply("older", importing(id), retaining)
		s.apply("younger", importing(id))
		s.Expect(s.reason("older")).To(Equal(itwinv1alpha1.InSyncReason))
		s.Expect(s.reason("younger")).To(Equal(itwinv1alpha1.AlreadyClaimedReason))
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
		s.Expect(s.reason("younger")).To(Equal(itwinv1alpha1.NotFoundReason))
		s.Expect(s.remotes()).To(BeEmpty())
	})
}

func TestACopyWithTheSameIdentityTakesOverWhenTheOriginalIsGone(t *testing.T) {
	for name, change := range map[string]func(*itwinv1alpha1.Webhook){
		"and its remote webhook too": func(*itwinv1alpha1.Webhook) {}, "but its remote webhook is not": retaining,
	} {
		t.Run(name, func(t *testing.T) {
			inClaimScene(t, func(s claimScene) {
				s.apply("original", change)
				s.apply("copy", claiming(s.idOf("original")))
				s.Expect(s.reason("original")).To(Equal(itwinv1alpha1.InSyncReason))
				s.Expect(s.reason("copy")).To(Equal(itwinv1alpha1.AlreadyClaimedReason))
				s.delete("original")
				s.Expect(s.violations()).To(BeEmpty())
			})
		})
	}
}

func TestUnclaimedWebhooksAreCountedAndNeverTouched(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		// One that looks just like what is wanted, and is older than the Webhook.
		s.keepForeign(s.createRemote(callbackOf(subject), "iModels.iModelDeleted.v1", "iTwins.iTwinCreated.v1"))
		s.keepForeign(s.createRemote(callbackOf("another"), "iTwins.iTwinCreated.v1"))
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
		s.apply(
			subject,
			func(o *itwinv1alpha1.Webhook) { o.Annotations, o.Finalizers = backup.Annotations, backup.Finalizers },
		)
		s.run(webhook.RestoreGrace)
		s.Expect(s.violations()).To(BeEmpty())
		s.Expect(s.idOf(subject)).To(Equal(backup.Status.WebhookID))
		s.Expect(s.creates()).To(Equal(1))
	})
}

// forget removes an object as if its cluster had never been, without its finalizers' consent.
func (w *simulation) forget(name string) {
	w.cluster.edit(name, func(o *itwinv1alpha1.Webhook) { o.Finalizers = nil })
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
			s.cluster.annotate(subject, itwinv1alpha1.RotateRequestedAtAnnotation, "now")
			s.run(settleFor)
			s.Expect(s.violations()).To(BeEmpty())
			deleteSubject(s.simulation)
			s.run(settleFor)
			s.Expect(s.violations()).To(BeEmpty())
			s.Expect(s.remotes()).To(BeEmpty())
		})
	}
}

// interrupted makes a Webhook whose first operator dies when it has announced a create, before it sends it. The next
// one meets the faults.
func (w *simulation) interrupted(faults ...disruption) {
	w.successors = [][]disruption{faults}
	w.start(disruption{every: "after patch Webhook", what: die, gap: downtime}).count()
	w.cluster.add(newWebhook(subject))
}

// TestAWebhookIsBeingCreatedNoOtherTakesIt lists a webhook whose creator has not been told its id yet, while another
// that asks for the same looks for what its own create may have left behind.
func TestAWebhookIsBeingCreatedNoOtherTakesIt(t *testing.T) {
	inSimulation(t, func(w *simulation) {
		w.interrupted(slowly)
		w.in(webhook.GracePeriod-2*time.Second, "another client adds a twin", func() { addTwin(w) })
		w.run(2 * settleFor)
		g := NewWithT(w.t)
		g.Expect(w.violations()).To(BeEmpty())
		g.Expect(w.creates()).To(Equal(2))
	})
}

// slowly answers creates long after they are carried out.
var slowly = disruption{every: "before POST /webhooks", what: disturb, slow: 5 * time.Second}

// TestTwoWebhooksCreateTheSameEachKeepsItsOwn lists what a lost create has made late, at a time when it cannot be told
// from what another that asks for the same is creating.
func TestTwoWebhooksCreateTheSameEachKeepsItsOwn(t *testing.T) {
	inSimulation(t, func(w *simulation) {
		var p *process
		lost := disruption{every: slowly.every, what: disturb, reply: hungUp, late: webhook.GracePeriod - time.Second}
		once := disruption{every: slowly.every, what: meet, meets: func(*simulation) { p.faults = []disruption{slowly} }}
		p = w.start(lost, once)
		w.run(warmUp)
		p.count()
		add()(w)
		w.in(webhook.GracePeriod-2*time.Second, "another client adds a twin", func() { addTwin(w) })
		w.run(2 * settleFor)
		g := NewWithT(w.t)
		g.Expect(w.violations()).To(BeEmpty())
		g.Expect(w.creates()).To(Equal(2))
	})
}

// TestAnIDIsWrittenWithoutProofItTakesNothing lets an older Webhook name the remote webhook of a younger one.
func TestAnIDIsWrittenWithoutProofItTakesNothing(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply("older")
		s.apply("younger")
		mine := s.idOf("younger")
		s.cluster.annotate("older", itwinv1alpha1.WebhookIDAnnotation, mine)
		s.cluster.edit("younger", func(w *itwinv1alpha1.Webhook) { w.Labels = map[string]string{"team": "a"} })
		s.run(settleFor)
		s.Expect(s.reason("younger")).To(Equal(itwinv1alpha1.InSyncReason))
		s.Expect(s.idOf("younger")).To(Equal(mine))
		for _, r := range s.remotes() {
			s.Expect(r.ID != mine || r.CallbackURL == callbackOf("younger")).To(BeTrue(), "it was changed")
		}
	})
}

// TestAWebhookOfAnotherScopeIsLeftAlone names, in a spec or in what a backup holds, a webhook whose scope is not the
// spec's, and lets go of it again.
func TestAWebhookOfAnotherScopeIsLeftAlone(t *testing.T) {
	forAccount := func(w *itwinv1alpha1.Webhook) { w.Spec.Scope, w.Spec.ScopeID = itwinv1alpha1.AccountScope, "" }
	for name, naming := range map[string]func(id string) func(*itwinv1alpha1.Webhook){"spec": importing, "backup": claiming} {
		inClaimScene(t, func(s claimScene) {
			theirs := s.createRemote(callbackOf("theirs"), "iModels.iModelDeleted.v1")
			s.keepForeign(theirs)
			s.apply(subject, forAccount, naming(theirs))
			s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.RefusedReason), name)
			s.Expect(s.message(subject)).To(ContainSubstring("iTwin "+crashITwin), name)
			s.Expect(s.idOf(subject)).To(BeEmpty(), name)
			s.delete(subject)
			s.Expect(s.cluster.webhook(subject)).To(BeNil(), name)
			s.Expect(s.violations()).To(BeEmpty(), name)
		})
	}
}

// TestWhoMayAdoptLooksAgainFirst makes a webhook by hand after the last list, and a Webhook that would adopt it.
func TestWhoMayAdoptLooksAgainFirst(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.run(warmUp)
		existing(s.simulation)
		s.apply(subject, adopting)
		s.Expect(s.violations()).To(BeEmpty())
		s.Expect(s.creates()).To(Equal(1), "the one made by hand")
	})
}

// TestAnotherClientOverwritesAStatusItIsPutRight writes over a status, as a leader does that does not know yet of its
// end.
func TestAnotherClientOverwritesAStatusItIsPutRight(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply(subject)
		s.cluster.edit(subject, func(w *itwinv1alpha1.Webhook) {
			status.SetOnWebhook(
				&w.Status,
				w.Generation,
				status.ConditionsOf(status.Outcome{Reason: itwinv1alpha1.PlatformUnavailableReason})...)
		})
		s.run(time.Second)
		s.Expect(s.violations()).To(BeEmpty())
	})
}

// TestWhatWasHandedOverIsForgotten gives a Webhook to another shard, which has to create its another remote webhook,
// and back again.
func TestWhatWasHandedOverIsForgotten(t *testing.T) {
	inSimulation(t, func(w *simulation) {
		belong := func(shard string) func(*itwinv1alpha1.Webhook) {
			return func(o *itwinv1alpha1.Webhook) { o.Labels = map[string]string{"shard": shard} }
		}
		for _, shard := range []string{"a", "b"} {
			w.start().webhooks.Selector = labels.SelectorFromSet(labels.Set{"shard": shard})
		}
		add(belong("a"))(w)
		w.run(settleFor)
		edit(belong("b"))(w)
		w.run(settleFor)
		deleteRemotely(w)
		w.run(settleFor)
		edit(belong("a"))(w)
		w.run(settleFor)
		g := NewWithT(w.t)
		g.Expect(w.violations()).To(BeEmpty())
		g.Expect(w.creates()).To(Equal(2))
	})
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
	})
}

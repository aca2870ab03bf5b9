package simtest

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apimachineryruntime "k8s.io/apimachinery/pkg/runtime"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/webhook"
)

// A tool that takes away what it does not know, a person's script, or two operators that disagree.
func TestAnotherClientUndoesEachWriteItsObjectIsWrittenSeldom(t *testing.T) {
	for name, undo := range map[string]func(*simulation){
		"the finalizer":   edit(func(w *itwinv1alpha1.Webhook) { w.Finalizers = nil }),
		"the annotations": edit(func(w *itwinv1alpha1.Webhook) { w.Annotations = nil }),
		"the status":      edit(func(w *itwinv1alpha1.Webhook) { w.Status.Conditions = nil }),
		"the Secret": func(w *simulation) {
			if secret := w.cluster.read(secretOf(subject)); secret != nil {
				w.cluster.remove(secret)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inClaimScene(t, func(s claimScene) {
				s.apply(subject)
				var told []string
				s.onEvent = func(_ apimachineryruntime.Object, note string) { told = append(told, note) }
				end := time.Now().Add(10 * time.Minute)
				before, version := s.writes(), ""
				for time.Now().Before(end) {
					if now := s.cluster.webhook(subject).ResourceVersion; now != version {
						undo(s.simulation)
						version = s.cluster.webhook(subject).ResourceVersion
					}
					s.run(50 * time.Millisecond)
				}
				// The other client's, and the operator's: 30 at once, then one reconcile in 10 s.
				s.Expect(s.writes() - before).To(BeNumerically("<=", 2*(webhook.WritesAtOnce+3*60)))
				s.Expect(s.count(updates)).To(BeNumerically("<=", webhook.WritesAtOnce+60))
				s.Expect(told).To(ContainElement(ContainSubstring("keeps undoing")))
				s.run(time.Minute)
				s.Expect(s.violations()).To(BeEmpty())
			})
		})
	}
}

// Edits are what the operator is asked for: they do not count.
func TestAPersonEditsTheSpecOftenEachEditIsSentAtOnce(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply(subject)
		for i := range 3 * webhook.WritesAtOnce {
			s.cluster.edit(subject, func(w *itwinv1alpha1.Webhook) { w.Spec.CallbackURL = callbackOf(string(rune('a' + i%26))) })
			s.run(time.Second)
			s.Expect(s.remotes()[0].CallbackURL).To(Equal(callbackOf(string(rune('a' + i%26)))))
		}
	})
}

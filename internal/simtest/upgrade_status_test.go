package simtest

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// A status that an earlier version wrote has no callbackUrl: it is filled in by one write of the status.
func TestTheStatusOfAnEarlierVersionHasNoCallbackItIsWrittenOnce(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply(subject)
		s.apply(other, likeSubject)
		s.run(2 * time.Minute)
		for _, p := range s.processes {
			p.kill()
		}
		for _, name := range []string{subject, other} {
			s.cluster.edit(name, func(w *itwinv1alpha1.Webhook) { w.Status.CallbackURL = "" })
		}
		writes, updated := s.writes(), s.count(updates)
		s.start()
		s.run(5 * time.Minute)
		s.Expect(s.writes()-writes).To(Equal(2), "one of each")
		s.Expect(s.count(updates)).To(Equal(updated))
		s.Expect(s.told(subject) && s.told(other)).To(BeTrue())
		s.Expect(s.violations()).To(BeEmpty())
		writes = s.writes()
		s.replace()
		s.run(5 * time.Minute)
		s.Expect(s.writes()).To(Equal(writes), "after a restart")
	})
}

package simulator

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func TestRetrySchedule(t *testing.T) {
	g := NewWithT(t)
	begun := time.Date(2026, time.March, 1, 18, 25, 39, 999_000_000, time.UTC)
	due, retries := begun, 0
	for {
		next, ok := retryDue(retries+1, due)
		if !ok {
			break
		}
		g.Expect(next).To(BeTemporally(">", due))
		due = next
		retries++
	}
	g.Expect(retries).To(Equal(12))
	g.Expect(due).To(Equal(time.Date(2026, time.March, 4, 18, 25, 39, 0, time.UTC)), "three days after the second of the first")
}

func TestAttemptLogKeepsTheLatest(t *testing.T) {
	g := NewWithT(t)
	var log attemptLog
	for i := range maxAttempts + 3 {
		log.add(Attempt{Attempt: i})
	}
	all := log.list()
	g.Expect(all).To(HaveLen(maxAttempts))
	g.Expect(all[0].Attempt).To(Equal(3))
	g.Expect(all[maxAttempts-1].Attempt).To(Equal(maxAttempts + 2))
}

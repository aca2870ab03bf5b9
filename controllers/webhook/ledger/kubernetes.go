package ledger

import (
	"time"

	"golang.org/x/time/rate"

	"webhook-operator.io/itwin/controllers/webhook/plan"
)

// KubernetesFailed notes that the API server failed a request of a reconcile that began at a time, and returns since
// when it has failed all of them.
func (e Entry) KubernetesFailed(began time.Time) (since time.Time) {
	e.change(func(a *Record) { since = begun(&a.kubernetesSince, began) })
	return since
}

// KubernetesAnswered notes a reconcile of which the API server failed no request.
func (e Entry) KubernetesAnswered() {
	if known := e.Record(); !known.kubernetesSince.IsZero() || known.told != "" {
		e.change(func(a *Record) { a.kubernetesSince, a.told = time.Time{}, "" })
	}
}

// SecretRefused notes that the API server refused to write the generated Secret.
func (e Entry) SecretRefused(refused plan.SecretRefusal) {
	e.change(func(a *Record) { a.SecretRefused = refused })
}

// TellOnce reports whether something is to be told that was not told last.
func (e Entry) TellOnce(words string) (news bool) {
	e.change(func(a *Record) { news, a.told = a.told != words, words })
	return news
}

// CountWrite counts a write to the API server about the object with the spec of a generation. Of those the first atOnce
// may follow each other, further ones are to be a pause apart.
func (e Entry) CountWrite(now time.Time, generation int64, atOnce int, pause time.Duration) {
	e.change(func(a *Record) {
		if a.written == nil || a.writtenGeneration != generation {
			a.written, a.undoneTold = rate.NewLimiter(rate.Every(pause), atOnce), false
			a.writtenGeneration = generation
		}
		a.written.AllowN(now, 1)
	})
}

// WriteIn is how long the next write about the object with the spec of a generation is to wait.
func (e Entry) WriteIn(now time.Time, generation int64) time.Duration {
	a := e.Record()
	if a.written == nil || a.writtenGeneration != generation {
		return 0
	}
	missing := 1 - a.written.TokensAt(now)
	return time.Duration(max(missing, 0) / float64(a.written.Limit()) * float64(time.Second))
}

// TellUndone reports whether it was not told yet that writes with the present spec are undone.
func (e Entry) TellUndone() (news bool) {
	e.change(func(a *Record) { news, a.undoneTold = !a.undoneTold, true })
	return news
}

package ledger

import (
	"maps"
	"time"

	"webhook-operator.io/itwin/controllers/webhook/plan"
	"webhook-operator.io/itwin/internal/backoff"
)

// Failed notes a call about the object that the platform did not answer as documented, and returns for how long the
// object is left alone: one that the platform always fails for must not hold up the others of its account, which wait
// for a list after each such answer.
func (e Entry) Failed(generation int64, now time.Time) (wait time.Duration) {
	e.change(func(a *Record) {
		if a.Generation != generation {
			a.Failures = 0
		}
		a.Failures++
		wait = plan.FailureBackoff.After(a.Failures)
		a.BackoffUntil, a.Generation = now.Add(wait), generation
	})
	return wait
}

// ThrottledSince returns since when an object that has found no slot within the rate limit has waited for one.
func (e Entry) ThrottledSince(now time.Time) (since time.Time) {
	e.change(func(a *Record) { since = begun(&a.throttledSince, now) })
	return since
}

// Recovered notes a write about the object that succeeded.
func (e Entry) Recovered() {
	if known := e.Record(); known.Failures > 0 || !known.throttledSince.IsZero() {
		e.change(func(a *Record) { a.Failures, a.BackoffUntil, a.throttledSince = 0, time.Time{}, time.Time{} })
	}
}

// CorrectionBackoff is how long to wait after corrections in a row of changes by other clients. A change that comes
// later than twice the wait begins the count again.
var CorrectionBackoff = backoff.Doubling{First: time.Minute, Longest: time.Hour}

// ContestedUntil is when a change by another client may be corrected again.
func (a Record) ContestedUntil() time.Time {
	return a.corrected.Add(CorrectionBackoff.After(a.corrections))
}

// Corrected notes that a change by another client was corrected, and returns how often in a row.
func (e Entry) Corrected(now time.Time) (inARow int) {
	e.change(func(a *Record) {
		if now.Sub(a.corrected) >= 2*CorrectionBackoff.After(a.corrections) {
			a.corrections = 0
		}
		a.corrections, a.corrected = a.corrections+1, now
		inARow = a.corrections
	})
	return inARow
}

// NoteRefusal notes what is known of a refused request.
func (e Entry) NoteRefusal(request string, noted plan.Refusal) {
	e.change(func(a *Record) { a.setRefusal(request, noted) })
}

// setRefusal changes a copy: what was handed out before stays as it was. The oldest makes room.
func (a *Record) setRefusal(request string, noted plan.Refusal) {
	a.Refusals = maps.Clone(a.Refusals)
	if a.Refusals == nil {
		a.Refusals = map[string]plan.Refusal{}
	}
	a.Refusals[request] = noted
	for len(a.Refusals) > plan.MaxRefusals {
		oldest := request
		for other, r := range a.Refusals {
			if r.Until.Before(a.Refusals[oldest].Until) {
				oldest = other
			}
		}
		delete(a.Refusals, oldest)
	}
}

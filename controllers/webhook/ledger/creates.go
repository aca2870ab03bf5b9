package ledger

import (
	"time"

	"webhook-operator.io/itwin/controllers/webhook/plan"
	"webhook-operator.io/itwin/internal/proof"
)

// Meet returns what is known of an object that comes into the care of this process, and remembers since when: the
// process before may have sent a request a moment ago.
func (e Entry) Meet() (met Record) {
	e.change(func(a *Record) { met = *a })
	return met
}

// CreateBegins notes that the object's finalizer was added, or its id given up, by this process: nothing can be left
// behind.
func (e Entry) CreateBegins() {
	e.change(func(a *Record) {
		a.Remote, a.NoneInFlight, a.UnknownOutcome = proof.Remote{}, true, false
		a.SettledAfter, a.adoptionSince, a.Modified, a.Secret = time.Time{}, time.Time{}, time.Time{}, ""
	})
}

// Owns notes the webhook that belongs to the object.
func (e Entry) Owns(remote proof.Remote) {
	e.change(func(a *Record) {
		a.Remote, a.NoneInFlight, a.UnknownOutcome = remote, false, false
		a.Accepted, a.SentCallback, a.CallbackBefore = false, "", plan.EarlierCallbacks{}
	})
}

// CreateUnknown notes a create of unknown outcome that ended now.
func (e Entry) CreateUnknown(now time.Time) {
	e.change(func(a *Record) {
		a.NoneInFlight, a.UnknownOutcome, a.SettledAfter = false, true, now.Add(e.ledger.grace)
	})
}

// AdoptingSince returns since when a webhook to adopt is looked for.
func (e Entry) AdoptingSince(generation int64, now time.Time) time.Time {
	var since time.Time
	e.change(func(a *Record) {
		if a.adoptionSince.IsZero() || a.adoptionGeneration != generation {
			a.adoptionSince, a.adoptionGeneration = now, generation
		}
		since = a.adoptionSince
	})
	return since
}

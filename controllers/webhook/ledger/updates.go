package ledger

import (
	"slices"

	"webhook-operator.io/itwin/controllers/webhook/plan"
	"webhook-operator.io/itwin/internal/platform"
)

// SendingSecret notes that a secret is about to be sent, and returns what was known of the one before.
func (e Entry) SendingSecret() (before string) {
	e.change(func(a *Record) { before, a.Secret = a.Secret, plan.UnknownSecret })
	return before
}

// NoteSecret notes that the status says that the secret of an import is about to be sent.
func (e Entry) NoteSecret() { e.change(func(a *Record) { a.SecretNoted = true }) }

// SecretSent notes which secret the platform has after an answer.
func (e Entry) SecretSent(fingerprint string) {
	e.change(func(a *Record) { a.Secret = fingerprint })
}

// Wrote notes the answer to a change that this process made to the remote webhook.
func (e Entry) Wrote(updated platform.Webhook, turnedOff bool) {
	e.change(func(a *Record) {
		a.Modified, a.Accepted = updated.Modified, false
		a.TurnedOff = !updated.Active && (turnedOff || a.TurnedOff)
	})
}

// AcceptedUpdate notes that the platform accepted a change without saying what the remote webhook is like now, and
// whether that turns it off.
func (e Entry) AcceptedUpdate(turnedOff bool) {
	e.change(func(a *Record) { a.Accepted, a.TurnedOff = true, turnedOff || a.TurnedOff })
}

// SendingCallback notes a callback that is about to be sent, and returns what the remote webhook had before it: where
// the outcome of earlier updates is not known, also what those sent.
func (e Entry) SendingCallback(callback string, before plan.EarlierCallbacks) (known plan.EarlierCallbacks) {
	e.change(func(a *Record) {
		switch a.SentCallback {
		case callback:
		case "":
			a.CallbackBefore = before
		default:
			before.Had = slices.Concat(before.Had, []string{a.SentCallback}, a.CallbackBefore.Had)
			before.Had = before.Had[:min(len(before.Had), plan.MaxEarlier)]
			a.CallbackBefore = before
		}
		a.SentCallback, known = callback, a.CallbackBefore
	})
	return known
}

// CallbackAnswered notes how the platform spells the callback that was sent last, and that the outcome is known.
func (e Entry) CallbackAnswered(learned plan.Spelling) {
	e.change(func(a *Record) { a.SentCallback, a.CallbackBefore, a.Spelling = "", plan.EarlierCallbacks{}, learned })
}

// SeenOn notes that the remote webhook is on, whatever this process did to it before.
func (e Entry) SeenOn() {
	e.change(func(a *Record) { a.TurnedOff = false })
}

package plan

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

// unsentStatus: the status tells of no secret that the platform was sent.
func unsentStatus(f *Facts) {
	s := &f.Webhook.Status
	s.SecretName, s.SecretVersion, s.SecretFingerprint = "", "", ""
}

// noSecret: the generated Secret does not exist.
func noSecret(f *Facts) { f.Secret = SecretFacts{Name: f.Secret.Name, Missing: true} }

// byAnnotation: an annotation without proof names the remote webhook, and the spec does not.
func byAnnotation(f *Facts) {
	f.Webhook.Spec.WebhookID, f.Identity.Proven = "", false
	f.Webhook.Annotations = map[string]string{itwinv1alpha1.WebhookIDAnnotation: f.ID()}
}

// neverReported: the process that carried out the first steps died before its report.
func neverReported(f *Facts) { f.Webhook.Status = itwinv1alpha1.WebhookStatus{ObservedGeneration: -1} }

func declared(f *Facts) { f.Webhook.Spec.WebhookID = anID }

func secretRef(f *Facts) {
	f.Webhook.Spec.SecretRef = &itwinv1alpha1.SecretKeyReference{Name: f.Secret.Name}
}

// mayBeRestored: a backup tool may still restore the generated Secret.
func mayBeRestored(f *Facts) {
	f.Secret = SecretFacts{
		Name: f.Secret.Name, Awaited: true, Problem: &status.Problem{Reason: "SecretNotFound"}, Retry: time.Minute,
	}
}

func otherEvents(f *Facts) { f.Webhook.Spec.EventTypes = []string{"a.b.v1"} }

// imported are the facts about a Webhook whose remote webhook was imported, and that no secret was sent to.
func imported(changes ...given) Facts {
	return with(with(settled(), declared, unsentStatus, noSecret), changes...)
}

// toImport are the facts about a Webhook that asks to import a remote webhook that differs in nothing.
func toImport(changes ...given) Facts {
	return with(with(settled(), asksFor(anID), neverReported, noSecret), changes...)
}

func tellsUnknown(g Gomega, p Plan) {
	g.Expect(p.Outcome.Message).To(ContainSubstring("signing secret is unknown"))
	g.Expect(p.sendSecret).To(BeFalse())
}

func sends(g Gomega, p Plan) {
	g.Expect(p.sendSecret || !p.Patch.Empty()).To(BeTrue())
	g.Expect(p.WithoutSecret).To(BeFalse())
	g.Expect(p.Outcome.Message).NotTo(ContainSubstring("unknown"))
}

func TestDecideImport(t *testing.T) {
	took := []Step{AdoptRemote, RecordID}
	tookAndSent := []Step{StoreSecret, AdoptRemote, RecordID, UpdateRemote}
	testDecisions(t, []decision{
		{name: "an import without a difference is not updated, and no Secret is generated", reason: "InSync",
			facts: toImport(), steps: took, check: tellsUnknown},
		{name: "an import of what is off, as the spec says, is not updated", reason: "InSync",
			facts: toImport(specOff, remoteOff), steps: took, check: tellsUnknown},
		{name: "an import of what is off, and should be on, stores a secret and sends it", reason: "InSync",
			facts: toImport(remoteOff), steps: tookAndSent, check: sends},
		{name: "an import with other event types stores a secret and sends it", reason: "InSync",
			facts: toImport(otherEvents), steps: tookAndSent, check: sends},
		{name: "an import with a secretRef sends the secret", reason: "InSync",
			facts: with(settled(), asksFor(anID), neverReported, secretRef),
			steps: []Step{AdoptRemote, RecordID, UpdateRemote}, check: sends},
		{name: "an import with a secretRef waits for its Secret", reason: "SecretNotFound",
			facts: toImport(secretRef, mayBeRestored, func(f *Facts) { f.Secret.Awaited = false })},
		{name: "an import that asks for a rotation stores a secret and sends it", reason: "InSync",
			facts: toImport(annotated(itwinv1alpha1.RotateRequestedAtAnnotation, "now")), steps: tookAndSent, check: sends},
		{name: "an import whose generated Secret is there keeps its secret", reason: "InSync",
			facts: with(settled(), asksFor(anID), neverReported), steps: took, check: tellsUnknown},
		{name: "an import with a difference whose generated Secret is there sends it", reason: "InSync",
			facts: with(settled(), asksFor(anID), neverReported, otherEvents),
			steps: []Step{AdoptRemote, RecordID, UpdateRemote}, check: sends},
		{name: "an import does not wait for a Secret that may be restored", reason: "InSync",
			facts: toImport(mayBeRestored), steps: took, check: tellsUnknown},
		{name: "an import with a difference waits for a Secret that may be restored", reason: "SecretNotFound",
			facts: toImport(mayBeRestored, otherEvents)},
		{name: "a suspended import has no steps", reason: "Suspended", facts: toImport(suspended)},
		{name: "an import by annotation keeps its secret, and is reported before it is proven", reason: "InSync",
			steps: []Step{AdoptRemote}, check: tellsUnknown, facts: toImport(func(f *Facts) { f.Webhook.Spec.WebhookID = "" })},
		{name: "an adoption by likeness sends the secret", reason: "InSync",
			facts: with(fresh(), noSecret, func(f *Facts) { f.Adoptable = &platform.Webhook{ID: "0f", CallbackURL: callback} }),
			steps: []Step{AddFinalizer, StoreSecret, AdoptRemote, RecordID, UpdateRemote}, check: sends},
	})
}

func TestDecideImported(t *testing.T) {
	sent, again := []Step{StoreSecret, NoteSecret, UpdateRemote}, []Step{StoreSecret, UpdateRemote}
	testDecisions(t, []decision{
		{name: "an imported webhook keeps its secret while nothing differs", reason: "InSync",
			facts: imported(), check: tellsUnknown},
		{name: "one by annotation too", reason: "InSync", check: tellsUnknown,
			facts: imported(func(f *Facts) { f.Webhook.Spec.WebhookID = "" })},
		{name: "an import that was interrupted before its report keeps its secret", reason: "InSync",
			facts: imported(neverReported), check: tellsUnknown},
		{name: "one by annotation whose report failed is not proven yet", reason: "InSync", check: tellsUnknown,
			facts: imported(neverReported, byAnnotation)},
		{name: "one by annotation that was reported is proven", reason: "InSync", check: tellsUnknown,
			facts: imported(byAnnotation), steps: []Step{RecordID}},
		{name: "an import that was interrupted and cannot tell from a restored one keeps its secret", reason: "InSync",
			facts: imported(neverReported, mayBeRestored), check: tellsUnknown},
		{name: "a restored Webhook of its own making waits for its Secret", reason: "SecretNotFound",
			facts: with(settled(), neverReported, mayBeRestored)},
		{name: "a Webhook of its own making without a status or Secret generates one", reason: "InSync", steps: again,
			facts: with(settled(), neverReported, noSecret), check: sends},
		{name: "an edit without a remote difference sends no secret", reason: "InSync",
			facts: imported(edited), check: tellsUnknown},
		{name: "a change by another client without a visible difference sends no secret", reason: "InSync",
			facts: imported(changedByAnother), check: tellsUnknown},
		{name: "an edit of the event types stores a secret and sends it", reason: "InSync", steps: sent,
			facts: imported(edited, otherEvents), check: sends},
		{name: "a callback that another client changed is corrected, and a secret sent", reason: "InSync", steps: sent,
			facts: imported(func(f *Facts) { f.Remote.CallbackURL = "https://old" }), check: sends},
		{name: "a reactivation sends a secret", reason: "InSync", steps: []Step{NoteDeactivation, StoreSecret, NoteSecret, UpdateRemote},
			facts: imported(remoteOff), check: sends},
		{name: "a deactivation that waits for a request sends none", reason: "Deactivated",
			facts: imported(knownDeactivated, onRequest),
			check: func(g Gomega, p Plan) { g.Expect(p.sendSecret).To(BeFalse()) }},
		{name: "turning off what the connection forbids sends none", facts: imported(notAllowed),
			reason: "ConnectionNotAllowed", steps: []Step{NoteTurningOff, UpdateRemote},
			check: func(g Gomega, p Plan) { g.Expect(p.WithoutSecret).To(BeTrue()) }},
		{name: "a rotation stores a secret and sends it", reason: "InSync", steps: sent,
			facts: imported(annotated(itwinv1alpha1.RotateRequestedAtAnnotation, "now")), check: sends},
		{name: "a stored Secret that was not sent is not", reason: "InSync",
			facts: with(settled(), declared, unsentStatus), check: tellsUnknown},
		{name: "a Secret that a process may have sent before it died is sent", reason: "InSync",
			facts: with(settled(), declared, unsentStatus, func(f *Facts) { f.Webhook.Status.SecretName = f.Secret.Name }),
			steps: []Step{UpdateRemote}, check: sends},
		{name: "a Secret that this process noted and could not send is not sent once nothing differs", reason: "InSync",
			check: tellsUnknown, facts: with(settled(), declared, unsentStatus, func(f *Facts) {
				f.Webhook.Status.SecretName, f.Secret.Unsent = f.Secret.Name, true
			})},
		{name: "an edit is tried again without another note", reason: "InSync", steps: []Step{UpdateRemote}, check: sends,
			facts: with(settled(), declared, unsentStatus, edited, otherEvents, func(f *Facts) {
				f.Webhook.Status.SecretName, f.Secret.Unsent = f.Secret.Name, true
			})},
		{name: "a created webhook whose first update failed is sent its secret without a note", reason: "InSync",
			steps: []Step{UpdateRemote}, facts: with(settled(), unsentStatus, edited, func(f *Facts) {
				f.Webhook.Status.AppliedGeneration = 0
			})},
		{name: "one that a process stored and died before it had a status is sent", reason: "InSync",
			facts: with(settled(), declared, neverReported), steps: []Step{UpdateRemote}, check: sends},
		{name: "a rotation waits until the platform has the value that is stored", steps: []Step{NoteSecret, UpdateRemote},
			facts: with(settled(), declared, unsentStatus, func(f *Facts) { f.Secret.Rotate = true })},
		{name: "a refused edit does not send the secret alone", reason: "Refused",
			facts: with(settled(), declared, unsentStatus, edited, otherEvents,
				updateRefused(platform.Patch{EventTypes: []string{"a.b.v1"}})),
			check: func(g Gomega, p Plan) { g.Expect(p.Steps).To(BeEmpty()) }},
		{name: "a secret of unknown outcome is sent again", reason: "InSync", steps: again,
			facts: imported(func(f *Facts) { f.Secret.Sent = UnknownSecret }), check: sends},
		{name: "an edit with a secretRef sends its value", reason: "InSync", steps: []Step{NoteSecret, UpdateRemote},
			facts: with(settled(), declared, unsentStatus, secretRef, edited), check: sends},
		{name: "a secretRef that an earlier version did not send is not sent by an upgrade", reason: "InSync",
			facts: with(settled(), declared, unsentStatus, secretRef), check: tellsUnknown},
		{name: "a Secret that was sent and deleted is generated and sent", reason: "InSync", steps: again,
			facts: with(settled(), declared, noSecret), check: sends},
		{name: "an import that is gone is not recreated", reason: "NotFound", facts: imported(goneRemote)},
		{name: "one by annotation that is gone is recreated with a generated secret", reason: "InSync",
			facts: imported(goneRemote, func(f *Facts) { f.Webhook.Spec.WebhookID = "" }),
			steps: []Step{GiveUpID, StoreSecret, CreateRemote, RecordID, UpdateRemote}, check: sends},
		{name: "what was imported and is missing is confirmed", steps: []Step{ConfirmRemote},
			facts: imported(func(f *Facts) { f.Presence = fleet.Missing })},
	})
}

package plan

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/identity"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/internal/proof"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const (
	anID     = "e6989b43-53ab-45e2-a610-560c6f7e879e"
	callback = "https://hooks.example.com/itwin"

	anAccount      = "api.bentley.com/0123456789abcdef"
	anotherAccount = "api.bentley.com/fedcba9876543210"
)

var owned = proof.Remote{Account: anAccount, ID: anID}

// given changes facts.
type given func(*Facts)

// fresh are the facts about a Webhook that was never reconciled, with a Ready connection.
func fresh() Facts {
	w := &itwinv1alpha1.Webhook{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "digital-twin", Name: "model-events", UID: "uid", Generation: 1,
			CreationTimestamp: metav1.NewTime(noon.Add(-time.Hour)), Annotations: map[string]string{},
		},
		Spec: itwinv1alpha1.WebhookSpec{
			CallbackURL: callback, Scope: itwinv1alpha1.AccountScope, EventTypes: []string{"a.b.v1", "c.d.v1"},
			ReactivationPolicy: itwinv1alpha1.ReactivateAlways, DeletionPolicy: itwinv1alpha1.DeleteRemote,
		},
		Status: itwinv1alpha1.WebhookStatus{ObservedGeneration: -1},
	}
	return Facts{
		Now: noon, Webhook: w, Generation: 1,
		Connection: connectionFacts{Account: anAccount, Synced: true, Adoption: true},
		Holder:     holderFacts{Reach: Reachable, Synced: true},
		Attempt:    attemptFacts{NoneInFlight: true},
		Secret: SecretFacts{
			Name: "model-events-webhook-secret", Version: "7", Loaded: true, Value: "value", Fingerprint: "f7",
		},
	}
}

// settled are the facts about a Webhook that is in sync.
func settled() Facts {
	f := fresh()
	f.Identity, f.Presence = identity.Identity{Owned: owned, Proven: true}, fleet.Present
	f.Remote = platform.Webhook{
		ID: anID, Scope: "Account", Active: true, CallbackURL: callback, EventTypes: []string{"a.b.v1", "c.d.v1"},
	}
	w, on := f.Webhook, true
	w.Finalizers = []string{itwinv1alpha1.WebhookFinalizer}
	w.Annotations[itwinv1alpha1.WebhookIDAnnotation] = anID
	w.Status = itwinv1alpha1.WebhookStatus{
		ObservedGeneration: 1, AppliedGeneration: 1, WebhookID: anID, Account: anAccount, Active: &on,
		SecretName: f.Secret.Name, SecretVersion: f.Secret.Version, SecretFingerprint: f.Secret.Fingerprint,
	}
	status.SetOnWebhook(&w.Status, 1, status.ConditionsOf(status.InSync)...)
	return f
}

func with(f Facts, changes ...given) Facts {
	for _, change := range changes {
		change(&f)
	}
	return f
}

func finalizer(f *Facts)  { f.Webhook.Finalizers = []string{itwinv1alpha1.WebhookFinalizer} }
func remoteOff(f *Facts)  { f.Remote.Active = false }
func specOff(f *Facts)    { off := false; f.Webhook.Spec.Active = &off }
func edited(f *Facts)     { f.Generation++; f.Webhook.Generation++ }
func onRequest(f *Facts)  { f.Webhook.Spec.ReactivationPolicy = itwinv1alpha1.ReactivateOnRequest }
func deleted(f *Facts)    { now := metav1.NewTime(noon); f.Webhook.DeletionTimestamp = &now }
func missing(f *Facts)    { f.Presence = fleet.Missing }
func goneRemote(f *Facts) { f.Presence = fleet.Gone }
func statusOff(f *Facts)  { off := false; f.Webhook.Status.Active = &off }

func knownDeactivated(f *Facts) {
	statusOff(f)
	remoteOff(f)
	status.SetOnWebhook(&f.Webhook.Status, 1, DeactivatedCondition())
}

// inFlight: a create of an earlier process may still take effect.
func inFlight(f *Facts) { f.Attempt.NoneInFlight = false }

func suspended(f *Facts) { f.Webhook.Spec.Suspend = true }

// stalled: a person must act.
func stalled(g Gomega, p Plan) { g.Expect(p.Outcome.Stalled).To(BeTrue()) }

func retained(f *Facts) { f.Webhook.Spec.DeletionPolicy = itwinv1alpha1.RetainRemote }

func notAllowed(f *Facts) {
	f.Connection.Problem, f.Connection.Forbidden = &status.Problem{Reason: "ConnectionNotAllowed", Message: "why"}, true
	f.Holder.Reach = Forbidden
}

// asksFor asks for a remote webhook that the object does not own.
func asksFor(id string) given {
	return func(f *Facts) { f.Identity, f.Webhook.Spec.WebhookID = identity.Identity{Requested: id}, id }
}

// moved: spec.connectionRef reaches another account than the one that owns the remote webhook.
func moved(f *Facts) {
	f.Connection.Account, f.Holder.Moving = anotherAccount, true
}

// gaveUp lists a remote webhook as a former one.
func gaveUp(account, id string, how Reach, presence fleet.Presence, active bool) given {
	return func(f *Facts) {
		former := proof.Remote{Account: account, ID: id}
		f.Identity.Former = append(f.Identity.Former, former)
		f.Former = append(f.Former, FormerFacts{
			Remote: former, Reach: how, Synced: how != Unreachable, Presence: presence,
			Webhook: platform.Webhook{ID: id, Scope: "Account", Active: active, CallbackURL: callback},
		})
	}
}

// marked: a create of this object made another webhook.
func marked(active bool) given {
	return func(f *Facts) {
		f.Marked = append(f.Marked, MarkedFacts{Account: f.Connection.Account, Webhook: platform.Webhook{
			ID: "0f", Scope: "Account", Active: active, CallbackURL: callback + "?itwin-webhook=uid", Mark: "uid",
			EventTypes: []string{"a.b.v1", "c.d.v1"},
		}})
	}
}

// changedByAnother: the platform's time of modification moved without a write of the operator's.
func changedByAnother(f *Facts) {
	f.Webhook.Status.Modified = PlatformTime(noon.Add(-time.Hour))
	f.Remote.Modified = noon.Add(-time.Minute)
}

// refusedNow notes that the platform refused a request a moment ago.
func refusedNow(f *Facts, request string) {
	if f.Refusals == nil {
		f.Refusals = map[string]Refusal{}
	}
	f.Refusals[request] = Refusal{
		Count: 1, Until: f.Now.Add(time.Hour), Generation: f.Generation,
		Outcome: status.Outcome{Reason: itwinv1alpha1.RefusedReason, Message: "no", Stalled: true, Refused: request},
	}
}

func createRefused(f *Facts) { refusedNow(f, CreateFingerprint(*f)) }

func updateRefused(p platform.Patch) given {
	return func(f *Facts) { refusedNow(f, UpdateFingerprint(*f, Plan{Patch: p})) }
}

func outdated(f *Facts) {
	f.Webhook.Status.Modified = PlatformTime(noon.Add(-time.Minute))
	f.Remote.Modified = noon.Add(-time.Hour)
}

func annotated(annotation, value string) given {
	return func(f *Facts) { f.Webhook.Annotations[annotation] = value }
}

func unproven(f *Facts) { f.Identity.Proven = false }

func connectionProblem(reason string) given {
	return func(f *Facts) { f.Connection.Problem = &status.Problem{Reason: reason, Message: "why"} }
}

// decision is what decide must come to, given facts.
type decision struct {
	name  string
	facts Facts
	steps []Step
	// reason of the Ready condition that is reported; "" when nothing is.
	reason string
	check  func(Gomega, Plan)
}

func testDecisions(t *testing.T, decisions []decision) {
	t.Helper()
	for _, c := range decisions {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			p := Decide(c.facts)
			g.Expect(p.Steps).To(Equal(c.steps))
			if c.reason == "" {
				g.Expect(p.Outcome.Silent).To(BeTrue(), "reported %q", p.Outcome.Reason)
			} else {
				g.Expect(p.Outcome.Silent).To(BeFalse())
				g.Expect(p.Outcome.Reason).To(Equal(c.reason))
				g.Expect(p.Outcome.Ready).To(Equal(c.reason == "InSync"))
			}
			if c.check != nil {
				c.check(g, p)
			}
		})
	}
}

func TestDecide(t *testing.T) {
	match := platform.Webhook{ID: "0f", Scope: "Account", CallbackURL: callback, EventTypes: []string{"a.b.v1", "c.d.v1"}}
	testDecisions(t, []decision{
		// Creation.
		{name: "a new object is created, then updated and activated at once", facts: fresh(), reason: "InSync",
			steps: []Step{AddFinalizer, CreateRemote, RecordID, UpdateRemote},
			check: func(g Gomega, p Plan) {
				g.Expect(p.Patch.CallbackURL).To(Equal(callback), "it replaces the marked one")
				g.Expect(p.Patch.Active).To(HaveValue(BeTrue()))
				g.Expect(p.sendSecret).To(BeTrue())
			}},
		{name: "a new object that is to be off is updated after the create",
			facts: with(fresh(), specOff), reason: "InSync",
			steps: []Step{AddFinalizer, CreateRemote, RecordID, UpdateRemote},
			check: func(g Gomega, p Plan) { g.Expect(p.Patch.Active).To(BeNil()) }},
		{name: "a generated Secret is stored before its value is sent", reason: "InSync",
			facts: with(fresh(), func(f *Facts) { f.Secret.Missing = true }),
			steps: []Step{AddFinalizer, StoreSecret, CreateRemote, RecordID, UpdateRemote}},
		{name: "a restored Secret is owned before its value is sent", reason: "InSync",
			facts: with(fresh(), func(f *Facts) { f.Secret.Metadata = true }),
			steps: []Step{AddFinalizer, WriteSecretMetadata, CreateRemote, RecordID, UpdateRemote}},
		{name: "a Secret that does not exist is waited for", reason: "SecretNotFound",
			facts: with(fresh(), func(f *Facts) { f.Secret.Problem = &status.Problem{Reason: "SecretNotFound"} })},
		{name: "a create that may be in flight is waited out", facts: with(fresh(), finalizer, inFlight),
			check: func(g Gomega, p Plan) { g.Expect(p.Outcome.Await).To(BeTrue()) }},
		{name: "a create that left nothing is repeated", reason: "InSync",
			facts: with(fresh(), finalizer, inFlight, func(f *Facts) { f.Attempt.Settled = true }),
			steps: []Step{CreateRemote, RecordID, UpdateRemote}},
		{name: "a marked webhook of an interrupted create is adopted, and the secret is sent", reason: "InSync",
			facts: with(fresh(), finalizer, inFlight, marked(false)),
			steps: []Step{AdoptRemote, RecordID, UpdateRemote},
			check: func(g Gomega, p Plan) {
				g.Expect(p.sendSecret).To(BeTrue())
				g.Expect(p.Patch.Active).To(HaveValue(BeTrue()))
				g.Expect(p.Patch.CallbackURL).To(Equal(callback))
				g.Expect(p.Target).To(Equal("0f"))
			}},
		{name: "a marked webhook is adopted although its finalizer was stripped", reason: "InSync",
			facts: with(fresh(), inFlight, marked(false)),
			steps: []Step{AddFinalizer, AdoptRemote, RecordID, UpdateRemote}},
		{name: "an adoption waits while the cache may lag",
			facts: with(fresh(), func(f *Facts) { f.Adoptable, f.Attempt.WarmUp = &match, time.Second }),
			check: func(g Gomega, p Plan) { g.Expect(p.Outcome.Retry).To(Equal(time.Second)) }},
		{name: "a refused create is not repeated",
			facts: with(fresh(), createRefused), reason: "Refused",
			check: func(g Gomega, p Plan) { g.Expect(p.Outcome.Retry).To(Equal(time.Hour)) }},
		{name: "a refused create is repeated after a while", reason: "InSync",
			facts: with(fresh(), createRefused, func(f *Facts) { f.Now = f.Now.Add(time.Hour) }),
			steps: []Step{AddFinalizer, CreateRemote, RecordID, UpdateRemote}},
		{name: "a refused create is repeated after a change of the spec", reason: "InSync",
			facts: with(fresh(), createRefused, edited),
			steps: []Step{AddFinalizer, CreateRemote, RecordID, UpdateRemote}},
		{name: "a refused create is repeated on request", reason: "InSync",
			facts: with(fresh(), annotated(itwinv1alpha1.ReconcileRequestedAtAnnotation, "now"),
				createRefused),
			steps: []Step{AddFinalizer, CreateRemote, RecordID, UpdateRemote}},
		{name: "a refused create is repeated with another secret", reason: "InSync",
			facts: with(fresh(), createRefused, func(f *Facts) { f.Secret.Fingerprint = "f8" }),
			steps: []Step{AddFinalizer, CreateRemote, RecordID, UpdateRemote}},
		{name: "a match is adopted", reason: "InSync",
			facts: with(fresh(), func(f *Facts) { f.Adoptable = &match }),
			steps: []Step{AddFinalizer, AdoptRemote, RecordID, UpdateRemote}},
		{name: "a match that the snapshot may lack is waited for before a create",
			facts: with(fresh(), func(f *Facts) { f.AdoptionWaitSince = f.Now })},
		{name: "a match that the snapshot has is adopted at once", reason: "InSync",
			facts: with(fresh(), func(f *Facts) { f.AdoptionWaitSince, f.Adoptable = f.Now, &match }),
			steps: []Step{AddFinalizer, AdoptRemote, RecordID, UpdateRemote}},

		{name: "a stored callback that carries a mark is not sent", reason: "Refused",
			facts: with(fresh(), func(f *Facts) { f.Webhook.Spec.CallbackURL += "?itwin-webhook=another" }),
			check: func(g Gomega, p Plan) { g.Expect(p.Outcome.Stalled).To(BeTrue()) }},

		// Import.
		{name: "an import through a connection that allows none is refused", reason: "ConnectionNotAllowed",
			facts: with(settled(), asksFor(anID), func(f *Facts) { f.Connection.Adoption = false }),
			check: func(g Gomega, p Plan) {
				g.Expect(p.Outcome.Stalled).To(BeFalse(), "the connection may be changed next")
				g.Expect(p.Outcome.Message).To(ContainSubstring("allowAdoption"))
			}},
		{name: "an import of a missing webhook is reported as NotFound", reason: "NotFound",
			facts: with(settled(), asksFor(anID), goneRemote)},
		{name: "an annotation without proof that names nothing is ignored", reason: "InSync",
			facts: with(fresh(), func(f *Facts) { f.Identity.Requested, f.Presence = anID, fleet.Gone }),
			steps: []Step{AddFinalizer, CreateRemote, RecordID, UpdateRemote}},
		{name: "an import of an unlisted webhook is confirmed by a read", steps: []Step{ConfirmRemote},
			facts: with(settled(), asksFor(anID), missing)},
		{name: "a webhook of another iTwin is not imported", reason: "Refused",
			facts: with(settled(), asksFor(anID), func(f *Facts) {
				f.Remote.Scope, f.Remote.ScopeID = platform.ScopeITwin, "5c9d64cf-d22f-4149-ad08-c24ff395c3a1"
			}),
			check: func(g Gomega, p Plan) {
				g.Expect(p.Outcome.Stalled).To(BeTrue())
				g.Expect(p.Outcome.Message).To(ContainSubstring("5c9d64cf-d22f-4149-ad08-c24ff395c3a1"))
			}},
		{name: "a webhook that another Webhook is creating is not imported", reason: "AlreadyClaimed",
			facts: with(settled(), asksFor(anID), func(f *Facts) { f.Remote.Mark = "another" })},
		{name: "a webhook that another Webhook owns is not imported", reason: "AlreadyClaimed",
			facts: with(settled(), asksFor(anID), func(f *Facts) { f.ConflictingOwner = "other/older" }),
			check: func(g Gomega, p Plan) {
				g.Expect(p.Outcome.Stalled).To(BeTrue())
				g.Expect(p.Outcome.Message).To(ContainSubstring("belongs to a Webhook in another namespace"))
			}},
		{name: "an import waits for a Webhook that owns it and is being deleted", reason: "AlreadyClaimed",
			facts: with(settled(), asksFor(anID), func(f *Facts) { f.ConflictingOwner, f.OwnerLeaves = "other/older", true }),
			check: func(g Gomega, p Plan) {
				g.Expect(p.Outcome.Reconciling).To(BeTrue())
				g.Expect(p.Outcome.Message).To(ContainSubstring("is being deleted"))
			}},
		{name: "an import that is not allowed does not report the conflicting owner", reason: "ConnectionNotAllowed",
			facts: with(settled(), asksFor(anID), func(f *Facts) {
				f.ConflictingOwner, f.Connection.Adoption = "other/older", false
			})},
		{name: "an import waits while the cache may lag",
			facts: with(settled(), asksFor(anID), func(f *Facts) { f.Attempt.WarmUp = time.Second }),
			check: func(g Gomega, p Plan) { g.Expect(p.Outcome.Retry).To(Equal(time.Second)) }},

		// Staying in sync.
		{name: "a webhook in sync is not changed", facts: settled(), reason: "InSync",
			check: func(g Gomega, p Plan) { g.Expect(p.Outcome.Applied).To(BeTrue()) }},
		{name: "a lost finalizer and a lost proof are written again", reason: "InSync",
			facts: with(settled(), unproven, func(f *Facts) { f.Webhook.Finalizers = nil }),
			steps: []Step{AddFinalizer, RecordID}},
		{name: "a lost finalizer and a lost proof are written again although the update was refused", reason: "Refused",
			facts: with(settled(), unproven, edited, func(f *Facts) {
				f.Webhook.Finalizers, f.Remote.CallbackURL = nil, "https://old"
			}, updateRefused(platform.Patch{CallbackURL: callback})),
			steps: []Step{AddFinalizer, RecordID}},
		{name: "several differences are sent in one update", reason: "InSync",
			facts: with(settled(), edited, specOff, func(f *Facts) {
				f.Remote.CallbackURL, f.Remote.EventTypes, f.Secret.Fingerprint = "https://old", []string{"x.y.v1"}, "f8"
			}),
			steps: []Step{UpdateRemote},
			check: func(g Gomega, p Plan) {
				g.Expect(p.Patch.CallbackURL).To(Equal(callback))
				g.Expect(p.Patch.EventTypes).To(Equal([]string{"a.b.v1", "c.d.v1"}))
				g.Expect(p.Patch.Active).To(HaveValue(BeFalse()))
				g.Expect(p.sendSecret).To(BeTrue())
				g.Expect(p.Cause).To(Equal(CauseSpec))
			}},
		{name: "the order of event types is no difference", reason: "InSync",
			facts: with(settled(), func(f *Facts) { slices.Reverse(f.Remote.EventTypes) })},
		{name: "drift is reported without the query of the URL", reason: "InSync", steps: []Step{UpdateRemote},
			facts: with(settled(), func(f *Facts) { f.Remote.CallbackURL = "https://evil?sig=secret" }),
			check: func(g Gomega, p Plan) {
				g.Expect(p.Cause).To(Equal(CauseDrift))
				g.Expect(p.Drift).To(ContainSubstring("https://evil"))
				g.Expect(p.Drift).NotTo(ContainSubstring("sig"))
			}},
		{name: "a difference of a generation that was not applied is not drift",
			reason: "InSync", steps: []Step{UpdateRemote},
			facts: with(settled(), func(f *Facts) {
				f.Remote.CallbackURL, f.Webhook.Status.AppliedGeneration = "https://old", 0
			}),
			check: func(g Gomega, p Plan) { g.Expect(p.Cause).To(Equal(CauseSpec)) }},
		{name: "a callback in another spelling is no difference", reason: "InSync",
			facts: with(settled(), func(f *Facts) {
				f.Webhook.Spec.CallbackURL, f.Remote.CallbackURL = "https://h.example.com", "https://H.example.com:443/"
			})},
		{name: "a refused update is reported again and not sent", reason: "Refused",
			facts: with(settled(), edited, func(f *Facts) { f.Remote.CallbackURL = "https://old" },
				updateRefused(platform.Patch{CallbackURL: callback})),
			check: func(g Gomega, p Plan) { g.Expect(p.Outcome.Retry).To(Equal(time.Hour)) }},
		{name: "a refused update does not hold back the secret", reason: "Refused", steps: []Step{UpdateRemote},
			facts: with(settled(), edited, func(f *Facts) {
				f.Remote.CallbackURL, f.Secret.Fingerprint = "https://old", "f8"
			}, updateRefused(platform.Patch{CallbackURL: callback})),
			check: func(g Gomega, p Plan) {
				g.Expect(p.Patch).To(Equal(platform.Patch{}))
				g.Expect(p.sendSecret).To(BeTrue())
			}},
		{name: "a refused update does not hold back a reactivation", reason: "Refused",
			steps: []Step{NoteDeactivation, UpdateRemote},
			facts: with(settled(), remoteOff, func(f *Facts) { f.Remote.CallbackURL = "https://old" },
				updateRefused(platform.Patch{CallbackURL: callback, Active: new(true)})),
			check: func(g Gomega, p Plan) { g.Expect(p.Patch).To(Equal(platform.Patch{Active: new(true)})) }},
		{name: "a reactivation that was refused without the spec, too, waits",
			reason: "Refused", steps: []Step{NoteDeactivation},
			facts: with(settled(), remoteOff, func(f *Facts) { f.Remote.CallbackURL = "https://old" },
				updateRefused(platform.Patch{CallbackURL: callback, Active: new(true)}),
				updateRefused(platform.Patch{Active: new(true)}))},
		{name: "a webhook that is on although the spec says off is drift",
			reason: "InSync", steps: []Step{UpdateRemote},
			facts: with(settled(), specOff, statusOff),
			check: func(g Gomega, p Plan) { g.Expect(p.Cause).To(Equal(CauseDrift)) }},

		// Secrets.
		{name: "another secret value is sent alone", reason: "InSync", steps: []Step{UpdateRemote},
			facts: with(settled(), func(f *Facts) { f.Secret.Version, f.Secret.Fingerprint = "8", "f8" }),
			check: func(g Gomega, p Plan) {
				g.Expect(p.Patch.Empty()).To(BeTrue())
				g.Expect(p.Cause).To(Equal(CauseRotation))
			}},
		{name: "the same value under another name and version is not sent", reason: "InSync",
			facts: with(settled(), edited, func(f *Facts) { f.Secret.Name, f.Secret.Version = "other", "8" })},
		{name: "an object of version 0.1.0 without a fingerprint is in sync", reason: "InSync",
			facts: with(settled(), func(f *Facts) { f.Webhook.Status.SecretFingerprint = "" })},
		{name: "a missing Secret holds other changes back", reason: "SecretNotFound",
			facts: with(settled(), edited, func(f *Facts) {
				f.Remote.CallbackURL, f.Secret.Problem = "https://old", &status.Problem{Reason: "SecretNotFound"}
			})},
		{name: "turning off is sent without a secret that cannot be read",
			reason: "SecretNotFound", steps: []Step{UpdateRemote},
			facts: with(settled(), edited, specOff, func(f *Facts) {
				f.Remote.CallbackURL, f.Secret.Problem = "https://old", &status.Problem{Reason: "SecretNotFound"}
			}),
			check: func(g Gomega, p Plan) {
				g.Expect(p.WithoutSecret).To(BeTrue())
				g.Expect(p.Patch).To(Equal(platform.Patch{Active: new(false)}))
			}},
		{name: "a rotated value is stored before it is sent",
			reason: "InSync", steps: []Step{StoreSecret, UpdateRemote},
			facts: with(settled(), func(f *Facts) { f.Secret.Rotate = true })},
		{name: "a rotation waits until the platform has the previous value", steps: []Step{UpdateRemote},
			facts: with(settled(), func(f *Facts) { f.Secret.Rotate, f.Secret.Fingerprint = true, "f8" })},
		{name: "a secret value that may not have arrived is sent again", reason: "InSync", steps: []Step{UpdateRemote},
			facts: with(settled(), func(f *Facts) { f.Secret.Sent = UnknownSecret })},

		// Changes by others.
		{name: "a modification by another client without a visible difference sends the secret again",
			reason: "InSync", steps: []Step{UpdateRemote},
			facts: with(settled(), changedByAnother),
			check: func(g Gomega, p Plan) { g.Expect(p.Cause).To(Equal(CauseDrift)) }},
		{name: "a modification by another client while off sends no secret", reason: "InSync",
			facts: with(settled(), changedByAnother, specOff, remoteOff, statusOff)},
		{name: "a modification by this process is not drift", reason: "InSync",
			facts: with(settled(), changedByAnother, func(f *Facts) { f.Modified = f.Remote.Modified })},
		{name: "a list older than the last write is confirmed by a read", steps: []Step{ConfirmRemote},
			facts: with(settled(), outdated, remoteOff)},
		{name: "a read older than the last write is believed", reason: "Deactivated",
			steps: []Step{NoteDeactivation}, facts: with(settled(), outdated, remoteOff, onRequest, func(f *Facts) {
				f.Confirmed = true
			})},
		{name: "a list older than the last write without a difference is not confirmed", reason: "InSync",
			facts: with(settled(), outdated, func(f *Facts) { f.Modified = f.Remote.Modified })},
		{name: "times without a fraction are compared to the second", reason: "InSync",
			facts: with(settled(), func(f *Facts) {
				f.Webhook.Status.Modified, f.Remote.Modified = PlatformTime(noon.Add(5*time.Millisecond)), noon
			})},
		{name: "times that move without a write are ignored", reason: "InSync",
			facts: with(settled(), changedByAnother, func(f *Facts) { f.Restless = fleet.Restless })},
		{name: "times that all move at once wait for another list",
			facts: with(settled(), changedByAnother, func(f *Facts) { f.Restless = fleet.Suspect }),
			check: func(g Gomega, p Plan) { g.Expect(p.Outcome.Await).To(BeTrue()) }},
		{name: "a webhook that another client keeps changing is corrected after a pause", reason: "Drifted",
			facts: with(settled(), changedByAnother, func(f *Facts) { f.ContestedUntil = noon.Add(time.Minute) }),
			check: func(g Gomega, p Plan) { g.Expect(p.Outcome.Retry).To(Equal(time.Minute)) }},

		// Duplicates.
		{name: "a second webhook of an interrupted create is removed", reason: "InSync", steps: []Step{RemoveOther},
			facts: with(settled(), marked(false)),
			check: func(g Gomega, p Plan) { g.Expect(p.Other.ID).To(Equal("0f")) }},
		{name: "a second webhook that is active is not removed",
			reason: "InSync", facts: with(settled(), marked(true))},
		{name: "a second webhook is not removed while the cache may lag", reason: "InSync",
			facts: with(settled(), marked(false), func(f *Facts) { f.Attempt.WarmUp = time.Second })},

		// Moving.
		{name: "a move creates a webhook in the new account before the former one is deleted", reason: "InSync",
			facts: with(settled(), moved), steps: []Step{GiveUpID, CreateRemote, RecordID, UpdateRemote},
			check: func(g Gomega, p Plan) { g.Expect(p.Former).To(Equal([]proof.Remote{owned})) }},
		{name: "a former webhook is deleted when the new one matches", reason: "InSync",
			facts: with(settled(), gaveUp(anotherAccount, "0f", Reachable, fleet.Present, true)),
			steps: []Step{RemoveOther, DropFormer}},
		{name: "a former webhook is kept while the new one does not match", reason: "InSync",
			facts: with(settled(), remoteOff, func(f *Facts) { f.Webhook.Status.Active = nil },
				gaveUp(anotherAccount, "0f", Reachable, fleet.Present, true)),
			steps: []Step{UpdateRemote}},
		{name: "Retain drops a former webhook from the list and keeps it on the platform", reason: "InSync",
			facts: with(settled(), retained, gaveUp(anotherAccount, "0f", Reachable, fleet.Present, true)),
			steps: []Step{DropFormer}},
		{name: "a former webhook that no connection allows is turned off", reason: "InSync",
			facts: with(settled(), gaveUp(anotherAccount, "0f", Forbidden, fleet.Present, true)),
			steps: []Step{RemoveOther}, check: func(g Gomega, p Plan) { g.Expect(p.Other.TurnOff).To(BeTrue()) }},
		{name: "a former webhook that is off and not allowed is not changed", reason: "InSync",
			facts: with(settled(), gaveUp(anotherAccount, "0f", Forbidden, fleet.Present, false))},
		{name: "a former webhook that is missing stays on the list", reason: "InSync",
			facts: with(settled(), gaveUp(anAccount, "0f", Reachable, fleet.Missing, false))},
		{name: "a move back adopts the former webhook", reason: "InSync",
			facts: with(settled(), moved, gaveUp(anotherAccount, "0f", Reachable, fleet.Present, true)),
			steps: []Step{GiveUpID, AdoptRemote, RecordID, UpdateRemote},
			check: func(g Gomega, p Plan) { g.Expect(p.Target).To(Equal("0f")) }},
		{name: "a full list of former webhooks holds the next create back", reason: "LeftBehind",
			facts: with(settled(), moved, func(f *Facts) {
				for i := range maxFormer {
					gaveUp("gone/1", fmt.Sprint("id-", i), Unreachable, fleet.Unseen, false)(f)
				}
			})},
		{name: "a former webhook that is gone is dropped from a full list", reason: "InSync",
			facts: with(settled(), goneRemote, func(f *Facts) {
				for i := range maxFormer {
					gaveUp(anAccount, fmt.Sprint("id-", i), Reachable, fleet.Gone, false)(f)
				}
			}),
			steps: []Step{GiveUpID, CreateRemote, RecordID, UpdateRemote},
			check: func(g Gomega, p Plan) { g.Expect(p.Former).To(HaveLen(maxFormer)) }},
		{name: "a former webhook is not dropped from a full list while the spec was never applied",
			reason: "LeftBehind",
			facts: with(settled(), goneRemote, func(f *Facts) {
				f.Webhook.Status.AppliedGeneration = 0
				for i := range maxFormer {
					gaveUp(anAccount, fmt.Sprint("id-", i), Reachable, fleet.Gone, false)(f)
				}
			})},

		// Deactivation.
		{name: "a deactivated webhook is noted, then turned on", facts: with(settled(), remoteOff),
			reason: "InSync", steps: []Step{NoteDeactivation, UpdateRemote},
			check: func(g Gomega, p Plan) { g.Expect(p.Cause).To(Equal(CauseReactivation)) }},
		{name: "OnRequest notes a deactivation and does not turn on", facts: with(settled(), remoteOff, onRequest),
			reason: "Deactivated", steps: []Step{NoteDeactivation}, check: stalled},
		{name: "OnRequest leaves a deactivated webhook off",
			facts: with(settled(), knownDeactivated, onRequest), reason: "Deactivated", check: stalled},
		{name: "OnRequest leaves a deactivated webhook off after an outage", reason: "Deactivated",
			facts: with(settled(), knownDeactivated, onRequest, func(f *Facts) {
				status.SetOnWebhook(&f.Webhook.Status, 1, status.ConditionsOf(status.OfProblem(status.Problem{Reason: "PlatformUnavailable"}))...)
			})},
		{name: "OnRequest leaves a deactivated webhook off although an older edit is waiting", reason: "Deactivated",
			facts: with(settled(), edited, knownDeactivated, onRequest, func(f *Facts) {
				deactivated := DeactivatedCondition()
				status.SetOnWebhook(&f.Webhook.Status, 2, deactivated)
			})},
		{name: "a deactivation is counted while an edit is waiting", reason: "InSync",
			facts: with(settled(), remoteOff, func(f *Facts) { f.Webhook.Status.AppliedGeneration = 0 }),
			steps: []Step{NoteDeactivation, UpdateRemote}},
		{name: "OnRequest turns a deactivated webhook on when the annotation requests it",
			reason: "InSync", steps: []Step{UpdateRemote},
			facts: with(settled(), knownDeactivated, onRequest, annotated(itwinv1alpha1.ReactivateRequestedAtAnnotation, "now")),
			check: func(g Gomega, p Plan) { g.Expect(p.Cause).To(Equal(CauseReactivation)) }},
		{name: "OnRequest turns a deactivated webhook on when the spec changes",
			facts:  with(settled(), knownDeactivated, onRequest, edited),
			reason: "InSync", steps: []Step{UpdateRemote}},
		{name: "OnRequest ignores a reactivation request that was handled", reason: "Deactivated",
			facts: with(settled(), knownDeactivated, onRequest,
				annotated(itwinv1alpha1.ReactivateRequestedAtAnnotation, "now"),
				func(f *Facts) { f.Webhook.Status.LastHandledReactivateAt = "now" })},
		{name: "a deactivated webhook is not turned on before nextReactivationTime", reason: "Deactivated",
			facts: with(settled(), knownDeactivated, func(f *Facts) {
				next := metav1.NewMicroTime(noon.Add(time.Minute))
				f.Webhook.Status.NextReactivationTime = &next
			}),
			check: func(g Gomega, p Plan) {
				g.Expect(p.Outcome.Retry).To(Equal(time.Minute))
				g.Expect(p.Outcome.Reconciling).To(BeTrue())
			}},
		{name: "a webhook that was never active is not counted as deactivated",
			reason: "InSync", steps: []Step{UpdateRemote},
			facts: with(settled(), remoteOff, func(f *Facts) { f.Webhook.Status.Active = nil })},
		{name: "a status about another webhook id is not counted as deactivation",
			reason: "InSync", steps: []Step{UpdateRemote},
			facts: with(settled(), remoteOff, func(f *Facts) { f.Webhook.Status.WebhookID = "another" })},
		{name: "a webhook that the spec turns on again is not counted as deactivated",
			reason: "InSync", steps: []Step{UpdateRemote},
			facts: with(settled(), remoteOff, statusOff, edited),
			check: func(g Gomega, p Plan) { g.Expect(p.Cause).To(Equal(CauseActivation)) }},

		// Loss.
		{name: "an unconfirmed absence is confirmed by a read",
			facts: with(settled(), missing), steps: []Step{ConfirmRemote}},
		{name: "an absence that a read shows is confirmed by a list",
			facts: with(settled(), func(f *Facts) { f.Presence = fleet.Absent }),
			check: func(g Gomega, p Plan) { g.Expect(p.Outcome.Await).To(BeTrue()) }},
		{name: "a webhook that is gone is listed as former before another is created",
			facts:  with(settled(), goneRemote),
			reason: "InSync", steps: []Step{GiveUpID, CreateRemote, RecordID, UpdateRemote},
			check: func(g Gomega, p Plan) { g.Expect(p.Former).To(Equal([]proof.Remote{owned})) }},
		{name: "an imported webhook that is gone is not recreated", reason: "NotFound",
			facts: with(settled(), goneRemote, func(f *Facts) { f.Webhook.Spec.WebhookID = anID })},
		{name: "an import does not replace an owned webhook", reason: "AlreadyClaimed",
			facts: with(settled(), func(f *Facts) { f.Webhook.Spec.WebhookID = "another" })},
		{name: "a marked webhook of an interrupted create replaces a webhook that is gone", reason: "InSync",
			facts: with(settled(), goneRemote, marked(false)),
			steps: []Step{GiveUpID, AdoptRemote, RecordID, UpdateRemote}},
		{name: "a webhook that an older Webhook owns is reported as AlreadyClaimed", reason: "AlreadyClaimed",
			facts: with(settled(), func(f *Facts) { f.ConflictingOwner = f.Webhook.Namespace + "/older" }),
			check: func(g Gomega, p Plan) {
				g.Expect(p.Outcome.Message).To(ContainSubstring("belongs to Webhook "), "its own namespace is told")
				g.Expect(p.Outcome.Message).To(ContainSubstring("/older"))
			}},

		// Connection.
		{name: "a missing connection is reported", facts: with(settled(), connectionProblem("ConnectionNotFound")),
			reason: "ConnectionNotFound"},
		{name: "refused credentials are not reported on a webhook in sync",
			facts: with(settled(), connectionProblem("ConnectionNotReady"))},
		{name: "an outage is not reported on a webhook in sync",
			facts: with(settled(), connectionProblem("PlatformUnavailable"))},
		{name: "an outage is reported while an edit is waiting",
			facts:  with(settled(), edited, connectionProblem("PlatformUnavailable")),
			reason: "PlatformUnavailable"},
		{name: "an outage that the status tells already keeps its words",
			facts: with(settled(), edited, connectionProblem("PlatformUnavailable"), func(f *Facts) {
				said := status.Waiting("PlatformUnavailable", "in other words")
				status.SetOnWebhook(&f.Webhook.Status, f.Generation, status.ConditionsOf(said)...)
			})},
		{name: "a webhook is not changed before the first list",
			facts: with(settled(), func(f *Facts) { f.Connection.Synced = false })},
		{name: "a webhook that is no longer allowed is turned off, not deleted", reason: "ConnectionNotAllowed",
			facts: with(settled(), notAllowed), steps: []Step{NoteTurningOff, UpdateRemote},
			check: func(g Gomega, p Plan) {
				g.Expect(p.Patch).To(Equal(platform.Patch{Active: new(false)}))
				g.Expect(p.WithoutSecret).To(BeTrue())
			}},
		{name: "suspend does not keep a webhook on that is no longer allowed", reason: "ConnectionNotAllowed",
			facts: with(settled(), notAllowed, suspended), steps: []Step{NoteTurningOff, UpdateRemote}},
		{name: "a dangling connectionRef does not keep a webhook on that is no longer allowed",
			reason: "ConnectionNotFound",
			facts:  with(settled(), connectionProblem("ConnectionNotFound"), func(f *Facts) { f.Holder.Reach = Forbidden }),
			steps:  []Step{NoteTurningOff, UpdateRemote}},
		{name: "a webhook that an object requests but does not own is not turned off", reason: "ConnectionNotAllowed",
			facts: with(settled(), notAllowed, asksFor(anID))},
		{name: "a webhook of a conflicting owner is not turned off", reason: "ConnectionNotAllowed",
			facts: with(settled(), notAllowed, func(f *Facts) { f.ConflictingOwner = "other/older" })},
		{name: "a suspended object sends nothing", steps: nil, reason: "Suspended",
			facts: with(settled(), edited, remoteOff, suspended)},
		{name: "a suspended object that was never reconciled sends nothing", steps: nil, reason: "Suspended",
			facts: with(fresh(), suspended)},

		// Deletion.
		{name: "a deleted object deletes its webhook", facts: with(settled(), deleted),
			steps: []Step{DeleteRemote, RemoveFinalizer}},
		{name: "a deleted object with Retain keeps its webhook",
			steps: []Step{RemoveFinalizer}, facts: with(settled(), deleted, retained)},
		{name: "Retain turns off a webhook that is no longer allowed before the finalizer is removed",
			steps: []Step{UpdateRemote, RemoveFinalizer},
			facts: with(settled(), deleted, retained, notAllowed)},
		{name: "Retain waits for the end of an outage when the webhook is no longer allowed", reason: "Deleting",
			facts: with(settled(), deleted, retained, notAllowed, func(f *Facts) { f.Holder.Failure = errors.New("no answer") })},
		{name: "a suspended object turns off a webhook that is no longer allowed before the finalizer is removed",
			steps: []Step{UpdateRemote, RemoveFinalizer},
			facts: with(settled(), deleted, suspended, notAllowed)},
		{name: "a deleted object keeps the webhook of a conflicting owner", steps: []Step{RemoveFinalizer},
			facts: with(settled(), deleted, func(f *Facts) { f.ConflictingOwner = "other/older" })},
		{name: "a deleted object keeps a webhook that it requests but does not own", steps: []Step{RemoveFinalizer},
			facts: with(settled(), deleted, notAllowed, asksFor(anID))},
		{name: "an outage is reported on a deleted object", reason: "Deleting",
			facts: with(settled(), deleted, func(f *Facts) { f.Holder.Failure = errors.New("no answer") }),
			check: func(g Gomega, p Plan) { g.Expect(p.Outcome.Message).To(ContainSubstring("no answer")) }},
		{name: "an account that no connection reaches is reported on a deleted object", reason: "Deleting",
			facts: with(settled(), deleted, func(f *Facts) { f.Holder.Reach = Unreachable }),
			check: func(g Gomega, p Plan) {
				g.Expect(p.Outcome.Message).To(ContainSubstring(anAccount))
				g.Expect(p.Outcome.Message).To(ContainSubstring("Retain"))
			}},
		{name: "a deletion before any create needs no connection", steps: []Step{RemoveFinalizer},
			facts: with(fresh(), finalizer, deleted, connectionProblem("ConnectionNotFound"), func(f *Facts) {
				f.Connection.Synced = false
			})},
		{name: "a deletion while a create may be in flight needs a connection", reason: "Deleting",
			facts: with(fresh(), finalizer, deleted, inFlight, connectionProblem("ConnectionNotFound"), func(f *Facts) {
				f.Connection.Synced = false
			}),
			check: func(g Gomega, p Plan) { g.Expect(p.Outcome.Message).To(ContainSubstring("Retain")) }},
		{name: "a deleted object removes the marked webhook of an interrupted create", steps: []Step{RemoveOther},
			facts: with(fresh(), finalizer, deleted, inFlight, marked(false))},
		{name: "a deletion waits while a create may be in flight", facts: with(fresh(), finalizer, deleted, inFlight),
			check: func(g Gomega, p Plan) { g.Expect(p.Outcome.Await).To(BeTrue()) }},
		{name: "a deletion confirms that an unlisted webhook is gone", steps: []Step{ConfirmRemote},
			facts: with(settled(), deleted, missing)},
		{name: "a deletion sends nothing for a webhook that is gone", steps: []Step{RemoveFinalizer},
			facts: with(settled(), deleted, goneRemote)},
		{name: "a deletion removes former webhooks", steps: []Step{RemoveOther, DropFormer},
			facts: with(settled(), deleted, goneRemote, gaveUp(anotherAccount, "0f", Reachable, fleet.Present, true))},
		{name: "a deletion removes the owned webhook before the former ones", steps: []Step{DeleteRemote},
			facts: with(settled(), deleted, gaveUp(anotherAccount, "0f", Reachable, fleet.Present, true))},
		{name: "a former webhook that cannot be reached is reported on a deleted object", reason: "Deleting",
			facts: with(settled(), deleted, goneRemote, gaveUp(anotherAccount, "0f", Unreachable, fleet.Unseen, false)),
			check: func(g Gomega, p Plan) { g.Expect(p.Outcome.Message).To(ContainSubstring(anotherAccount)) }},
		{name: "a deletion is sent through a connection that was deleted from the cluster",
			steps: []Step{DeleteRemote, RemoveFinalizer},
			facts: with(settled(), deleted, connectionProblem("ConnectionNotFound"))},
		{name: "a deleted object without the finalizer has no steps", facts: with(fresh(), deleted)},
		{name: "a deletion removes a webhook that is no longer allowed",
			facts: with(settled(), deleted, notAllowed), steps: []Step{DeleteRemote, RemoveFinalizer}},
		{name: "Retain waits for the first list when the webhook is no longer allowed",
			facts: with(settled(), deleted, retained, notAllowed, func(f *Facts) {
				f.Holder.Synced, f.Presence = false, fleet.Unseen
			}),
			check: func(g Gomega, p Plan) { g.Expect(p.Outcome.Await).To(BeTrue()) }},
		{name: "Retain confirms the absence of a webhook that is no longer allowed", steps: []Step{ConfirmRemote},
			facts: with(settled(), deleted, retained, notAllowed, missing)},
		{name: "Retain removes the finalizer once a webhook that is no longer allowed is off",
			steps: []Step{RemoveFinalizer},
			facts: with(settled(), deleted, retained, notAllowed, remoteOff)},
		{name: "Retain waits for the login of a connection that no longer allows the webhook", reason: "Deleting",
			facts: with(settled(), deleted, retained, notAllowed, func(f *Facts) {
				f.Connection.Account, f.Connection.Synced, f.Holder.Reach = "", false, Unreachable
				f.Holder.Synced, f.Presence = false, fleet.Unseen
			}),
			check: func(g Gomega, p Plan) {
				g.Expect(p.Steps).To(BeEmpty())
				g.Expect(p.Outcome.Message).To(ContainSubstring("has not logged in"))
			}},
		{name: "Retain removes the finalizer without a reachable connection", steps: []Step{RemoveFinalizer},
			facts: with(settled(), deleted, retained, func(f *Facts) { f.Holder.Reach = Unreachable })},
	})
}

func TestDecideSecret(t *testing.T) {
	invalid := func(f *Facts) {
		f.Secret.Loaded, f.Secret.Problem, f.Secret.Retry = false, &status.Problem{Reason: "SecretInvalid"}, time.Minute
	}
	rotate := func(f *Facts) { f.Secret.Rotate = true }
	testDecisions(t, []decision{
		{name: "a Secret that was deleted is generated and sent",
			reason: "InSync", steps: []Step{StoreSecret, UpdateRemote},
			facts: with(settled(), func(f *Facts) { f.Secret.Missing, f.Secret.Loaded = true, false })},
		{name: "a Secret that lacks its owner is owned without an update", reason: "InSync",
			facts: with(settled(), func(f *Facts) { f.Secret.Metadata = true }), steps: []Step{WriteSecretMetadata}},
		{name: "an edit of secretTemplate writes the Secret, and nothing remote", reason: "InSync",
			facts: with(settled(), edited, func(f *Facts) { f.Secret.Metadata = true }), steps: []Step{WriteSecretMetadata},
			check: func(g Gomega, p Plan) { g.Expect(p.Outcome.Applied || p.Outcome.Ready).To(BeTrue()) }},
		{name: "a secret value that may not have arrived is sent before a rotation", steps: []Step{UpdateRemote},
			facts: with(settled(), rotate, func(f *Facts) { f.Secret.Sent = UnknownSecret }),
			check: func(g Gomega, p Plan) { g.Expect(p.Outcome.Retry).To(Equal(status.Again)) }},
		{name: "an invalid Secret is reported and read again", reason: "SecretInvalid",
			facts: with(settled(), invalid),
			check: func(g Gomega, p Plan) { g.Expect(p.Outcome.Retry).To(Equal(time.Minute)) }},
		{name: "a webhook with an invalid Secret is not turned on",
			reason: "SecretInvalid", steps: []Step{NoteDeactivation},
			facts: with(settled(), remoteOff, invalid),
			check: func(g Gomega, p Plan) { g.Expect(p.Patch.Empty()).To(BeTrue()) }},
		{name: "an invalid Secret holds a rotation back",
			reason: "SecretInvalid", facts: with(settled(), rotate, invalid)},
		{name: "an invalid Secret holds an import back", reason: "SecretInvalid",
			facts: with(settled(), asksFor(anID), remoteOff, invalid)},
		{name: "an invalid Secret holds a replacement back", reason: "SecretInvalid",
			facts: with(settled(), goneRemote, invalid)},
		{name: "a change by another client and another secret value are one update",
			reason: "InSync", steps: []Step{UpdateRemote},
			facts: with(settled(), changedByAnother, func(f *Facts) { f.Secret.Fingerprint = "f8" }),
			check: func(g Gomega, p Plan) { g.Expect(p.Cause).To(Equal(CauseRotation)) }},
		{name: "a pause after contested changes does not hold another secret value back",
			reason: "InSync", steps: []Step{UpdateRemote},
			facts: with(settled(), changedByAnother, func(f *Facts) {
				f.Secret.Fingerprint, f.ContestedUntil = "f8", noon.Add(time.Minute)
			})},
		{name: "a pause after contested changes does not hold an edit back",
			reason: "InSync", steps: []Step{UpdateRemote},
			facts: with(settled(), edited, func(f *Facts) {
				f.Remote.CallbackURL, f.ContestedUntil = "https://old", noon.Add(time.Minute)
			})},
		{name: "a reconcile request ends a pause after contested changes",
			reason: "InSync", steps: []Step{UpdateRemote},
			facts: with(settled(), changedByAnother, annotated(itwinv1alpha1.ReconcileRequestedAtAnnotation, "now"),
				func(f *Facts) { f.ContestedUntil = noon.Add(time.Minute) })},
		{name: "a pause after contested changes ends at its time", reason: "InSync", steps: []Step{UpdateRemote},
			facts: with(settled(), changedByAnother, func(f *Facts) { f.ContestedUntil = noon })},
	})
}

func TestNextReactivation(t *testing.T) {
	g := NewWithT(t)
	w := &itwinv1alpha1.Webhook{}
	micro := func(at time.Time) *metav1.MicroTime { m := metav1.NewMicroTime(at); return &m }
	g.Expect(NextReactivation(w, noon)).To(BeNil(), "the first is at once")

	now, pauses := noon, []time.Duration{}
	for range 12 {
		next := NextReactivation(w, now)
		w.Status.LastDeactivationTime = micro(now)
		on := now
		if next != nil {
			on = next.Time
		}
		pauses = append(pauses, on.Sub(now))
		w.Status.LastReactivationTime = micro(on)
		now = on.Add(time.Minute)
	}
	g.Expect(pauses).To(HaveExactElements(
		time.Duration(0), 10*time.Second, 20*time.Second, 40*time.Second, 80*time.Second, 160*time.Second,
		320*time.Second, 640*time.Second, 1280*time.Second, 2560*time.Second, time.Hour, time.Hour))

	g.Expect(NextReactivation(w, w.Status.LastReactivationTime.Add(time.Hour))).To(BeNil(),
		"it has stayed on for long enough")
}

func TestFingerprintsTellRequestsApart(t *testing.T) {
	g := NewWithT(t)
	f := settled()
	p := Plan{Patch: platform.Patch{CallbackURL: "https://a"}}
	g.Expect(UpdateFingerprint(f, p)).To(Equal(UpdateFingerprint(f, p)))
	other := f
	other.Secret.Fingerprint = "f8"
	g.Expect(UpdateFingerprint(other, p)).NotTo(Equal(UpdateFingerprint(f, p)))
	g.Expect(CreateFingerprint(f)).NotTo(Equal(UpdateFingerprint(f, p)))
}

package controllers

import (
	"errors"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const (
	anID     = "e6989b43-53ab-45e2-a610-560c6f7e879e"
	callback = "https://hooks.example.com/itwin"
)

// given changes facts.
type given func(*facts)

// fresh are the facts about a Webhook that nobody has looked at, with a connection that is in order.
func fresh() facts {
	w := &v1alpha1.Webhook{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "digital-twin", Name: "model-events", UID: "uid", Generation: 1,
			CreationTimestamp: metav1.NewTime(noon.Add(-time.Hour)), Annotations: map[string]string{},
		},
		Spec: v1alpha1.WebhookSpec{
			CallbackURL: callback, Scope: v1alpha1.AccountScope, EventTypes: []string{"a.b.v1", "c.d.v1"},
			ReactivationPolicy: v1alpha1.ReactivateAlways, DeletionPolicy: v1alpha1.DeleteRemote,
		},
		Status: v1alpha1.WebhookStatus{ObservedGeneration: -1},
	}
	return facts{
		now: noon, webhook: w, generation: 1,
		connection: connectionFacts{synced: true},
		secret:     secretFacts{name: "model-events-webhook-secret", version: "7"},
	}
}

// settled are the facts about a Webhook that is in sync.
func settled() facts {
	f := fresh()
	f.id, f.presence = anID, fleet.Present
	f.remote = platform.Webhook{
		ID: anID, Scope: "Account", Active: true, CallbackURL: callback, EventTypes: []string{"a.b.v1", "c.d.v1"},
	}
	w, on := f.webhook, true
	w.Finalizers = []string{v1alpha1.WebhookFinalizer}
	w.Annotations[v1alpha1.WebhookIDAnnotation] = anID
	w.Status = v1alpha1.WebhookStatus{
		ObservedGeneration: 1, WebhookID: anID, Active: &on,
		SecretName: f.secret.name, SecretVersion: f.secret.version,
	}
	setConditions(&w.Status, 1, conditionsOf(inSync)...)
	return f
}

func with(f facts, changes ...given) facts {
	for _, change := range changes {
		change(&f)
	}
	return f
}

func finalizer(f *facts)  { f.webhook.Finalizers = []string{v1alpha1.WebhookFinalizer} }
func remoteOff(f *facts)  { f.remote.Active = false }
func specOff(f *facts)    { off := false; f.webhook.Spec.Active = &off }
func edited(f *facts)     { f.generation++; f.webhook.Generation++ }
func onRequest(f *facts)  { f.webhook.Spec.ReactivationPolicy = v1alpha1.ReactivateOnRequest }
func deleted(f *facts)    { now := metav1.NewTime(noon); f.webhook.DeletionTimestamp = &now }
func missing(f *facts)    { f.presence = fleet.Missing }
func goneRemote(f *facts) { f.presence = fleet.Gone }
func statusOff(f *facts)  { off := false; f.webhook.Status.Active = &off }

func knownDeactivated(f *facts) {
	statusOff(f)
	remoteOff(f)
	setConditions(&f.webhook.Status, 1, deactivatedCondition())
}

func declared(f *facts) { declare(f.webhook) }

func annotated(annotation, value string) given {
	return func(f *facts) { f.webhook.Annotations[annotation] = value }
}

func without(annotation string) given {
	return func(f *facts) { delete(f.webhook.Annotations, annotation) }
}

func troubled(reason string) given {
	return func(f *facts) { f.connection.problem = &problem{reason, "why"} }
}

func TestDecide(t *testing.T) {
	orphan := platform.Webhook{ID: "0f", CallbackURL: callback, EventTypes: []string{"a.b.v1", "c.d.v1"}}
	for _, c := range []struct {
		name  string
		facts facts
		steps []step
		// reason of the Ready condition that is reported; "" when nothing is.
		reason string
		check  func(Gomega, plan)
	}{
		// Creation.
		{name: "a new object is created and activated", facts: fresh(), reason: "InSync",
			steps: []step{addFinalizer, createRemote, recordID, updateRemote}},
		{name: "one that is to be off is not activated", facts: with(fresh(), specOff), reason: "InSync",
			steps: []step{addFinalizer, createRemote, recordID}},
		{name: "its secret is stored before the platform hears of it", reason: "InSync",
			facts: with(fresh(), func(f *facts) { f.secret.missing = true }),
			steps: []step{addFinalizer, storeSecret, createRemote, recordID, updateRemote}},
		{name: "a Secret that is not there is waited for", reason: "SecretNotFound",
			facts: with(fresh(), func(f *facts) { f.secret.problem = &problem{reason: "SecretNotFound"} })},
		{name: "an earlier attempt is waited out", facts: with(fresh(), finalizer),
			check: func(g Gomega, p plan) { g.Expect(p.verdict.await).To(BeTrue()) }},
		{name: "an attempt of this process is not", reason: "InSync",
			facts: with(fresh(), finalizer, declared, func(f *facts) { f.attempt.clean = true }),
			steps: []step{createRemote, recordID, updateRemote}},
		{name: "an attempt that left nothing is repeated", reason: "InSync",
			facts: with(fresh(), finalizer, declared, func(f *facts) { f.attempt.settled = true }),
			steps: []step{createRemote, recordID, updateRemote}},
		{name: "another one than was written down is written down first", reason: "InSync",
			facts: with(fresh(), finalizer, annotated(v1alpha1.CreatingAnnotation, `{"callbackUrl":"https://old.example.com"}`),
				func(f *facts) { f.attempt.settled = true }),
			steps: []step{recordIntent, createRemote, recordID, updateRemote}},
		{name: "what an attempt left may be another's while the cache may lag behind",
			facts: with(fresh(), finalizer, func(f *facts) { f.attempt.orphan, f.attempt.immature = &orphan, time.Second }),
			check: func(g Gomega, p plan) { g.Expect(p.verdict.retry).To(Equal(time.Second)) }},
		{name: "and so may what is to be adopted",
			facts: with(fresh(), func(f *facts) { f.adoptable, f.attempt.immature = &orphan, time.Second }),
			check: func(g Gomega, p plan) { g.Expect(p.verdict.retry).To(Equal(time.Second)) }},
		{name: "nor is it deleted then",
			facts: with(fresh(), finalizer, deleted, func(f *facts) {
				f.attempt.orphan, f.attempt.immature = &orphan, time.Second
			}),
			check: func(g Gomega, p plan) { g.Expect(p.verdict.retry).To(Equal(time.Second)) }},
		{name: "what an attempt left is taken, with the secret", reason: "InSync",
			facts: with(fresh(), finalizer, func(f *facts) { f.attempt.orphan = &orphan }),
			steps: []step{adoptRemote, recordID, updateRemote},
			check: func(g Gomega, p plan) {
				g.Expect(p.sendSecret).To(BeTrue())
				g.Expect(p.patch.Active).To(HaveValue(BeTrue()))
				g.Expect(p.target).To(Equal("0f"))
			}},
		{name: "a webhook of another iTwin is not imported", reason: "Refused",
			facts: with(settled(), func(f *facts) {
				f.webhook.Spec.WebhookID, f.webhook.Status.WebhookID = f.id, ""
				f.remote.Scope, f.remote.ScopeID = platform.ScopeITwin, "5c9d64cf-d22f-4149-ad08-c24ff395c3a1"
			}),
			check: func(g Gomega, p plan) {
				g.Expect(p.verdict.stalled).To(BeTrue())
				g.Expect(p.verdict.message).To(ContainSubstring("5c9d64cf-d22f-4149-ad08-c24ff395c3a1"))
			}},
		{name: "nobody's webhook is adopted while a twin is being created",
			facts: with(fresh(), finalizer, func(f *facts) { f.attempt.busy, f.attempt.orphan = true, &orphan })},
		{name: "a refused create is not repeated",
			facts: with(fresh(), func(f *facts) { f.webhook.Status.RefusedRequest = fingerprintCreate(*f) })},
		{name: "unless somebody asks", reason: "InSync",
			facts: with(fresh(), annotated(v1alpha1.ReconcileRequestedAtAnnotation, "now"),
				func(f *facts) { f.webhook.Status.RefusedRequest = fingerprintCreate(*f) }),
			steps: []step{addFinalizer, createRemote, recordID, updateRemote}},
		{name: "or the Secret changes", reason: "InSync",
			facts: with(fresh(), func(f *facts) {
				f.webhook.Status.RefusedRequest = fingerprintCreate(*f)
				f.secret.version = "8"
			}),
			steps: []step{addFinalizer, createRemote, recordID, updateRemote}},
		{name: "a match is adopted", reason: "InSync",
			facts: with(fresh(), func(f *facts) { f.adoptable = &orphan }),
			steps: []step{addFinalizer, adoptRemote, recordID, updateRemote}},
		{name: "a match that the picture may lack is looked for before a create",
			facts: with(fresh(), func(f *facts) { f.hopeSince = f.now })},
		{name: "but not if one is there", reason: "InSync",
			facts: with(fresh(), func(f *facts) { f.hopeSince, f.adoptable = f.now, &orphan }),
			steps: []step{addFinalizer, adoptRemote, recordID, updateRemote}},

		// Staying in sync.
		{name: "what is in sync stays as it is", facts: settled(), reason: "InSync"},
		{name: "a lost finalizer and id are written again", reason: "InSync",
			facts: with(settled(), without(v1alpha1.WebhookIDAnnotation), func(f *facts) { f.webhook.Finalizers = nil }),
			steps: []step{addFinalizer, recordID}},
		{name: "one update carries all that differs", reason: "InSync",
			facts: with(settled(), edited, specOff, func(f *facts) {
				f.remote.CallbackURL, f.remote.EventTypes, f.secret.version = "https://old", []string{"x.y.v1"}, "8"
			}),
			steps: []step{updateRemote},
			check: func(g Gomega, p plan) {
				g.Expect(p.patch.CallbackURL).To(Equal(callback))
				g.Expect(p.patch.EventTypes).To(Equal([]string{"a.b.v1", "c.d.v1"}))
				g.Expect(p.patch.Active).To(HaveValue(BeFalse()))
				g.Expect(p.sendSecret).To(BeTrue())
				g.Expect(p.cause).To(Equal(causeSpec))
			}},
		{name: "the order of event types is no difference", reason: "InSync",
			facts: with(settled(), func(f *facts) { slices.Reverse(f.remote.EventTypes) })},
		{name: "drift is named", reason: "InSync", steps: []step{updateRemote},
			facts: with(settled(), func(f *facts) { f.remote.CallbackURL = "https://evil" }),
			check: func(g Gomega, p plan) {
				g.Expect(p.cause).To(Equal(causeDrift))
				g.Expect(p.drift).To(ContainSubstring("https://evil"))
			}},
		{name: "a changed Secret is sent alone", reason: "InSync", steps: []step{updateRemote},
			facts: with(settled(), func(f *facts) { f.secret.version = "8" }),
			check: func(g Gomega, p plan) {
				g.Expect(p.patch.Empty()).To(BeTrue())
				g.Expect(p.cause).To(Equal(causeRotation))
			}},
		{name: "a missing Secret does not hold other changes back", reason: "SecretNotFound", steps: []step{updateRemote},
			facts: with(settled(), edited, func(f *facts) {
				f.remote.CallbackURL, f.secret.problem = "https://old", &problem{reason: "SecretNotFound"}
			}),
			check: func(g Gomega, p plan) { g.Expect(p.sendSecret).To(BeFalse()) }},
		{name: "a webhook that is on although the spec says off is drift", reason: "InSync", steps: []step{updateRemote},
			facts: with(settled(), specOff, statusOff),
			check: func(g Gomega, p plan) { g.Expect(p.cause).To(Equal(causeDrift)) }},

		{name: "an edit that still waits is no drift", reason: "InSync", steps: []step{updateRemote},
			facts: with(settled(), func(f *facts) {
				f.remote.CallbackURL = "https://old"
				setConditions(&f.webhook.Status, 1, conditionsOf(halted(problem{reason: "PlatformUnavailable"}))...)
			}),
			check: func(g Gomega, p plan) { g.Expect(p.cause).To(Equal(causeSpec)) }},
		{name: "a callback written in another way is no difference", reason: "InSync",
			facts: with(settled(), func(f *facts) {
				f.webhook.Spec.CallbackURL, f.remote.CallbackURL = "https://h.example.com", "https://H.example.com/"
			})},
		{name: "an edit that changes no refused request is told the refusal again", reason: "Refused",
			facts: with(settled(), edited, func(f *facts) {
				f.remote.CallbackURL = "https://old"
				refused := verdict{reason: "Refused", message: "no", stalled: true}
				setConditions(&f.webhook.Status, 1, conditionsOf(refused)...)
				f.webhook.Status.RefusedRequest = fingerprintUpdate(*f, plan{patch: platform.Patch{CallbackURL: callback}})
			})},

		// Deactivation.
		{name: "what the platform turned off is noted, then turned on", facts: with(settled(), remoteOff),
			reason: "InSync", steps: []step{noteDeactivation, updateRemote},
			check: func(g Gomega, p plan) { g.Expect(p.cause).To(Equal(causeReactivate)) }},
		{name: "on request it is only noted", facts: with(settled(), remoteOff, onRequest),
			reason: "Deactivated", steps: []step{noteDeactivation}},
		{name: "and stays off", facts: with(settled(), knownDeactivated, onRequest), reason: "Deactivated"},
		{name: "until it is asked for", reason: "InSync", steps: []step{updateRemote},
			facts: with(settled(), knownDeactivated, onRequest, annotated(v1alpha1.ReactivateRequestedAtAnnotation, "now")),
			check: func(g Gomega, p plan) { g.Expect(p.cause).To(Equal(causeReactivate)) }},
		{name: "or the spec changes", facts: with(settled(), knownDeactivated, onRequest, edited),
			reason: "InSync", steps: []step{updateRemote}},
		{name: "a handled request counts no more", reason: "Deactivated",
			facts: with(settled(), knownDeactivated, onRequest,
				annotated(v1alpha1.ReactivateRequestedAtAnnotation, "now"),
				func(f *facts) { f.webhook.Status.LastHandledReactivateAt = "now" })},
		{name: "a pause is kept", reason: "Deactivated",
			facts: with(settled(), knownDeactivated, func(f *facts) {
				next := metav1.NewMicroTime(noon.Add(time.Minute))
				f.webhook.Status.NextReactivationTime = &next
			}),
			check: func(g Gomega, p plan) {
				g.Expect(p.verdict.retry).To(Equal(time.Minute))
				g.Expect(p.verdict.reconciling).To(BeTrue())
			}},
		{name: "never activated is no deactivation", reason: "InSync", steps: []step{updateRemote},
			facts: with(settled(), remoteOff, func(f *facts) { f.webhook.Status.Active = nil })},
		{name: "another webhook's state is no deactivation", reason: "InSync", steps: []step{updateRemote},
			facts: with(settled(), remoteOff, func(f *facts) { f.webhook.Status.WebhookID = "another" })},
		{name: "turned on again by the spec is no deactivation", reason: "InSync", steps: []step{updateRemote},
			facts: with(settled(), remoteOff, statusOff, edited),
			check: func(g Gomega, p plan) { g.Expect(p.cause).To(Equal(causeActivation)) }},

		// Loss.
		{name: "absence is confirmed", facts: with(settled(), missing), steps: []step{confirmAbsence}},
		{name: "what is gone gives up its id before it is created anew", facts: with(settled(), goneRemote),
			reason: "InSync", steps: []step{forgetID, createRemote, recordID, updateRemote}},
		{name: "without an id written down it is looked for first",
			facts: with(settled(), goneRemote, without(v1alpha1.WebhookIDAnnotation)),
			check: func(g Gomega, p plan) { g.Expect(p.verdict.await).To(BeTrue()) }},
		{name: "an import that does not exist is not created", reason: "NotFound",
			facts: with(settled(), goneRemote, func(f *facts) { f.webhook.Spec.WebhookID = anID })},
		{name: "an import does not replace what is there", reason: "AlreadyClaimed",
			facts: with(settled(), func(f *facts) { f.webhook.Spec.WebhookID = "another" })},
		{name: "what an earlier life left is taken instead of a second", reason: "InSync",
			facts: with(settled(), goneRemote, func(f *facts) { f.attempt.orphan = &orphan }),
			steps: []step{adoptRemote, recordID, updateRemote}},
		{name: "an older claim wins", reason: "AlreadyClaimed",
			facts: with(settled(), func(f *facts) { f.rival = "other/older" })},

		// Connection.
		{name: "a missing connection is said", facts: with(settled(), troubled("ConnectionNotFound")),
			reason: "ConnectionNotFound"},
		{name: "trouble is no news to who has nothing to send", facts: with(settled(), troubled("ConnectionNotReady"))},
		{name: "an outage neither", facts: with(settled(), troubled("PlatformUnavailable"))},
		{name: "but it is to others", facts: with(settled(), edited, troubled("PlatformUnavailable")),
			reason: "PlatformUnavailable"},
		{name: "nothing is done before the first list",
			facts: with(settled(), func(f *facts) { f.connection.synced = false })},
		{name: "what is no longer allowed is turned off, not deleted", reason: "ConnectionNotAllowed",
			facts: with(settled(), troubled("ConnectionNotAllowed"), func(f *facts) { f.connection.forbidden = true }),
			steps: []step{updateRemote},
			check: func(g Gomega, p plan) { g.Expect(p.patch.Active).To(HaveValue(BeFalse())) }},
		{name: "nothing is done about a webhook that an object merely names", reason: "ConnectionNotAllowed",
			facts: with(settled(), troubled("ConnectionNotAllowed"), func(f *facts) {
				f.connection.forbidden, f.webhook.Status.WebhookID = true, ""
			})},
		{name: "suspension stops everything", steps: nil,
			facts: with(settled(), edited, remoteOff, func(f *facts) { f.webhook.Spec.Suspend = true })},

		// Deletion.
		{name: "a deleted object takes its webhook along", facts: with(settled(), deleted),
			steps: []step{deleteRemote, removeFinalizer}},
		{name: "unless it should stay", steps: []step{removeFinalizer},
			facts: with(settled(), deleted, func(f *facts) { f.webhook.Spec.DeletionPolicy = v1alpha1.RetainRemote })},
		{name: "or belongs to an older one", steps: []step{removeFinalizer},
			facts: with(settled(), deleted, func(f *facts) { f.rival = "other/older" })},
		{name: "or is merely named by an object that the connection refuses", steps: []step{removeFinalizer},
			facts: with(settled(), deleted, func(f *facts) {
				f.connection.forbidden, f.webhook.Status.WebhookID = true, ""
			})},
		{name: "an outage is told", reason: "Deleting",
			facts: with(settled(), deleted, func(f *facts) { f.connection.trouble = errors.New("no answer") }),
			check: func(g Gomega, p plan) { g.Expect(p.verdict.message).To(ContainSubstring("no answer")) }},
		{name: "what was never created needs no connection", steps: []step{removeFinalizer},
			facts: with(fresh(), finalizer, deleted, troubled("ConnectionNotFound"), func(f *facts) {
				f.attempt.clean, f.connection.synced = true, false
			})},
		{name: "what may have been created does", reason: "Deleting",
			facts: with(fresh(), finalizer, deleted, troubled("ConnectionNotFound"), func(f *facts) {
				f.connection.synced = false
			}),
			check: func(g Gomega, p plan) { g.Expect(p.verdict.message).To(ContainSubstring("Retain")) }},
		{name: "an attempt's leftover is deleted too",
			facts: with(fresh(), finalizer, deleted, func(f *facts) { f.attempt.orphan = &orphan }),
			steps: []step{deleteRemote, removeFinalizer},
			check: func(g Gomega, p plan) { g.Expect(p.target).To(Equal("0f")) }},
		{name: "an attempt that is not settled is waited for", facts: with(fresh(), finalizer, deleted),
			check: func(g Gomega, p plan) { g.Expect(p.verdict.await).To(BeTrue()) }},
		{name: "a connection that is gone from the cluster still deletes", steps: []step{deleteRemote, removeFinalizer},
			facts: with(settled(), deleted, troubled("ConnectionNotFound"))},
		{name: "without the finalizer there is nothing to do", facts: with(fresh(), deleted)},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			p := decide(c.facts)
			g.Expect(p.steps).To(Equal(c.steps))
			if c.reason == "" {
				g.Expect(p.verdict.silent).To(BeTrue(), "reported %q", p.verdict.reason)
			} else {
				g.Expect(p.verdict.silent).To(BeFalse())
				g.Expect(p.verdict.reason).To(Equal(c.reason))
				g.Expect(p.verdict.ready).To(Equal(c.reason == "InSync"))
			}
			if c.check != nil {
				c.check(g, p)
			}
		})
	}
}

func TestNextReactivation(t *testing.T) {
	g := NewWithT(t)
	w := &v1alpha1.Webhook{}
	micro := func(at time.Time) *metav1.MicroTime { m := metav1.NewMicroTime(at); return &m }
	g.Expect(nextReactivation(w, noon)).To(BeNil(), "the first is at once")

	now, pauses := noon, []time.Duration{}
	for range 12 {
		next := nextReactivation(w, now)
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

	g.Expect(nextReactivation(w, w.Status.LastReactivationTime.Add(time.Hour))).To(BeNil(),
		"it has stayed on for long enough")
}

func TestFingerprintsTellRequestsApart(t *testing.T) {
	g := NewWithT(t)
	f := settled()
	p := plan{patch: platform.Patch{CallbackURL: "https://a"}}
	g.Expect(fingerprintUpdate(f, p)).To(Equal(fingerprintUpdate(f, p)))
	with := p
	with.sendSecret = true
	g.Expect(fingerprintUpdate(f, with)).NotTo(Equal(fingerprintUpdate(f, p)))
	g.Expect(fingerprintCreate(f)).NotTo(Equal(fingerprintUpdate(f, p)))
}

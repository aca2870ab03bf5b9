package simtest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/runtime"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// foreignSecret is what the receivers of an imported webhook verify with.
const foreignSecret = "a-secret-that-the-receivers-know-already"

// signedForeign makes a webhook by hand whose receivers have a secret that the cluster does not know.
func (w *simulation) signedForeign(active bool) (id string) {
	o := newWebhook(subject)
	id = w.createRemote(o.Spec.CallbackURL, o.Spec.EventTypes...)
	w.ask(http.MethodPatch, "/webhooks/"+id, map[string]any{"active": active, "secret": foreignSecret})
	w.importedSecrets[id] = foreignSecret
	return id
}

// importActive imports a webhook that is on, and differs in nothing.
func importActive(changes ...func(*itwinv1alpha1.Webhook)) func(*simulation) {
	return func(w *simulation) {
		o := newWebhook(subject, changes...)
		o.Spec.WebhookID = w.signedForeign(true)
		w.cluster.add(o)
	}
}

// signedActive makes what importSigned imports.
func signedActive(w *simulation) { w.signedForeign(true) }

// importSigned imports the webhook that there is.
func importSigned(changes ...func(*itwinv1alpha1.Webhook)) func(*simulation) {
	return func(w *simulation) {
		add(append(changes, importing(w.remotes()[0].ID))...)(w)
	}
}

// importAnnotated imports the webhook that there is by an annotation alone, as after a move to another cluster.
func importAnnotated(w *simulation) {
	id := w.remotes()[0].ID
	add(func(o *itwinv1alpha1.Webhook) {
		o.Annotations = map[string]string{itwinv1alpha1.WebhookIDAnnotation: id}
	})(w)
}

// receiversVerify holds when the receivers of before still verify: the platform was sent nothing by the operator.
func receiversVerify(w *simulation) (wrong []string) {
	// Two by hand: the one that is foreign, and the one that is imported, which was signed.
	if n := w.platform.Requests().Counts["PATCH /webhooks/{id}"]; n != 1 {
		wrong = append(wrong, fmt.Sprintf("%d updates were sent, not 1, by hand", n))
	}
	if secret := w.remotes()[0].Secret; secret != foreignSecret {
		wrong = append(wrong, "the secret was replaced")
	}
	o := w.cluster.webhook(subject)
	if generatedSecret(w) != nil || o.Status.SecretName != "" || o.Status.SecretFingerprint != "" {
		wrong = append(wrong, "a Secret was generated, or the status tells of one")
	}
	if told := (claimScene{simulation: w}).message(subject); !strings.Contains(told, "signing secret is unknown") {
		wrong = append(wrong, "the status does not say that the secret is unknown: "+told)
	}
	return wrong
}

// secretReplaced holds when the platform has the value of the generated Secret, which never had another.
func secretReplaced(w *simulation) (wrong []string) {
	wrong = generatedValues(w, 1)
	if w.remotes()[0].Secret == foreignSecret {
		wrong = append(wrong, "the secret was not replaced")
	}
	return wrong
}

func importScenarios() []scenario {
	return []scenario{
		{name: "import what differs in nothing", before: signedActive, act: importSigned(), webhooks: 1,
			check: receiversVerify},
		{name: "import by an annotation what differs in nothing", before: signedActive, act: importAnnotated, webhooks: 1,
			check: receiversVerify},
		{name: "import what is off, and differs in nothing", webhooks: 1, check: receiversVerify,
			before: func(w *simulation) { w.signedForeign(false) }, act: importSigned(turnedOff)},
		{name: "unsuspend an import", webhooks: 1, check: receiversVerify,
			before: importActive(suspending), act: edit(resuming)},
		{name: "edit an import where nothing differs", webhooks: 1, check: receiversVerify,
			before: importActive(), act: edit(reactivatedOnRequest)},
		{name: "import with a secretRef", webhooks: 1, before: then(signedActive, keepSecret(firstHMAC)),
			act: importSigned(referring(hmac))},
		{name: "import what differs", webhooks: 1, before: signedActive, act: importSigned(changeSpec),
			check: secretReplaced},
		{name: "edit an import", webhooks: 1, before: importActive(), act: edit(changeSpec), check: secretReplaced},
		{name: "rotate the secret of an import", webhooks: 1, before: importActive(),
			act:   annotate(itwinv1alpha1.RotateRequestedAtAnnotation),
			check: func(w *simulation) []string { return append(secretReplaced(w), rotationHandled(w)...) }},
		{name: "reactivate an import", webhooks: 1, before: importActive(), act: deactivate,
			check: func(w *simulation) []string { return append(secretReplaced(w), deactivatedOnce(w)...) }},
		{name: "an import changed by another client", webhooks: 1, before: importActive(), act: changeRemotely,
			check: secretReplaced},
		{name: "an edit of an import is refused and undone", webhooks: 1, before: importActive(), act: refuseEdit,
			lasts: time.Minute},
		{name: "give an import a secretRef", webhooks: 1, before: then(keepSecret(firstHMAC), importActive()),
			act: edit(referring(hmac))},
	}
}

// TestImportsSurviveDeathAtEveryPoint ends the operator at each point, also where an update without a secret makes a
// new one.
func TestImportsSurviveDeathAtEveryPoint(t *testing.T) {
	for _, variant := range []string{"", "update-makes-secret"} {
		for _, s := range importScenarios() {
			t.Run(strings.TrimSpace(s.name+" "+variant), func(t *testing.T) {
				t.Parallel()
				s.variant = variant
				v := newVisits(t, "import: "+s.name+" "+variant)
				for k := range v.visit(t, s).traces[0] {
					v.visit(t, s, dies(k+1))
				}
			})
		}
	}
}

// A lost call, or a lost answer, has no import written to that differs in nothing.
func TestImportsSurviveLostCalls(t *testing.T) {
	for _, s := range importScenarios() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			v := newVisits(t, "import, lost: "+s.name)
			for _, k := range leaving(s.play(t).traces[0], "") {
				v.visit(t, s, []disruption{{point: k, what: lose}})
			}
		})
	}
}

// A restart sends nothing, generates nothing and writes nothing; the edit after it sends a secret, and a rotation after
// that another one. One Event tells that the receivers need it.
func TestAnImportIsEditedAfterARestartOneEventTellsThatTheSecretWasReplaced(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		var told []string
		s.onEvent = func(_ runtime.Object, text string) {
			if strings.HasPrefix(text, "SecretReplaced") {
				told = append(told, text)
			}
		}
		importActive()(s.simulation)
		s.run(settleFor)
		s.Expect(s.unmanaged(crashConnection)).To(BeZero())
		writes := s.writes()
		s.replace()
		s.run(10 * time.Minute)
		s.Expect(s.writes()).To(Equal(writes))
		s.Expect(receiversVerify(s.simulation)).To(BeEmpty())
		s.Expect(told).To(BeEmpty())

		s.cluster.edit(subject, changeSpec)
		s.run(settleFor)
		s.Expect(secretReplaced(s.simulation)).To(BeEmpty())
		s.cluster.annotate(subject, itwinv1alpha1.RotateRequestedAtAnnotation, "now")
		s.run(settleFor)
		s.Expect(generatedValues(s.simulation, 2)).To(BeEmpty())
		s.Expect(s.violations()).To(BeEmpty())
		s.Expect(told).To(HaveExactElements(ContainSubstring("give it to the receivers")))
	})
}

// A refused edit stores a Secret, and sends none: once it is undone, the receivers still verify.
func TestAnEditOfAnImportIsRefusedAndUndoneItsSecretStays(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		importActive()(s.simulation)
		s.run(settleFor)
		s.refuseSpecs()
		s.cluster.edit(subject, changeSpec)
		s.run(2 * time.Hour)
		s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.RefusedReason))
		writes := s.writes()
		s.run(2 * time.Hour)
		s.Expect(s.writes()).To(Equal(writes), "the same refusal writes nothing")
		s.platformProxy = nil
		s.cluster.edit(subject, func(w *itwinv1alpha1.Webhook) { w.Spec = importSpec(s.simulation) })
		s.run(10 * time.Minute)
		s.replace()
		s.run(10 * time.Minute)
		s.Expect(s.violations()).To(BeEmpty())
		s.Expect(s.remotes()[0].Secret).To(Equal(foreignSecret))
		s.Expect(s.cluster.webhook(subject).Status.SecretName).To(BeEmpty())
		s.cluster.edit(subject, changeSpec)
		s.run(settleFor)
		s.Expect(secretReplaced(s.simulation)).To(BeEmpty())
		s.Expect(s.violations()).To(BeEmpty())
	})
}

// importSpec is the spec that importActive imports with.
func importSpec(w *simulation) itwinv1alpha1.WebhookSpec {
	return newWebhook(subject, importing(w.remotes()[0].ID)).Spec
}

// refuseSpecs has the platform refuse updates of callbacks, and no others.
func (w *simulation) refuseSpecs() {
	w.platformProxy = func(r *http.Request, serve func(*http.Request) *http.Response) *http.Response {
		if r.Method != http.MethodPatch {
			return serve(r)
		}
		body, err := io.ReadAll(r.Body)
		w.must(err)
		r.Body = io.NopCloser(bytes.NewReader(body))
		if !bytes.Contains(body, []byte("callbackUrl")) {
			return serve(r)
		}
		return &http.Response{
			StatusCode: http.StatusUnprocessableEntity, Header: http.Header{"Content-Type": {"application/json"}},
			Body: io.NopCloser(strings.NewReader(`{"error":{"code":"InvalidUpdateWebhookRequest","message":"no"}}`)),
		}
	}
}

// refuseEdit has the platform refuse an edit, which is undone a while later.
func refuseEdit(w *simulation) {
	w.refuseSpecs()
	edit(changeSpec)(w)
	w.in(20*time.Second, "undo", func() {
		w.platformProxy = nil
		w.cluster.edit(subject, func(o *itwinv1alpha1.Webhook) { o.Spec = importSpec(w) })
	})
}

// A suspended Webhook that names what it will import claims it: the export of the remote webhooks of an account is
// counted as managed as soon as it was applied.
func TestASuspendedImportIsCountedAsManagedAndNotWrittenTo(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		id := s.signedForeign(false)
		s.run(2 * pollEvery)
		s.Expect(s.unmanaged(crashConnection)).To(Equal(1))
		before := s.count(updates)
		s.apply(subject, importing(id), suspending, retaining, turnedOff)
		s.Expect(s.unmanaged(crashConnection)).To(BeZero())
		s.Expect(s.count(updates)).To(Equal(before))
		s.cluster.remove(s.cluster.webhook(subject))
		s.run(2 * pollEvery)
		s.Expect(s.unmanaged(crashConnection)).To(Equal(1))
		s.Expect(s.remotes()[0].Secret).To(Equal(foreignSecret))
	})
}

// A connection that lets no Webhook take over remote webhooks counts one that asks for it as unmanaged.
func TestAnImportIsNotAllowedItsWebhookIsCountedAsUnmanaged(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		c := s.cluster.read(ref{kindConnection, keyed(crashConnection)}).(*itwinv1alpha1.Connection)
		c.Spec.AllowAdoption = itwinv1alpha1.AllowAdoptionNone
		s.cluster.store(c)
		s.apply(subject, importing(s.signedForeign(true)), suspending)
		s.run(2 * pollEvery)
		s.Expect(s.unmanaged(crashConnection)).To(Equal(1))
	})
}

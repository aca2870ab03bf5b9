package simtest

import (
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/identity"
	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/simulator"
)

// refusedOnceReady has the platform refuse an edit.
func refusedOnceReady(w *simulation) {
	w.cluster.when(func() bool { return isReady(w.cluster.webhook(subject)) }, func() {
		w.fault(http.MethodPatch, "/webhooks/{id}", "status:422", simulator.Forever)
		edit(changeSpec)(w)
	})
}

// deactivateRefused has the platform turn off a webhook whose update it refuses. In the end it takes another edit.
func deactivateRefused(w *simulation) {
	deactivate(w)
	w.in(39*time.Second, "look", func() {
		status := w.cluster.webhook(subject).Status
		g := NewWithT(w.t)
		g.Expect(said(status.Conditions)).To(ContainSubstring("Ready=False/" + itwinv1alpha1.RefusedReason))
		g.Expect(status.RefusedRequest).NotTo(BeEmpty())
		g.Expect(w.remotes()[0].Active).To(BeFalse())
	})
	w.in(40*time.Second, "edit", func() {
		w.platform.ClearFaults()
		edit(func(o *itwinv1alpha1.Webhook) { o.Spec.CallbackURL = callbackOf("third") })(w)
	})
}

// deactivatedOnceAndTaken holds when the deactivation was counted, and nothing is refused any more.
func deactivatedOnceAndTaken(w *simulation) []string {
	wrong := deactivatedOnce(w)
	if w.cluster.webhook(subject).Status.RefusedRequest != "" {
		wrong = append(wrong, "refusedRequest is left")
	}
	return wrong
}

func turnedOff(w *itwinv1alpha1.Webhook) { w.Spec.Active = new(false) }

// importEqual imports a webhook that differs in nothing, and so is not written to.
func importEqual(w *simulation) {
	o := newWebhook(subject, turnedOff)
	o.Spec.WebhookID = w.createRemote(o.Spec.CallbackURL, o.Spec.EventTypes...)
	w.cluster.add(o)
}

func rotationHandled(w *simulation) (wrong []string) {
	if w.cluster.webhook(subject).Status.LastHandledRotateAt != "now" {
		wrong = append(wrong, "the rotation was not handled")
	}
	return wrong
}

// TestFurtherScenariosSurviveDeathAtEveryPoint ends the operator at each point of scenarios in which the platform
// refuses, or does more than was asked.
func TestFurtherScenariosSurviveDeathAtEveryPoint(t *testing.T) {
	for _, s := range []scenario{
		{name: "turned off while an update is refused, on request", webhooks: 1,
			before: then(add(reactivatedOnRequest), refusedOnceReady), act: deactivateRefused,
			check: deactivatedOnceAndTaken},
		{name: "turned off while an update is refused", webhooks: 1,
			before: then(add(), refusedOnceReady), act: deactivateRefused, check: deactivatedOnceAndTaken},
		{name: "rotate the secret of an import that has none", webhooks: 1,
			before: importEqual, act: annotate(itwinv1alpha1.RotateRequestedAtAnnotation), check: rotationHandled},
		{name: "create inactive where creates are active", variant: "creates-active", webhooks: 1,
			before: nothingBefore, act: add(turnedOff)},
	} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			v := newVisits(t, "further: "+s.name)
			for k := range v.visit(t, s).traces[0] {
				v.visit(t, s, dies(k+1))
			}
		})
	}
}

// TestASpecThatCarriesAnothersMarkIsRefused stores an object as the API server did before it refused the parameter.
func TestASpecThatCarriesAnothersMarkIsRefused(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply(subject)
		mark := identity.MarkOf(s.cluster.webhook(subject))
		s.apply("poser", func(w *itwinv1alpha1.Webhook) { w.Spec.CallbackURL = platform.Mark(callbackOf("poser"), mark) })
		s.Expect(s.reason("poser")).To(Equal(itwinv1alpha1.RefusedReason))
		s.Expect(s.count(creates)).To(Equal(1))
		s.delete("poser")
		s.Expect(s.violations()).To(BeEmpty())
	})
}

// What was created last is known from the status, so that a process that was not there, and cannot ask, lets it go.
func TestARefusedWebhookIsDeletedWithoutCredentialsItGoes(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		refuseCreates(s.simulation)
		s.apply(subject)
		s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.RefusedReason))
		s.processes[0].kill()
		s.cluster.remove(s.cluster.read(ref{kindSecret, keyed("credentials")}))
		s.start()
		s.run(settleFor)
		s.delete(subject)
		s.Expect(s.cluster.webhook(subject)).To(BeNil())
	})
}

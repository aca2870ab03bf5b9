package simtest

import (
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apimeta "k8s.io/apimachinery/pkg/api/meta"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/webhook/ledger"
)

// TestADoubtOutlivesAnotherProcess ends the operator when it has sent another secret, and its successor when that has
// written a status for another reason. A person wants the first secret back meanwhile.
func TestADoubtOutlivesAnotherProcess(t *testing.T) {
	inSimulation(t, func(w *simulation) {
		w.successors = [][]disruption{{{every: "after patch Webhook status", what: die, gap: downtime}}}
		then(keepSecrets, add(referring(hmac)))(w)
		p := w.start(disruption{every: "after PATCH /webhooks/{id}", what: die, gap: downtime})
		w.run(warmUp)
		p.count()
		edit(referring(otherHMAC))(w)
		w.run(downtime / 2)
		then(edit(referring(hmac)), deactivate)(w)
		w.run(settleFor)
		g := NewWithT(w.t)
		g.Expect(w.processes).To(HaveLen(3))
		g.Expect(w.violations()).To(BeEmpty())
	})
}

// restart lets an operator settle everything, and another take over, which has sent nothing.
func (w *simulation) restart() {
	first := w.start()
	w.run(warmUp)
	first.kill()
	w.start()
	w.run(warmUp)
}

// TestALateSecretIsNotHiddenByAnotherUpdate lets another secret arrive at the platform late, when the process has
// forgotten it, and a person edit the spec before the next list could show that the webhook was changed.
func TestALateSecretIsNotHiddenByAnotherUpdate(t *testing.T) {
	changesSpecIn := func(w *simulation, d time.Duration) { w.in(d, "edit", func() { edit(changeSpec)(w) }) }
	for name, c := range map[string]struct {
		scenario string
		meets    func(*simulation)
		sent     disruption
	}{
		"sent by a process that died": {
			scenario: "use another given secret",
			meets: func(w *simulation) {
				edit(referring(hmac))(w)
				changesSpecIn(w, 5*time.Second)
			},
			sent: disruption{what: sendAndDie, late: 3 * time.Second, gap: downtime},
		},
		"sent by this process": {
			scenario: "rotate a given secret",
			meets: func(w *simulation) {
				w.in(time.Second, "rotate", func() { keepSecret(lastHMAC)(w) })
				changesSpecIn(w, 9*time.Second)
			},
			sent: disruption{what: disturb, reply: hungUp, late: 8 * time.Second},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := scenarioNamed(c.scenario)
			c.sent.point = leaving(s.play(t).traces[0], "before ", "PATCH /webhooks")[0]
			faults := []disruption{{point: c.sent.point, what: meet, meets: c.meets}, c.sent}
			s.complain(t, s.play(t, faults), faults)
		})
	}
}

// TestASecretIsMissingTheSecretOnThePlatformStaysUnconfirmed reports a Secret that does not exist while the platform
// has one that no spec names.
func TestASecretIsMissingTheSecretOnThePlatformStaysUnconfirmed(t *testing.T) {
	s := scenarioNamed("use another given secret")
	sent := leaving(s.play(t).traces[0], "after ", "PATCH /webhooks")[0]
	astray := func(w *simulation) {
		edit(referring("no-such-secret"))(w)
		w.in(30*time.Second, "edit", func() { edit(referring(hmac))(w) })
	}
	faults := []disruption{{point: sent, what: meet, meets: astray}, {point: sent, what: die, gap: downtime}}
	s.complain(t, s.play(t, faults), faults)
}

// TestWhatIsOffSignsNothing deactivates a webhook after a restart: its secret is sent when it is turned on again.
func TestWhatIsOffSignsNothing(t *testing.T) {
	inSimulation(t, func(w *simulation) {
		add(reactivatedOnRequest)(w)
		w.restart()
		g := NewWithT(w.t)
		updates := func() int { return w.platform.Requests().Counts["PATCH /webhooks/{id}"] }
		before := updates()
		deactivate(w)
		w.run(warmUp)
		g.Expect(updates()).To(Equal(before))
		annotate(itwinv1alpha1.ReactivateRequestedAtAnnotation)(w)
		w.run(warmUp)
		g.Expect(updates()).To(Equal(before + 1))
		g.Expect(w.violations()).To(BeEmpty())
	})
}

// TestAForeignSecretIsReplaced changes the secret on the platform behind the back of an operator that began after it
// was sent: it sends the secret once more. When that happens again and again, its corrections come after growing
// pauses.
func TestAForeignSecretIsReplaced(t *testing.T) {
	inSimulation(t, func(w *simulation) {
		add()(w)
		w.restart()
		g := NewWithT(w.t)
		w.ask(http.MethodPatch, "/webhooks/"+w.remotes()[0].ID, map[string]any{"secret": nextHMAC})
		w.run(settleFor)
		g.Expect(w.violations()).To(BeEmpty())
		updates := w.platform.Requests().Counts["PATCH /webhooks/{id}"]
		for range 10 {
			w.ask(http.MethodPatch, "/webhooks/"+w.remotes()[0].ID, map[string]any{"secret": nextHMAC})
			w.run(settleFor)
		}
		g.Expect(w.platform.Requests().Counts["PATCH /webhooks/{id}"] - updates - 10).To(BeNumerically("<=", 4))
		condition := apimeta.FindStatusCondition(w.cluster.webhook(subject).Status.Conditions, itwinv1alpha1.ReadyCondition)
		g.Expect(condition.Reason).To(Equal(itwinv1alpha1.DriftedReason))
		w.run(ledger.CorrectionBackoff.Longest)
		g.Expect(w.violations()).To(BeEmpty(), "the last word is the operator's")
	})
}

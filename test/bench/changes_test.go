package bench

import (
	"math/rand/v2"
	"strings"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// specChange: every field that may change, at once, there and back.
func (s *story) specChange() {
	some := s.names[:min(len(s.names), 100)]
	s.must(s.plane.Client.Create(s.ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "ours"},
		StringData: map[string]string{itwinv1alpha1.DefaultSecretKey: strings.Repeat("s", 32)},
	}))
	s.reset(s.operator)
	s.change(some, func(w *itwinv1alpha1.Webhook) {
		w.Spec.CallbackURL += "/moved"
		w.Spec.EventTypes = []string{"iTwins.iTwinCreated.v1"}
		w.Spec.Active = new(false)
		w.Spec.SecretRef = &itwinv1alpha1.SecretKeyReference{Name: "ours"}
	})
	s.awaitChanged(some)
	s.changed("callback, event types, secret and active", len(some))

	s.reset(s.operator)
	s.change(some, func(w *itwinv1alpha1.Webhook) { w.Spec = s.webhook(w.Name, nil).Spec })
	s.awaitChanged(some)
	s.changed("back again", len(some))
}

// awaitChanged waits until Webhooks have been changed, and all are ready.
func (s *story) awaitChanged(changed []string) {
	s.Helper()
	s.Eventually(func() int { return s.operator.writes("webhooks/status") }).Should(BeNumerically(">=", len(changed)))
	s.awaitReady(len(s.names))
	s.Eventually(func() int { return s.operator.writes("events") }).Should(BeNumerically(">=", len(changed)))
	s.quiet(s.operator)
}

func (s *story) changed(what string, n int) {
	s.Helper()
	calls, all := s.calls(), formula(n, "100, or N")
	s.exactly("change of 100 ("+what+"): calls, beside the lists", total(calls)-calls[lists], all)
	s.exactly("change ("+what+"): status writes", s.operator.writes("webhooks/status"), all)
	s.exactly("change ("+what+"): other writes, beside an Event each",
		s.operator.writes("")-n-s.operator.writes("events"), fixed(0))
}

// outage: the platform answers nothing but 503, and a user edits one Webhook meanwhile.
func (s *story) outage() {
	edited := s.names[0]
	s.reset(s.operator)
	s.fault("", "status:503")
	s.change([]string{edited}, func(w *itwinv1alpha1.Webhook) { w.Spec.CallbackURL += "/edited" })
	s.Eventually(func() int { return s.operator.writes("webhooks/status") }).Should(Equal(1))
	s.Eventually(func() int { return s.operator.writes("connections/status") }).Should(Equal(1))
	s.Eventually(func() int { return s.operator.writes("events") }).Should(Equal(1))
	failing := s.calls()[lists]
	s.awaitCalls(lists, failing+1)
	s.quiet(s.operator)
	s.exactly("outage: writes of the Connection", s.operator.writes("connections/status"), fixed(1))
	s.exactly("outage: writes of Webhooks, of which one was edited", s.operator.writes("webhooks/status"), fixed(1))
	s.exactly("outage: writes in all, with the Event of the Connection", s.operator.writes(""), fixed(3))
	s.exactly("outage: calls beside the lists", total(s.calls())-s.calls()[lists], fixed(1))

	s.reset(s.operator)
	begun := time.Now()
	s.must(s.platform.ClearFaults(s.ctx))
	s.awaitReady(len(s.names))
	took := time.Since(begun)
	s.Eventually(func() int { return s.operator.writes("connections/status") }).Should(Equal(1))
	s.Eventually(func() int { return s.operator.writes("events") }).Should(Equal(2))
	s.quiet(s.operator)
	calls := s.calls()
	s.exactly("recovery: calls beside the lists", total(calls)-calls[lists], fixed(1))
	s.exactly("recovery: writes beside two Events", s.operator.writes("")-s.operator.writes("events"), fixed(2))
	s.took("recovery: time until the edit is carried out", took, "")
}

// deactivation: the platform turns webhooks off at any moment between two lists.
func (s *story) deactivation() {
	s.reset(s.operator)
	n := min(len(s.names), pick(30, 3))
	// Ten moments in each interval, or all before the next one.
	gap := pick(*interval/10, *interval/100)
	begun, noticed := map[string]time.Time{}, map[string]<-chan time.Time{}
	ticker := time.NewTicker(gap)
	defer ticker.Stop()
	for _, i := range rand.Perm(len(s.names))[:n] {
		name := s.names[i]
		noticed[name] = s.seen.expect(name, func(w *itwinv1alpha1.Webhook) bool { return w.Status.Deactivations == 1 })
		begun[name] = time.Now()
		s.must(s.platform.Deactivate(s.ctx, s.seen.idOf(name)))
		<-ticker.C
	}
	var took delays
	for name, sighting := range noticed {
		took = append(took, s.await(sighting).Sub(begun[name]))
	}
	s.awaitCalls(updates, n)
	s.Eventually(func() int { return s.operator.writes("webhooks/status") }).Should(BeNumerically(">=", 2*n))
	s.quiet(s.operator)

	calls := s.calls()
	s.exactly("deactivations: calls beside the lists", total(calls)-calls[lists], formula(n, "one each"))
	s.exactly("deactivations: status writes (noticed, reactivated)", s.operator.writes("webhooks/status"),
		formula(2*n, "two each"))
	s.exactly("deactivations: other writes of Webhooks", s.operator.writes("webhooks"), fixed(0))
	s.spread("deactivations: noticed after", took, (*interval + 2*time.Second).String())
}

package simtest

import (
	"testing"

	. "github.com/onsi/gomega"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// readyOf makes a Webhook in the hostile namespace and returns what its condition Ready says.
func (h *hostileRun) readyOf(name string, changes ...func(*itwinv1alpha1.Webhook)) *metav1.Condition {
	h.cluster.add(newWebhook(name, append(changes, in(hostileNamespace), through(sharedConnection))...))
	h.run(settleFor)
	return apimeta.FindStatusCondition(h.object(hostileNamespace, name).Status.Conditions, itwinv1alpha1.ReadyCondition)
}

// With seed 3 the shared ClusterConnection allows adoption, with seed 0 it does not.
func TestARequestForTheWebhookOfAnotherNamespaceIsNotToldWhose(t *testing.T) {
	for seed, reason := range map[uint64]string{
		0: itwinv1alpha1.ConnectionNotAllowedReason, 3: itwinv1alpha1.AlreadyClaimedReason,
	} {
		inSimulation(t, func(w *simulation) {
			g := NewWithT(w.t)
			h := newHostileRun(w, seed)
			h.settle()
			other := h.object(plantNamespace, "events")
			declared := h.readyOf("declared", callingBack("orders"), importing(other.Status.WebhookID))
			annotated := h.readyOf("annotated", callingBack("orders"), func(w *itwinv1alpha1.Webhook) {
				w.Annotations = other.Annotations
			})
			for _, ready := range []*metav1.Condition{declared, annotated} {
				g.Expect(ready.Reason).To(Equal(reason))
				g.Expect(ready.Message).To(ContainSubstring(other.Status.WebhookID), "which it wrote itself")
				g.Expect(ready.Message).NotTo(ContainSubstring(plantNamespace))
			}
			h.check()
			g.Expect(h.found).To(BeEmpty())
		})
	}
}

func TestAClusterConnectionDoesNotTellTheCallbackHostsOfOthers(t *testing.T) {
	inSimulation(t, func(w *simulation) {
		g := NewWithT(w.t)
		h := newHostileRun(w, 0)
		h.settle()
		ready := h.readyOf("elsewhere", callingBack("not-allowed"))
		g.Expect(ready.Reason).To(Equal(itwinv1alpha1.ConnectionNotAllowedReason))
		g.Expect(ready.Message).To(Equal(`ClusterConnection "shared" allows no callback to this host; its ` +
			`spec.allowedCallbackHosts must have a pattern that matches it`))
	})
}

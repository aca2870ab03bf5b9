package e2e

import (
	"slices"
	"testing"

	. "github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// without takes a resource out of the operator's ClusterRole, and returns what puts it back.
func (s *scene) without(resource string) (restore func()) {
	s.Helper()
	var role rbacv1.ClusterRole
	s.Must(plane.Client.Get(s.Ctx, client.ObjectKey{Name: "itwin-webhook-operator-manager-role"}, &role))
	before := role.DeepCopy()
	for i := range role.Rules {
		rule := &role.Rules[i]
		rule.Resources = slices.DeleteFunc(rule.Resources, func(r string) bool { return r == resource })
	}
	role.Rules = slices.DeleteFunc(role.Rules, func(r rbacv1.PolicyRule) bool { return len(r.Resources) == 0 })
	s.Must(plane.Client.Patch(s.Ctx, &role, client.MergeFrom(before)))
	return func() {
		s.Helper()
		role.Rules = before.Rules
		s.Must(plane.Client.Update(s.Ctx, &role))
	}
}

// A role that was changed by hand, or by a policy controller: what the operator cannot do is told where it can be, and
// is done without a restart once the role is whole again.
func TestOperatorLacksARightItIsReportedAndRecovers(t *testing.T) {
	s := newConnectedScene(t)
	s.ready("before")
	restore := s.without("secrets")
	s.Create(s.webhook("refused"))
	s.Eventually(func() string {
		w, err := s.read("refused")
		s.Must(err)
		if ready := apimeta.FindStatusCondition(w.Status.Conditions, itwinv1alpha1.ReadyCondition); ready != nil {
			return ready.Reason + ": " + ready.Message
		}
		return ""
	}).Should(And(HavePrefix(itwinv1alpha1.KubernetesRefusedReason), ContainSubstring(`cannot create resource "secrets"`)))
	s.Expect(s.remotes()).To(HaveLen(1))
	restore()
	refused, err := s.read("refused")
	s.Must(err)
	// An edit is tried at once.
	s.change(refused, func(w *itwinv1alpha1.Webhook) {
		w.Spec.EventTypes = append(w.Spec.EventTypes, "iModels.iModelCreated.v1")
	})
	s.becomes("refused", isReady)

	// What it must list before it can start.
	restore = s.without("namespaces")
	s.Must(manager.Stop())
	again, err := manager.Relaunch()
	s.Must(err)
	manager = again
	s.Eventually(manager.Output).Should(ContainSubstring(`cannot list resource \"namespaces\"`))
	s.Create(s.webhook("after"))
	restore()
	s.becomes("after", isReady)
	s.Expect(s.calls("POST /webhooks")).To(Equal(3))
}

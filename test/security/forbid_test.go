package security

import (
	"fmt"

	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// forbidStatus forbids every client to write the status of one Webhook, until the object that is returned is deleted.
func (s *scene) forbidStatus(w *itwinv1alpha1.Webhook) client.Object {
	s.Helper()
	policy := &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: w.Name},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{
				ResourceNames: []string{w.Name, w.Name + "-probe"},
				RuleWithOperations: admissionv1.RuleWithOperations{
					Operations: []admissionv1.OperationType{admissionv1.Update},
					Rule: admissionv1.Rule{
						APIGroups: []string{ours}, APIVersions: []string{"*"}, Resources: []string{"webhooks/status"},
					},
				},
			}}},
			Validations: []admissionv1.Validation{{Expression: "false", Message: "not now"}},
		},
	}
	binding := &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: w.Name},
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: w.Name, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
		},
	}
	s.add(policy, binding)
	s.retire(policy)
	// The policy is in force some time after it was made: an object of an unused class shows when.
	probe := s.webhook("unspeakable-probe", func(spec *itwinv1alpha1.WebhookSpec) { spec.Suspend = true })
	s.add(probe)
	s.retire(probe)
	s.Eventually(func() error {
		text := fmt.Sprintf(`{"status":{"deactivations":%d}}`, probe.Status.Deactivations+1)
		return s.plane.Client.Status().Patch(s.ctx, probe, client.RawPatch("application/merge-patch+json", []byte(text)))
	}).Should(MatchError(ContainSubstring("not now")))
	return binding
}

package controllers_test

import (
	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// stripped is a policy that takes the finalizers of Webhooks away: the API server accepts the operator's, and leaves it
// out.
func stripped(s *refusalScene) func() {
	remove := strip(s, itwinv1alpha1.GroupVersion.Group, "webhooks", "finalizers")
	probe := s.webhook("probe", func(spec *itwinv1alpha1.WebhookSpec) { spec.Suspend = true })
	Expect(api.Create(ctx, probe)).To(Succeed())
	finalizers := func() []string {
		patch := mergePatch(`{"metadata":{"finalizers":["example.com/probe"]}}`)
		Expect(api.Patch(ctx, probe, patch, client.DryRunAll)).To(Succeed())
		return probe.Finalizers
	}
	Eventually(finalizers).Should(BeEmpty(), s.row.name)
	return func() {
		remove()
		Eventually(finalizers).ShouldNot(BeEmpty(), s.row.name)
	}
}

// strippedAnnotations is a policy that takes the annotations of Secrets away.
func strippedAnnotations(s *refusalScene) func() {
	remove := strip(s, "", "secrets", "annotations")
	annotations := func() map[string]string {
		secret := &corev1.Secret{ObjectMeta: objectMeta(s.namespace, s.subject.SigningSecret().Name)}
		Expect(api.Patch(ctx, secret, mergePatch(`{"metadata":{"annotations":{"probe":"1"}}}`), client.DryRunAll)).To(Succeed())
		return secret.Annotations
	}
	Eventually(annotations).Should(BeEmpty(), s.row.name)
	return func() {
		remove()
		Eventually(annotations).ShouldNot(BeEmpty(), s.row.name)
	}
}

// templated asks for metadata of the generated Secret.
func templated(s *refusalScene) {
	change(s.subject, func(w *itwinv1alpha1.Webhook) {
		w.Spec.SecretTemplate = &itwinv1alpha1.SecretTemplate{
			Annotations: map[string]itwinv1alpha1.AnnotationValue{"reload": "true"},
		}
	})
}

// strip makes the API server take a field of the metadata away from what is updated in the scene's namespace.
func strip(s *refusalScene, group, resource, field string) (remove func()) {
	match := &admissionv1.MatchResources{
		NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: s.namespace}},
		ResourceRules: []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
			Operations: []admissionv1.OperationType{admissionv1.Update}, Rule: admissionv1.Rule{
				APIGroups: []string{group}, APIVersions: []string{"*"}, Resources: []string{resource},
			},
		}}},
	}
	object := &admissionv1.MutatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: s.namespace},
		Spec: admissionv1.MutatingAdmissionPolicySpec{
			MatchConstraints:   match,
			MatchConditions:    []admissionv1.MatchCondition{{Name: "has-it", Expression: "has(object.metadata." + field + ")"}},
			ReinvocationPolicy: admissionv1.NeverReinvocationPolicy,
			Mutations: []admissionv1.Mutation{{PatchType: admissionv1.PatchTypeJSONPatch, JSONPatch: &admissionv1.JSONPatch{
				Expression: `[JSONPatch{op: "remove", path: "/metadata/` + field + `"}]`,
			}}},
		},
	}
	binding := &admissionv1.MutatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: s.namespace},
		Spec:       admissionv1.MutatingAdmissionPolicyBindingSpec{PolicyName: s.namespace},
	}
	Expect(api.Create(ctx, object)).To(Succeed())
	Expect(api.Create(ctx, binding)).To(Succeed())
	return func() {
		Expect(api.Delete(ctx, binding)).To(Succeed())
		Expect(api.Delete(ctx, object)).To(Succeed())
	}
}

package api

import (
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// selects reports whether a selector is one of the Deployment's pods.
func selects(t *testing.T, selector *metav1.LabelSelector, deployment *appsv1.Deployment) bool {
	t.Helper()
	parsed, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		t.Fatal(err)
	}
	return !parsed.Empty() && parsed.Matches(labels.Set(deployment.Spec.Template.Labels))
}

// TestPodsSurviveTheDrainOfANode: two replicas on different nodes, of which one at a time may be evicted.
func TestPodsSurviveTheDrainOfANode(t *testing.T) {
	for _, dir := range []string{"default", "namespaced"} {
		t.Run(dir, func(t *testing.T) {
			g := NewWithT(t)
			objects := built(t, configDir(dir))
			deployment := one(t, objects, "Deployment", operatorAccount, &appsv1.Deployment{})
			g.Expect(deployment.Spec.Replicas).To(HaveValue(BeEquivalentTo(2)))
			g.Expect(deployment.Spec.Template.Spec.Containers[0].Args).To(ContainElement("--leader-elect"))

			budget := one(t, objects, "PodDisruptionBudget", operatorAccount, &policyv1.PodDisruptionBudget{})
			g.Expect(selects(t, budget.Spec.Selector, deployment)).To(BeTrue())
			g.Expect(budget.Spec.MaxUnavailable.IntValue()).To(Equal(1), "also a single replica can be evicted")

			g.Expect(deployment.Spec.Template.Spec.TopologySpreadConstraints).To(HaveLen(1))
			spread := deployment.Spec.Template.Spec.TopologySpreadConstraints[0]
			g.Expect(selects(t, spread.LabelSelector, deployment)).To(BeTrue())
			g.Expect(spread.TopologyKey).To(Equal(corev1.LabelHostname))
			g.Expect(spread.WhenUnsatisfiable).To(Equal(corev1.ScheduleAnyway), "one node is enough")
		})
	}
}

// TestPodNamesNoUser: OpenShift refuses a user outside of the namespace's range and assigns one; where none is assigned,
// the image's is used, which the kubelet holds to runAsNonRoot.
func TestPodNamesNoUser(t *testing.T) {
	g := NewWithT(t)
	kubectl(t, "apply", "--server-side", "-k", configDir("install"))
	deployment := one(t, built(t, configDir("default")), "Deployment", operatorAccount, &appsv1.Deployment{})
	pod := podOf(deployment)
	pod.Name = "any-user"
	for _, context := range []*int64{
		pod.Spec.SecurityContext.RunAsUser, pod.Spec.SecurityContext.RunAsGroup, pod.Spec.SecurityContext.FSGroup,
		pod.Spec.Containers[0].SecurityContext.RunAsUser, pod.Spec.Containers[0].SecurityContext.RunAsGroup,
	} {
		g.Expect(context).To(BeNil())
	}
	g.Expect(pod.Spec.SecurityContext.RunAsNonRoot).To(HaveValue(BeTrue()))
	pod.Spec.SecurityContext.RunAsUser = new(int64(1000650000))
	g.Expect(k8s.Create(t.Context(), pod, client.DryRunAll)).To(Succeed(), "with a user that OpenShift assigned")
	pod.Spec.SecurityContext.RunAsUser = new(int64(0))
	g.Expect(k8s.Create(t.Context(), pod, client.DryRunAll)).NotTo(Succeed())
}

// TestNetworkPolicyIsOptIn: an installation has none, and the one beside it is for its pods.
func TestNetworkPolicyIsOptIn(t *testing.T) {
	g := NewWithT(t)
	for _, dir := range []string{"default", "namespaced"} {
		g.Expect(names(built(t, configDir(dir)))).NotTo(ContainElement(HavePrefix("NetworkPolicy/")))
	}
	kubectl(t, "apply", "--server-side", "-k", configDir("default"))
	kubectl(t, "apply", "--server-side", "-k", configDir("network-policy"))
	deployment := one(t, built(t, configDir("default")), "Deployment", operatorAccount, &appsv1.Deployment{})
	policy := one(t, built(t, configDir("network-policy")), "NetworkPolicy", operatorAccount, &networkingv1.NetworkPolicy{})
	g.Expect(policy.Namespace).To(Equal(deployment.Namespace))
	g.Expect(selects(t, &policy.Spec.PodSelector, deployment)).To(BeTrue())

	ports := map[corev1.Protocol][]int{}
	for _, rule := range policy.Spec.Egress {
		for _, port := range rule.Ports {
			ports[*port.Protocol] = append(ports[*port.Protocol], port.Port.IntValue())
		}
	}
	g.Expect(ports[corev1.ProtocolUDP]).To(ConsistOf(53, 5353))
	g.Expect(ports[corev1.ProtocolTCP]).To(ConsistOf(53, 5353, 443, 6443, 16443))
}

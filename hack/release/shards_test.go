package main

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"webhook-operator.io/itwin/internal/harness"
	"webhook-operator.io/itwin/internal/harness/documented"
)

// TestDocumentedShards follows docs/deployment.md, with kubectl and with Helm: each of two operators in one namespace
// serves its Webhooks alone, has its rights, and shares no pod with a Service or PodDisruptionBudget of the other.
func TestDocumentedShards(t *testing.T) {
	blocks := documented.Commands(t, "docs/deployment.md", "## Shards", 2)
	for name, install := range map[string]string{"with kubectl": blocks[0], "with Helm": blocks[1]} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			c.sh(install)
			var deployments appsv1.DeploymentList
			c.Must(c.Client.List(c.Ctx, &deployments, client.InNamespace(harness.Namespace)))
			c.Expect(deployments.Items).To(HaveLen(2))
			for _, d := range deployments.Items {
				shard, _, _ := strings.Cut(d.Name, "-")
				pod := d.Spec.Template
				c.Expect(pod.Spec.Containers[0].Args).To(ContainElement("--watch-label-selector=shard=" + shard))
				c.Expect(c.selecting(pod.Labels)).To(ConsistOf(
					d.Name, d.Name, d.Name+"-metrics-service"), "Deployment, PodDisruptionBudget and Service")
				c.Expect(c.sh("kubectl auth can-i patch webhooks.itwin.webhook-operator.io --subresource=status --as=" +
					"system:serviceaccount:" + harness.Namespace + ":" + pod.Spec.ServiceAccountName)).To(Equal("yes\n"))
			}
			c.refusesDeletion()
		})
	}
}

// refusesDeletion checks that the kinds and the namespace are protected still by the policy of a shard after that of
// another is gone.
func (c *cluster) refusesDeletion() {
	c.Helper()
	c.sh("kubectl delete validatingadmissionpolicybinding a-" + operator + "-deletion")
	for _, object := range []string{"namespace/" + harness.Namespace, "crd/webhooks.itwin.webhook-operator.io"} {
		c.Eventually(func() error {
			_, err := c.tryAs(c.Kubeconfig, "kubectl delete --dry-run=server "+object)
			return err
		}).Should(MatchError(ContainSubstring("'b-" + operator + "-deletion'")))
	}
}

// selecting are the objects that select pods with these labels.
func (c *cluster) selecting(pod labels.Set) (names []string) {
	c.Helper()
	var deployments appsv1.DeploymentList
	var budgets policyv1.PodDisruptionBudgetList
	var services corev1.ServiceList
	for _, list := range []client.ObjectList{&deployments, &budgets, &services} {
		c.Must(c.Client.List(c.Ctx, list, client.InNamespace(harness.Namespace)))
	}
	selects := func(name string, by *metav1.LabelSelector) {
		selector, err := metav1.LabelSelectorAsSelector(by)
		c.Must(err)
		if selector.Matches(pod) {
			names = append(names, name)
		}
	}
	for _, d := range deployments.Items {
		selects(d.Name, d.Spec.Selector)
	}
	for _, b := range budgets.Items {
		selects(b.Name, b.Spec.Selector)
	}
	for _, s := range services.Items {
		selects(s.Name, &metav1.LabelSelector{MatchLabels: s.Spec.Selector})
	}
	return names
}

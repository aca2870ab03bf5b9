package main

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/harness"
	"webhook-operator.io/itwin/internal/harness/documented"
	"webhook-operator.io/itwin/test/upgrade"
)

// TestHelmUpgradesWhatKubectlInstalled follows docs/deployment.md, from what version 0.1.0 left.
func TestHelmUpgradesWhatKubectlInstalled(t *testing.T) {
	c := newCluster(t)
	before, err := upgrade.Restore(c.Ctx, c.ControlPlane, t.TempDir())
	c.Must(err)
	t.Cleanup(func() { stopped(t, before.Platform.Kill) })

	c.sh(strings.Join(documented.Commands(t, "docs/deployment.md", "### With Helm", 1), ""))
	pod := "kubectl get deployments --all-namespaces --output=jsonpath='{.items[0].spec.template.spec.securityContext}'"
	c.Expect(c.sh(pod)).To(MatchJSON(`{"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}}`))
	manager := c.run(harness.Namespace)
	c.Must(before.Written(c.Ctx))
	c.Must(before.Kept(c.Ctx))
	calls, err := before.Calls(c.Ctx)
	c.Must(err)
	c.Expect(calls.Created + calls.Deleted).To(BeZero())
	c.Must(manager.Stop())

	// Without the operator, everything stays.
	c.sh("helm uninstall itwin-webhook-operator --namespace " + harness.Namespace)
	c.Must(before.Written(c.Ctx))
	c.Must(before.Kept(c.Ctx))
	c.Expect(c.sh("kubectl get deployments,clusterroles,clusterrolebindings --all-namespaces --output=name")).
		NotTo(ContainSubstring("itwin-webhook-operator"))
}

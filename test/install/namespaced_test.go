package install

import (
	"testing"

	. "github.com/onsi/gomega"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/harness"
)

const team = "digital-twin"

// TestOwnerOfANamespaceInstallsTheOperatorThere: the owner has the cluster's role admin in one namespace, and no other
// right.
func TestOwnerOfANamespaceInstallsTheOperatorThere(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.namespace(team)
	c.MustKubectl("create", "rolebinding", "owner", "--clusterrole=admin", "--user=owner", "-n", team)
	owner, err := c.KubeconfigOf("owner")
	c.Must(err)
	as := func(args ...string) error {
		_, err := c.KubectlAs(c.Ctx, owner, args...)
		return err
	}
	overlay := c.overlay("namespaced", "namespace: "+team+"\n")

	// Without what the administrator applies, the rights of the operator are refused.
	c.Must(c.AggregateRoles(c.Ctx))
	c.Eventually(func() error { return as("apply", "-k", overlay) }).Should(MatchError(
		ContainSubstring(`"itwin-webhook-operator-namespaced-manager-role" not found`)))
	c.MustKubectl("apply", "--server-side", "-k", c.config("namespaced-admin"))
	c.Must(c.AggregateRoles(c.Ctx))
	c.Eventually(func() error { return as("apply", "-k", overlay) }).Should(Succeed())
	c.Expect(as("auth", "can-i", "patch", "webhooks.itwin.webhook-operator.io", "--subresource=status", "-n", team)).
		NotTo(Succeed(), "a status is the operator's to write")

	platform, err := harness.StartSimulator(c.Ctx, t.TempDir(), "--insecure-callbacks")
	c.Must(err)
	t.Cleanup(func() { c.Must(platform.Kill()) })
	manager, err := c.StartManagerIn(c.Ctx, team, "--watch-namespace="+team)
	c.Must(err)
	t.Cleanup(func() { c.Must(manager.Kill()) })

	// The samples are the owner's to apply, with the addresses of the platform here.
	samples := c.overlay("namespaced/samples", `patches:
- target: {kind: Connection}
  patch: |
    - {op: replace, path: /spec/apiUrl, value: "`+platform.URL+`"}
    - {op: replace, path: /spec/tokenUrl, value: "`+platform.TokenURL()+`"}
`)
	c.Must(as("apply", "-k", samples))
	c.Must(as("wait", "--for=condition=Ready", soon, "webhooks.itwin.webhook-operator.io", "--all", "-n", team))
	remotes, err := platform.Webhooks(c.Ctx)
	c.Must(err)
	c.Expect(remotes).To(HaveLen(2))

	// And so is removing it: the Webhooks first, the operator after them.
	c.Must(as("delete", soon, "webhooks.itwin.webhook-operator.io", "--all", "-n", team))
	c.Must(as("delete", soon, "-k", samples, "--ignore-not-found"))
	c.Must(manager.Stop())
	c.Must(as("delete", soon, "-k", overlay))
	remotes, err = platform.Webhooks(c.Ctx)
	c.Must(err)
	c.Expect(remotes).To(BeEmpty())
	var webhooks itwinv1alpha1.WebhookList
	c.Must(c.Client.List(c.Ctx, &webhooks))
	c.Expect(webhooks.Items).To(BeEmpty())
	c.Expect(c.MustKubectl("get", "deployments,roles,rolebindings,serviceaccounts", "-n", team, "-o", "name")).
		NotTo(ContainSubstring("itwin-webhook-operator"))
}

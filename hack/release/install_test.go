package main

import (
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/harness"
	"webhook-operator.io/itwin/internal/harness/documented"
)

var advice = regexp.MustCompile(`(?m)^  (kubectl .* get .*|kubectl get .*)$`)

// followNotes runs what the chart, once installed by the owner of a kubeconfig, advises to look at.
func (c *cluster) followNotes(kubeconfig, notes string) {
	c.Helper()
	commands := advice.FindAllString(notes, -1)
	c.Expect(commands).NotTo(BeEmpty())
	for _, command := range commands {
		// The API server serves new kinds a moment after it has taken them.
		c.Eventually(func() error { _, err := c.tryAs(kubeconfig, command); return err }).Should(Succeed(), command)
	}
}

// TestInstallForACluster follows docs/install.md with no more than dist, kubectl and Helm's library.
func TestInstallForACluster(t *testing.T) {
	install := documented.Commands(t, "docs/install.md", "## For a cluster", 2)
	remove := documented.Commands(t, "docs/install.md", "## Remove", 4)
	webhooks, byKubectl, byHelm, rest := remove[0], remove[1], remove[2], remove[3]
	again := map[string]string{install[0]: install[0], install[1]: strings.Replace(install[1], "helm install", "helm upgrade", 1)}
	for name, by := range map[string]struct{ install, remove string }{
		"with kubectl": {install[0], byKubectl}, "with Helm": {install[1], byHelm},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			collector, err := c.StartTeardownControllers()
			c.Must(err)
			t.Cleanup(func() { _ = collector.Kill() })
			out := c.sh(by.install)
			if by.install == install[1] {
				c.followNotes(c.Kubeconfig, out)
			}
			manager := c.run(harness.Namespace)
			w := c.addWebhook()
			c.sh(again[by.install])
			c.isUntouched(w)

			// Without the operator, Webhooks stay as they are; with another one, they go on.
			c.Must(manager.Stop())
			c.sh(by.remove)
			c.Expect(c.sh("kubectl get deployments,clusterroles,clusterrolebindings --all-namespaces --output=name")).
				NotTo(ContainSubstring("itwin-webhook-operator"))
			c.isUntouched(w)
			c.sh(by.install)
			manager = c.run(harness.Namespace)
			c.isUntouched(w)

			// And all of it can go.
			c.sh(webhooks)
			remotes, err := c.platform.Webhooks(c.Ctx)
			c.Must(err)
			c.Expect(remotes).To(BeEmpty())
			c.Must(manager.Stop())
			c.sh(by.remove)
			// The API server learns by watching that the policy of the operator is gone.
			c.Eventually(func() error { _, err := c.tryAs(c.Kubeconfig, rest); return err }).Should(Succeed())
			c.Expect(c.sh("kubectl get crds,namespaces --output=name")).NotTo(ContainSubstring("itwin"))
		})
	}
}

// TestInstallForOneNamespace follows docs/install.md as an administrator, and then as a user with the role admin in a namespace.
func TestInstallForOneNamespace(t *testing.T) {
	blocks := documented.Commands(t, "docs/install.md", "## For one namespace", 3)
	remove := documented.Commands(t, "docs/install.md", "## Remove from one namespace", 5)
	webhooks, byKubectl, byHelm, roles, all := remove[0], remove[1], remove[2], remove[3], remove[4]
	for name, by := range map[string]struct{ install, remove string }{
		"with kubectl": {blocks[1], byKubectl}, "with Helm": {blocks[2], byHelm},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			c.sh("kubectl create namespace " + team)
			c.sh("kubectl create rolebinding owner --clusterrole=admin --user=owner --namespace=" + team)
			owner, err := c.KubeconfigOf("owner")
			c.Must(err)
			c.sh(blocks[0])
			c.Must(c.AggregateRoles(c.Ctx))
			// The API server learns of roles by watching.
			mayBind := "kubectl create rolebinding waits --dry-run=server --serviceaccount=" + team + ":waits --namespace=" + team +
				" --clusterrole=itwin-webhook-operator-namespaced-manager-role"
			c.Eventually(func() error { _, err := c.tryAs(owner, mayBind); return err }).Should(Succeed())
			out := c.shAs(owner, by.install)
			if by.install == blocks[2] {
				c.followNotes(owner, out)
			}
			manager := c.run(team, "--watch-namespace="+team)
			w := c.addWebhook()
			c.isUntouched(w)

			c.shAs(owner, webhooks)
			remotes, err := c.platform.Webhooks(c.Ctx)
			c.Must(err)
			c.Expect(remotes).To(BeEmpty())
			c.Must(manager.Stop())
			c.shAs(owner, by.remove)
			c.Expect(c.sh("kubectl get deployments,roles,rolebindings --namespace=" + team + " --output=name")).
				NotTo(ContainSubstring("itwin-webhook-operator"))
			c.sh(roles)
			c.Expect(c.sh("kubectl get clusterroles --output=name")).NotTo(ContainSubstring("namespaced"))
			c.sh(all)
			c.Expect(c.sh("kubectl get crds,clusterroles --output=name")).NotTo(ContainSubstring("itwin"))
		})
	}
}

// TestDocumentedStepsFetchMetrics follows docs/deployment.md. What it says of forwarding a port is left out: the operator
// is a process here, whose address stands for the forwarded one.
func TestDocumentedStepsFetchMetrics(t *testing.T) {
	script := strings.Join(documented.Commands(t, "docs/deployment.md", "## Metrics", 3), "")
	c := newCluster(t)
	c.sh(documented.Commands(t, "README.md", "## Install", 2)[0])
	address, err := harness.FreeAddress()
	c.Must(err)
	c.run(harness.Namespace, "--metrics-bind-address="+address)
	c.addWebhook()
	out := c.sh(strings.ReplaceAll(script, "127.0.0.1:8443", address))
	c.Expect(out).To(ContainSubstring(`itwin_webhooks{`))
	_, err = c.tryAs(c.Kubeconfig, "curl --silent --fail --insecure https://"+address+"/metrics")
	c.Expect(err).To(HaveOccurred(), "others may not read them")
}

func TestHelmUpgradesAndRollsBack(t *testing.T) {
	c := newCluster(t)
	install := documented.Commands(t, "README.md", "## Install", 2)[1]
	c.sh(install)
	c.run(harness.Namespace)
	w := c.addWebhook()
	replicas := func() string {
		return c.sh("kubectl get deployment --namespace " + harness.Namespace +
			" itwin-webhook-operator-controller-manager --output=jsonpath='{.spec.replicas}'")
	}
	c.sh(strings.TrimSpace(strings.Replace(install, "helm install", "helm upgrade", 1)) + " --set replicas=3")
	c.Expect(replicas()).To(Equal("3"))
	c.sh("helm rollback itwin-webhook-operator 1 --namespace " + harness.Namespace)
	c.Expect(replicas()).To(Equal("2"))
	_, err := c.tryAs(c.Kubeconfig, "helm upgrade itwin-webhook-operator dist/*.tgz --set replica=3 --namespace "+harness.Namespace)
	c.Expect(err).To(MatchError(ContainSubstring("'replica' not allowed")))
	c.isUntouched(w)

	// A release that no longer has the kinds leaves them too.
	c.sh("helm upgrade itwin-webhook-operator dist/*.tgz --set crds.enabled=false --namespace " + harness.Namespace)
	var kept itwinv1alpha1.Webhook
	c.Must(c.Client.Get(c.Ctx, client.ObjectKeyFromObject(w), &kept))
	c.Expect(kept.ObjectMeta).To(And(HaveField("UID", w.UID), HaveField("DeletionTimestamp", (*metav1.Time)(nil))))
}

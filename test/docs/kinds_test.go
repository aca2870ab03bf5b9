package docs

import (
	"testing"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/harness/documented"
)

// TestCommandsOfTheKinds runs those of the pages of Webhook, Connection and ClusterConnection.
func TestCommandsOfTheKinds(t *testing.T) {
	t.Parallel()
	s := connected(t)
	s.run(documented.Commands(t, "docs/webhook.md", "## When the platform turns it off", 1)...)
	s.run(documented.Commands(t, "docs/webhook.md", "## Suspend", 1)...)
	s.waits("webhook/model-events")
	webhook := documented.Commands(t, "docs/webhook.md", "## Debugging", 3)
	s.soon(webhook[0])
	s.run(webhook[1:]...)
	s.Eventually(func() string {
		return s.MustKubectl("-n", "digital-twin", "get", "webhook", "model-events", "-o", "jsonpath={.status.lastHandledReconcileAt}")
	}).ShouldNot(BeEmpty())

	connection := documented.Commands(t, "docs/connection.md", "## Debugging", 3)
	s.soon(connection[0])
	s.run(connection[1:]...)

	s.run(documented.Commands(t, "docs/clusterconnection.md", "## Which namespaces", 1)...)
	s.useClusterConnection()
	cluster := documented.Commands(t, "docs/clusterconnection.md", "## Debugging", 3)
	s.soon(cluster[0])
	s.run(cluster[1])
	s.Expect(s.sh(cluster[2])).To(ContainSubstring("organization"))
}

// useClusterConnection lets a Webhook use it, at the host that it allows.
func (s *scene) useClusterConnection() {
	s.Helper()
	_, err := s.KubectlWith(s.Ctx, documented.Texts(s.T, "docs/clusterconnection.md", "# ClusterConnection", "yaml", 2)[1],
		"apply", "-f", "-")
	s.Must(err)
	s.waits("webhook/shared-events")
}

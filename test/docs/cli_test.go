package docs

import (
	"testing"

	"webhook-operator.io/itwin/internal/harness"
	"webhook-operator.io/itwin/internal/harness/documented"
)

// leads gives the operator's Deployment a status and a lease, as it has where Pods run.
func (s *scene) leads() {
	s.Helper()
	s.MustKubectl("-n", harness.Namespace, "patch", "deployment", "itwin-webhook-operator-controller-manager",
		"--subresource=status", "--type=merge", "-p", `{"status":{"replicas":2,"readyReplicas":2,"availableReplicas":2}}`)
	s.sh(`kubectl apply -f - <<EOF
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: itwin.webhook-operator.io, namespace: ` + harness.Namespace + `}
spec: {holderIdentity: pod, leaseDurationSeconds: 600, renewTime: "$(date -u +%Y-%m-%dT%H:%M:%S.000000Z)"}
EOF`)
}

func TestCommandsOfThePluginForDailyWork(t *testing.T) {
	s := connected(t)
	s.leads()
	s.waits("connection/default")
	s.MustKubectl("wait", "--for=condition=Ready", "--timeout=60s", "clusterconnection/organization")
	s.run(documented.Commands(t, "docs/cli.md", "## Install", 2)...)
	s.run(documented.Commands(t, "docs/cli.md", "## status", 2)...)
	s.run(documented.Commands(t, "docs/cli.md", "## reactivate, reconcile, rotate", 2)...)
	s.run(documented.Commands(t, "docs/cli.md", "## check", 1)...)
	s.run(documented.Commands(t, "docs/cli.md", "## report", 1)...)
}

package docs

import (
	"testing"

	"webhook-operator.io/itwin/internal/harness/documented"
)

func TestCommandsOfThePluginForDailyWork(t *testing.T) {
	s := connected(t)
	s.waits("connection/default")
	s.MustKubectl("wait", "--for=condition=Ready", "--timeout=60s", "clusterconnection/organization")
	s.run(documented.Commands(t, "docs/cli.md", "## Install", 2)...)
	s.run(documented.Commands(t, "docs/cli.md", "## status", 2)...)
	s.run(documented.Commands(t, "docs/cli.md", "## reactivate, reconcile, rotate", 2)...)
	s.run(documented.Commands(t, "docs/cli.md", "## check", 1)...)
	s.run(documented.Commands(t, "docs/cli.md", "## report", 1)...)
}

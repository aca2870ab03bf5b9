// Package security runs the operator as a process with the rights of the shipped manifests, and looks at it as those do
// who must trust it: at what it asks of the API server, at what it lets the platform do to it, and at every place where
// a secret could come to light.
package security

import (
	"os"
	"testing"

	"webhook-operator.io/itwin/internal/harness"
)

func TestMain(m *testing.M) {
	// As with an API server that cannot stream lists: an operator that gets streams has no need to list.
	if err := os.Setenv("KUBE_FEATURE_WatchListClient", "false"); err != nil {
		panic(err)
	}
	harness.Main(m, harness.Suite{Name: "security"})
}

func TestInstalledForACluster(t *testing.T) {
	t.Parallel()
	i := install(t, clusterWide)
	i.run(t)
	t.Run("is documented", i.isDocumented)
	t.Run("an owned Secret needs the finalizers of its owner", i.ownedSecretsNeedFinalizers)
}

func TestInstalledForANamespace(t *testing.T) {
	t.Parallel()
	i := install(t, oneNamespace)
	i.run(t)
}

// run plays every scenario, and then judges what was seen meanwhile.
func (i *installation) run(t *testing.T) {
	for _, s := range scenarios {
		if !s.clusterWide || i.extent == clusterWide {
			t.Run(s.name, func(t *testing.T) { i.play(t, s) })
		}
	}
	t.Run("leaks nothing", i.leaksNothing)
	t.Run("stops and lets go of its lease", i.stops)
	t.Run("is refused nothing", i.isRefusedNothing)
	t.Run("may do nothing that no scenario needs", i.needsEveryGrant)
}

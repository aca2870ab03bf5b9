package upgrade

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/yaml"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/harness"
)

func TestKubectlUpgrades(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	before, err := Restore(c.Ctx, c.ControlPlane, t.TempDir())
	c.Must(err)
	t.Cleanup(func() { c.Must(before.Platform.Kill()) })

	c.apply("install")
	manager, err := c.StartManager(c.Ctx)
	c.Must(err)
	t.Cleanup(func() { c.Must(manager.Kill()) })
	c.Must(before.Written(c.Ctx))
	c.Must(before.Kept(c.Ctx))
	calls, err := before.Calls(c.Ctx)
	c.Must(err)
	c.Expect(calls.NotDeleted).To(BeNumerically(">", 0), "what was being deleted is tried again")
	calls.NotDeleted = 0
	c.Expect(calls).To(Equal(Calls{Updated: len(changed), NotCreated: 2, NotUpdated: 1}))
	c.Must(manager.Stop())

	// Another start writes nothing.
	upgraded, err := List(c.Ctx, c.ControlPlane)
	c.Must(err)
	address, err := harness.FreeAddress()
	c.Must(err)
	manager, err = c.StartManager(c.Ctx, harness.MetricsFlags(address)...)
	c.Must(err)
	t.Cleanup(func() { c.Must(manager.Kill()) })
	c.Must(before.Idle(c.Ctx, address))
	c.Must(manager.Stop())
	c.isAs(upgraded)
	calls, err = before.Calls(c.Ctx)
	c.Must(err)
	c.Expect(calls.Created + calls.Deleted).To(BeZero())
	c.Expect(calls.Updated).To(Equal(len(changed)))

	// Without the operator, everything stays.
	c.MustKubectl("delete", "--timeout=60s", "-k", config(t, "default"))
	c.isAs(upgraded)
	c.Must(before.Kept(c.Ctx))
	c.Expect(c.MustKubectl("get", "deployments,clusterroles,clusterrolebindings", "--all-namespaces", "--output=name")).
		NotTo(ContainSubstring("itwin-webhook-operator"))
}

// isAs checks that no object was written since.
func (c *cluster) isAs(before Objects) {
	c.Helper()
	now, err := List(c.Ctx, c.ControlPlane)
	c.Must(err)
	c.Expect(now.Versions()).To(Equal(before.Versions()))
}

// config is a folder of config.
func config(t *testing.T, folder string) string {
	t.Helper()
	root, err := harness.Root()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(root, "config", folder)
}

func TestEachDifferenceIsInTheChangelog(t *testing.T) {
	root, err := harness.Root()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "CHANGELOG.md"))
	if err != nil {
		t.Fatal(err)
	}
	changelog := strings.Join(strings.Fields(string(text)), " ")
	for _, d := range Accepted {
		if !strings.Contains(changelog, d.Sentence) {
			t.Errorf("CHANGELOG.md lacks: %s", d.Sentence)
		}
	}
}

// TestEveryStateIsRecorded: these are the reasons of Ready that version 0.1.0 had.
func TestEveryStateIsRecorded(t *testing.T) {
	ofConnections := []string{"Connected", "SecretNotFound", "Unauthorized", "RateLimited", "PlatformUnavailable"}
	for kind, want := range map[string][]string{
		"connections": ofConnections, "clusterconnections": ofConnections,
		"webhooks": {
			"InSync", "Deactivated", "ConnectionNotFound", "ConnectionNotReady", "ConnectionNotAllowed", "SecretNotFound",
			"SecretInvalid", "Refused", "RateLimited", "PlatformUnavailable", "NotFound", "AlreadyClaimed", "Deleting",
		},
	} {
		var list itwinv1alpha1.WebhookList // the conditions of a connection are in the same place
		if err := yaml.Unmarshal([]byte(recorded(t, kind+".yaml")), &list); err != nil {
			t.Fatal(err)
		}
		found := map[string]bool{}
		for _, o := range list.Items {
			if ready := apimeta.FindStatusCondition(o.Status.Conditions, itwinv1alpha1.ReadyCondition); ready != nil {
				found[ready.Reason] = true
			}
		}
		NewWithT(t).Expect(slices.Collect(maps.Keys(found))).To(ConsistOf(want), kind)
	}
}

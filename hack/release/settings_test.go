package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/harness/documented"
)

// TestDocumentedOverlaysChangeTheDeployment builds the overlays of docs/deployment.md on install.yaml of a release.
func TestDocumentedOverlaysChangeTheDeployment(t *testing.T) {
	installed, err := exampleRelease(t, "").render("install")
	if err != nil {
		t.Fatal(err)
	}
	changes := [][]string{
		{`"replicas":1`, `"system-cluster-critical"`, `"memory":"512Mi"`, `ims.bentley.com,qa-api.bentley.com`},
		{`{"name":"HTTPS_PROXY","value":"http://proxy.example.com:3128"}`, `"NO_PROXY"`},
	}
	for i, overlay := range []string{
		documented.Texts(t, "docs/deployment.md", "## Change settings", "yaml", 1)[0],
		documented.Texts(t, "docs/deployment.md", "## Proxy", "yaml", 1)[0],
	} {
		deployment := deploymentOf(t, installed, overlay)
		for _, change := range changes[i] {
			if !strings.Contains(deployment, change) {
				t.Errorf("%s lacks %s", deployment, change)
			}
		}
	}
}

// TestDocumentedOverlayIsApplied over an installation, by the commands of docs/deployment.md.
func TestDocumentedOverlayIsApplied(t *testing.T) {
	c := newCluster(t)
	overlay := documented.Texts(t, "docs/deployment.md", "## Change settings", "yaml", 1)[0]
	c.Must(os.Mkdir(filepath.Join(c.dir, "operator"), 0o700))
	c.Must(os.WriteFile(filepath.Join(c.dir, "operator", "kustomization.yaml"), []byte(overlay), 0o600))
	c.sh(documented.Commands(t, "README.md", "## Install", 2)[0])
	c.sh(documented.Commands(t, "docs/deployment.md", "## Change settings", 1)[0])
	c.Expect(c.sh("kubectl get deployments --all-namespaces --output=jsonpath='{.items[*].spec.replicas}'")).To(Equal("1"))
}

// deploymentOf builds an overlay and returns its Deployment, as JSON.
func deploymentOf(t *testing.T, installed []byte, overlay string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string][]byte{"install.yaml": installed, "kustomization.yaml": []byte(overlay)} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	built, err := build(dir)
	if err != nil {
		t.Fatal(err)
	}
	deployment, err := json.Marshal(objects(t, string(built))["Deployment itwin-webhook-operator-controller-manager"])
	if err != nil {
		t.Fatal(err)
	}
	return string(deployment)
}

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var overlay = regexp.MustCompile("(?ms)^```yaml\n(resources: .*?)^```$")

// TestDocumentedOverlaysChangeTheDeployment builds the overlays of docs/deployment.md on install.yaml of a release.
func TestDocumentedOverlaysChangeTheDeployment(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs/deployment.md"))
	if err != nil {
		t.Fatal(err)
	}
	installed, err := exampleRelease(t, "").render("install")
	if err != nil {
		t.Fatal(err)
	}
	changes := [][]string{
		{`"replicas":1`, `"system-cluster-critical"`, `"memory":"512Mi"`, `ims.bentley.com,qa-api.bentley.com`},
		{`{"name":"HTTPS_PROXY","value":"http://proxy.example.com:3128"}`, `"NO_PROXY"`},
	}
	overlays := overlay.FindAllStringSubmatch(string(text), -1)
	if len(overlays) != len(changes) {
		t.Fatalf("%d overlays", len(overlays))
	}
	for i, found := range overlays {
		deployment := deploymentOf(t, installed, found[1])
		for _, change := range changes[i] {
			if !strings.Contains(deployment, change) {
				t.Errorf("%s lacks %s", deployment, change)
			}
		}
	}
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

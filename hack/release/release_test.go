package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/CycloneDX/cyclonedx-go"

	"webhook-operator.io/itwin/internal/harness"
)

// files of a release by name.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[entry.Name()] = string(content)
	}
	return all
}

func made(t *testing.T, epoch string) map[string]string {
	t.Helper()
	t.Setenv("SOURCE_DATE_EPOCH", epoch)
	dir := t.TempDir()
	if err := exampleRelease(t, dir).run(); err != nil {
		t.Fatal(err)
	}
	return files(t, dir)
}

func TestReleaseMadeTwiceHasEqualBytes(t *testing.T) {
	one, other := made(t, "1700000000"), made(t, "1700000000")
	if len(one) != len(manifests)+3 || len(one) != len(other) {
		t.Errorf("%d and %d files", len(one), len(other))
	}
	for name, content := range one {
		if other[name] != content {
			t.Errorf("%s differs", name)
		}
	}
	chart := operator + "-0.2.0.tgz"
	if later := made(t, "1700000001"); one[chart] == "" || later[chart] == one[chart] {
		t.Error("SOURCE_DATE_EPOCH is not used")
	}
}

func TestManifestsNameTheImageByDigest(t *testing.T) {
	images := regexp.MustCompile(`(?m)^ +image: (.*)$`)
	want := "registry.example.com/team/" + operator + "@sha256:" + strings.Repeat("0123456789abcdef", 4)
	found := 0
	for name, content := range made(t, "") {
		if !strings.HasSuffix(name, ".yaml") {
			continue
		}
		for _, image := range images.FindAllStringSubmatch(content, -1) {
			found++
			if image[1] != want {
				t.Errorf("%s runs %s", name, image[1])
			}
		}
	}
	if found != 3 {
		t.Errorf("%d images", found)
	}
}

func TestReleaseWithoutWhatItNeedsIsRefused(t *testing.T) {
	for name, spoil := range map[string]func(*release){
		"registry": func(r *release) { r.registry = "" },
		"image":    func(r *release) { delete(r.images, operator) },
		"root":     func(r *release) { r.root = t.TempDir() },
	} {
		r := exampleRelease(t, t.TempDir())
		spoil(r)
		if err := r.run(); err == nil {
			t.Errorf("made without %s", name)
		}
	}
}

// TestBillListsTheModulesOfTheProgram: by name, version and hash, as go.sum has them.
func TestBillListsTheModulesOfTheProgram(t *testing.T) {
	program, err := harness.Binary("manager")
	if err != nil {
		t.Fatal(err)
	}
	content := made(t, "1700000000")[operator+"-0.2.0.cdx.json"]
	var bill cyclonedx.BOM
	if err := cyclonedx.NewBOMDecoder(bytes.NewReader([]byte(content)), cyclonedx.BOMFileFormatJSON).Decode(&bill); err != nil {
		t.Fatal(err)
	}
	if bill.Metadata.Timestamp != "2023-11-14T22:13:20Z" || bill.Metadata.Component.Version != "0.2.0" {
		t.Errorf("%+v", bill.Metadata)
	}
	sums, err := os.ReadFile(root + "/go.sum")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, c := range *bill.Components {
		seen[c.Name] = true
		if c.Name != "std" && (c.Hashes == nil || !strings.Contains(string(sums), c.Name+" "+c.Version+" h1:")) {
			t.Errorf("%s %s is not in go.sum, or has no hash", c.Name, c.Version)
		}
	}
	for _, name := range []string{"std", "sigs.k8s.io/controller-runtime", "k8s.io/client-go"} {
		if !seen[name] {
			t.Errorf("%s lacks %s", program, name)
		}
	}
}

package main

import (
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	releasev1 "helm.sh/helm/v4/pkg/release/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	sigsyaml "sigs.k8s.io/yaml"

	"webhook-operator.io/itwin/internal/harness"
)

const (
	root  = "../.."
	chart = root + "/charts/itwin-webhook-operator"
)

// TestChartMakesTheObjectsOfKustomize compares the chart, object by object and field by field, with overlays of config
// that want the same. Only two things differ: the namespace is Helm's to make, and kinds say that Helm is to keep them.
func TestChartMakesTheObjectsOfKustomize(t *testing.T) {
	overlays, err := filepath.Glob("testdata/*/kustomization.yaml")
	if err != nil || len(overlays) < 6 {
		t.Fatalf("found %v, %v", overlays, err)
	}
	for _, overlay := range overlays {
		dir := filepath.Dir(overlay)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			rendered, err := build(dir)
			if err != nil {
				t.Fatal(err)
			}
			want := objects(t, string(rendered))
			delete(want, "Namespace "+harness.Namespace)
			got := objects(t, template(t, valuesOf(t, dir)))
			for name, object := range got {
				if strings.HasPrefix(name, "CustomResourceDefinition ") {
					forgetKeep(t, object)
				}
			}
			names := func(all map[string]map[string]any) []string { return slices.Sorted(maps.Keys(all)) }
			if diff := cmp.Diff(names(want), names(got)); diff != "" {
				t.Errorf("kustomize (-) and the chart (+) make other objects:\n%s", diff)
			}
			for name, object := range got {
				if diff := cmp.Diff(want[name], object); diff != "" && want[name] != nil {
					t.Errorf("%s of kustomize (-) and of the chart (+):\n%s", name, diff)
				}
			}
		})
	}
}

// forgetKeep removes what the chart adds to the kinds.
func forgetKeep(t *testing.T, crd map[string]any) {
	t.Helper()
	annotations := crd["metadata"].(map[string]any)["annotations"].(map[string]any)
	if annotations["helm.sh/resource-policy"] != "keep" {
		t.Errorf("Helm is not to keep the kind: %v", annotations)
	}
	delete(annotations, "helm.sh/resource-policy")
}

func valuesOf(t *testing.T, dir string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(text))
}

func parse(t *testing.T, text string) (values map[string]any) {
	t.Helper()
	if err := sigsyaml.Unmarshal([]byte(text), &values); err != nil {
		t.Fatal(err)
	}
	return values
}

// objects by kind and name.
func objects(t *testing.T, manifest string) map[string]map[string]any {
	t.Helper()
	all := map[string]map[string]any{}
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(manifest), 4096)
	for {
		var object map[string]any
		err := decoder.Decode(&object)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(object) == 0 {
			continue
		}
		name := object["kind"].(string) + " " + object["metadata"].(map[string]any)["name"].(string)
		if all[name] != nil {
			t.Errorf("%s is there twice", name)
		}
		all[name] = object
	}
}

// template renders the chart without a cluster, as helm template does.
func template(t *testing.T, values map[string]any) string {
	t.Helper()
	manifest, err := tryTemplate(values)
	if err != nil {
		t.Fatal(err)
	}
	return manifest
}

func newTemplate() *action.Install {
	install := action.NewInstall(action.NewConfiguration())
	install.DryRunStrategy = action.DryRunClient
	// The oldest that the chart promises.
	install.KubeVersion = &common.KubeVersion{Version: "v1.32.0", Major: "1", Minor: "32"}
	return install
}

func tryTemplate(values map[string]any) (string, error) {
	loaded, err := loader.Load(chart)
	if err != nil {
		return "", err
	}
	install := newTemplate()
	install.ReleaseName, install.Namespace = operator, harness.Namespace
	made, err := install.Run(loaded, values)
	if err != nil {
		return "", err
	}
	return made.(*releasev1.Release).Manifest, nil
}

func TestChartPassesLint(t *testing.T) {
	lint := action.NewLint()
	lint.Strict = true
	result := lint.Run([]string{chart}, map[string]any{})
	for _, message := range result.Messages {
		t.Logf("%v", message)
	}
	for _, err := range result.Errors {
		t.Error(err)
	}
}

func TestWrongValuesAreRefusedByName(t *testing.T) {
	for values, want := range map[string]string{
		"replica: 2":                       "'replica'",
		"image: {digets: x}":               "'digets'",
		"crds: {install: true}":            "'install'",
		"networkPolicy: {port: 1}":         "'port'",
		"scope: Cluster":                   "/scope",
		"image: {digest: latest}":          "/image/digest",
		"replicas: two":                    "/replicas",
		"proxy: {url: 'http://proxy'}":     "proxy.noProxy",
		"extraArgs: [leader-elect]":        "/extraArgs/0",
		"networkPolicy: {dnsPorts: [dns]}": "/networkPolicy/dnsPorts/0",

		"podDisruptionBudget: {maxUnavailable: 0%}": "/podDisruptionBudget/maxUnavailable",
	} {
		if _, err := tryTemplate(parse(t, values)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %s in it", values, err, want)
		}
	}
}

func TestValuesThatLookLikeOthersStayTexts(t *testing.T) {
	made, err := tryTemplate(parse(t, `{shard: {name: "1", webhooks: "a: b"}, priorityClassName: "1000",
		topologySpread: {topologyKey: "true"}, allowedApiHosts: ["a: b"], networkPolicy: {enabled: true,
		metricsFrom: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`itwin.webhook-operator.io/shard: "1"`, `priorityClassName: "1000"`, `topologyKey: "true"`,
		`- "--watch-label-selector=a: b"`, `- "--allowed-api-hosts=a: b"`, `kubernetes.io/metadata.name: monitoring`,
	} {
		if !strings.Contains(made, want) {
			t.Errorf("the manifests lack %s", want)
		}
	}
	if strings.Contains(made, "metrics: enabled") {
		t.Error("the selector of networkPolicy.metricsFrom has the label of the default, too")
	}
}

func TestNameThatIsTooLongIsRefused(t *testing.T) {
	loaded, err := loader.Load(chart)
	if err != nil {
		t.Fatal(err)
	}
	install := newTemplate()
	install.ReleaseName, install.Namespace = "itwin-webhook-operator-shard-a", "twins"
	if _, err := install.Run(loaded, nil); err == nil || !strings.Contains(err.Error(), "set fullnameOverride") {
		t.Error(err)
	}
}

// TestVersionIsTheSameEverywhere: VERSION is the source, and what cannot read it says the same.
func TestVersionIsTheSameEverywhere(t *testing.T) {
	version, err := os.ReadFile(root + "/VERSION")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.TrimSpace(string(version))
	loaded, err := loader.Load(chart)
	if err != nil {
		t.Fatal(err)
	}
	if loaded.Metadata.Version != want || loaded.Metadata.AppVersion != want {
		t.Errorf("Chart.yaml says %s and %s, VERSION %s", loaded.Metadata.Version, loaded.Metadata.AppVersion, want)
	}
	manager, err := os.ReadFile(root + "/config/manager/manager.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(manager), "image: "+placeholder+":"+want+"\n") {
		t.Errorf("config/manager does not name %s:%s", placeholder, want)
	}
	for _, page := range []string{"README.md", "docs/install.md"} {
		text, err := os.ReadFile(filepath.Join(root, page))
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile(`(?:operator|simulator|itwin)[-:]([0-9]+\.[0-9]+\.[0-9]+)`).FindAllSubmatch(text, -1) {
			if string(found[1]) != want {
				t.Errorf("%s names %s", page, found[0])
			}
		}
	}
}

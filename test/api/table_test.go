package api

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// row of a table in testdata: a manifest, as the change of a valid one, and all that the API server says about it.
type row struct {
	Name   string         `json:"name"`
	Before map[string]any `json:"before"`
	Change map[string]any `json:"change"`
	Says   []string       `json:"says"`
}

// table reads rows.
func table(t *testing.T, path ...string) (rows []row) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{"testdata"}, path...)...) + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(text, &rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

// The rows that are too long for a readable file.
var (
	longRefusedWebhooks = []row{
		{Name: "callbackUrl of 2049 characters", Change: specOf("callbackUrl", "https://h/"+strings.Repeat("a", 2039)),
			Says: []string{"spec.callbackUrl: Too long: may not be more than 2048 bytes"}},
		{Name: "eventTypes too many", Change: specOf("eventTypes", numbered("a.b.v%d", 101)),
			Says: []string{"spec.eventTypes: Too many: 101: must have at most 100 items"}},
		{Name: "secretTemplate with 17 labels", Change: specOf("secretTemplate", map[string]any{"labels": many("label-%d", 17)}),
			Says: []string{"spec.secretTemplate.labels: Too many: 17: must have at most 16 items"}},
		{Name: "secretTemplate with an annotation of 2049 characters",
			Change: specOf("secretTemplate", map[string]any{"annotations": map[string]any{"a": strings.Repeat("a", 2049)}}),
			Says:   []string{"spec.secretTemplate.annotations.a: Too long: may not be more than 2048 bytes"}},
	}
	longRefusedConnections = []row{
		{Name: "apiUrl of 2049 characters", Change: specOf("apiUrl", "https://h/"+strings.Repeat("a", 2039)),
			Says: []string{"spec.apiUrl: Too long: may not be more than 2048 bytes"}},
		{Name: "allowedCallbackHosts too many", Change: specOf("allowedCallbackHosts", numbered("h%d.example.com", 101)),
			Says: []string{"spec.allowedCallbackHosts: Too many: 101: must have at most 100 items"}},
	}
	longAcceptedWebhooks = []row{
		{Name: "callbackUrl of 2048 characters", Change: specOf("callbackUrl", "https://h/"+strings.Repeat("a", 2038))},
		{Name: "100 event types", Change: specOf("eventTypes", numbered("a.b.v%d", 100))},
		{Name: "an event type of 200 characters", Change: specOf("eventTypes", []any{"a.b.v" + strings.Repeat("1", 195)})},
		{Name: "the largest secretTemplate", Change: specOf("secretTemplate", map[string]any{
			"labels": many(strings.Repeat("a", 200)+".example.com/label-%d", 16), "annotations": many("annotation-%d", 16),
		})},
		{Name: "the longest name with a generated Secret", Change: named(238)},
		{Name: "the longest name with a Secret of its own", Before: withSecret, Change: named(253)},
	}
	longUpdates = []row{
		{Name: "secretRef removed from a long name", Before: merge(named(239), withSecret),
			Change: specOf("secretRef", nil),
			Says: []string{"metadata: Invalid value: metadata.name must be at most 238 characters unless spec.secretRef is " +
				"set: the generated Secret is named as the Webhook plus -webhook-secret"}},
	}
	withSecret = specOf("secretRef", map[string]any{"name": "hmac"})
)

func specOf(field string, value any) map[string]any {
	return map[string]any{"spec": map[string]any{field: value}}
}

func named(length int) map[string]any {
	return map[string]any{"metadata": map[string]any{"name": strings.Repeat("a", length)}}
}

func numbered(format string, n int) []any {
	all := make([]any, n)
	for i := range all {
		all[i] = fmt.Sprintf(format, i)
	}
	return all
}

// manifest reads one object, and changes it.
func manifest(t *testing.T, text string, changes ...map[string]any) *unstructured.Unstructured {
	t.Helper()
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &object.Object); err != nil {
		t.Fatal(err)
	}
	for _, change := range changes {
		object.Object = merge(object.Object, change)
	}
	return object
}

// merge applies a JSON merge patch: null takes a field away.
func merge(base, change map[string]any) (merged map[string]any) {
	if len(change) == 0 {
		return base
	}
	text := must(jsonpatch.MergePatch(must(json.Marshal(base)), must(json.Marshal(change))))
	if err := json.Unmarshal(text, &merged); err != nil {
		panic(err)
	}
	return merged
}

func must(text []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return text
}

// many is a map with numbered keys.
func many(key string, n int) map[string]any {
	all := map[string]any{}
	for i := range n {
		all[fmt.Sprintf(key, i)] = "value"
	}
	return all
}

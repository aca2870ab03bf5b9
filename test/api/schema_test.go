package api

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// plurals are the names of the kinds in their CRDs.
var plurals = []string{"webhooks", "connections", "clusterconnections"}

func TestEveryCRDIsOfAKindThatIsTested(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(configDir("crd"), "bases", "*.yaml"))
	if err != nil || len(files) != len(plurals) {
		t.Fatalf("found the CRDs %v: %v", files, err)
	}
}

// schemaOf returns the schema of a kind in the version of the Go types.
func schemaOf(t *testing.T, plural string) apiextensionsv1.JSONSchemaProps {
	t.Helper()
	var crd apiextensionsv1.CustomResourceDefinition
	read(t, filepath.Join("crd", "bases", itwinv1alpha1.GroupVersion.Group+"_"+plural+".yaml"), &crd)
	i := slices.IndexFunc(crd.Spec.Versions, func(v apiextensionsv1.CustomResourceDefinitionVersion) bool {
		return v.Name == itwinv1alpha1.GroupVersion.Version
	})
	if i < 0 {
		t.Fatalf("%s has no version %s", crd.Name, itwinv1alpha1.GroupVersion.Version)
	}
	return *crd.Spec.Versions[i].Schema.OpenAPIV3Schema
}

// rules are all CEL rules of a schema.
func rules(schema apiextensionsv1.JSONSchemaProps) []apiextensionsv1.ValidationRule {
	all := slices.Clone(schema.XValidations)
	for _, property := range schema.Properties {
		all = append(all, rules(property)...)
	}
	if schema.Items != nil && schema.Items.Schema != nil {
		all = append(all, rules(*schema.Items.Schema)...)
	}
	return all
}

// The messages name their field, so fields cannot share a rule by sharing a type: callbackUrl, apiUrl and tokenUrl have
// the same rules, but for the schemes that they accept.
func TestRulesWithTheSameMessageForTwoFieldsAreTheSame(t *testing.T) {
	g := NewWithT(t)
	fields, texts := map[string]map[string]bool{}, map[string]map[string]bool{}
	for _, plural := range plurals {
		for _, rule := range rules(schemaOf(t, plural)) {
			field, message, _ := strings.Cut(rule.Message, " ")
			message, _, _ = strings.Cut(message, ", as in https://")
			if fields[message] == nil {
				fields[message], texts[message] = map[string]bool{}, map[string]bool{}
			}
			fields[message][field] = true
			texts[message][strings.ReplaceAll(rule.Rule, "https?://", "https://")] = true
		}
	}
	shared := 0
	for message, all := range texts {
		g.Expect(all).To(HaveLen(1), message)
		if len(fields[message]) == 3 {
			shared++
		}
	}
	g.Expect(shared).To(Equal(4), "characters, user name, host and port of a URL")
}

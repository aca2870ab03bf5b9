package api

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/model"
	"k8s.io/apimachinery/pkg/util/version"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/environment"
)

const (
	// newestMinor is the minor number of the newest Kubernetes that the tests run on.
	newestMinor = 37
	// tooOldMinor is one that lacks functions which the rules call.
	tooOldMinor = 30
)

// oldestMinor is the minor number of the oldest Kubernetes that the documentation promises.
func oldestMinor(t *testing.T) (minor uint) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs", "api.md"))
	if err != nil {
		t.Fatal(err)
	}
	const promise = "on Kubernetes 1."
	_, after, _ := strings.Cut(string(text), promise)
	if _, err := fmt.Sscanf(after, "%d or later", &minor); err != nil {
		t.Fatalf("docs/api.md does not say %s… or later: %v", promise, err)
	}
	return minor
}

// TestRulesCompileInEverySupportedVersion: an API server of each version accepts the CRDs, by the functions that CEL
// rules of new objects may call there.
func TestRulesCompileInEverySupportedVersion(t *testing.T) {
	oldest := oldestMinor(t)
	NewWithT(t).Expect(oldest).To(BeNumerically("<", newestMinor))
	for minor := oldest; minor <= newestMinor; minor++ {
		t.Run(fmt.Sprintf("1.%d", minor), func(t *testing.T) {
			for _, plural := range plurals {
				compiled, problems := compile(t, plural, minor)
				NewWithT(t).Expect(problems).To(BeEmpty(), plural)
				NewWithT(t).Expect(compiled).To(Equal(len(rules(schemaOf(t, plural)))), plural)
			}
		})
	}
	_, problems := compile(t, "webhooks", tooOldMinor)
	NewWithT(t).Expect(problems).NotTo(BeEmpty(), "a version that lacks a function tells so")
}

// compile counts the rules of a kind that compile as in a version of Kubernetes, and tells what is wrong with the others.
func compile(t *testing.T, plural string, minor uint) (compiled int, problems []string) {
	t.Helper()
	var internal apiextensions.JSONSchemaProps
	props := schemaOf(t, plural)
	err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(&props, &internal, nil)
	if err != nil {
		t.Fatal(err)
	}
	structural, err := schema.NewStructural(&internal)
	if err != nil {
		t.Fatal(err)
	}
	functions := environment.MustBaseEnvSet(version.MajorMinor(1, minor))
	walk(structural, plural, true, func(s *schema.Structural, path string, root bool) {
		results, err := cel.Compile(s, model.SchemaDeclType(s, root), celconfig.PerCallLimit, functions,
			cel.NewExpressionsEnvLoader())
		if err != nil {
			problems = append(problems, path+": "+err.Error())
		}
		for _, result := range results {
			if result.Error != nil {
				problems = append(problems, path+": "+result.Error.Error())
				continue
			}
			compiled++
		}
	})
	return compiled, problems
}

// walk calls a function for each part of a schema.
func walk(s *schema.Structural, path string, root bool, visit func(s *schema.Structural, path string, root bool)) {
	if s == nil {
		return
	}
	visit(s, path, root)
	for name, property := range s.Properties {
		walk(&property, filepath.Join(path, name), false, visit)
	}
	walk(s.Items, path+"[]", false, visit)
	if s.AdditionalProperties != nil {
		walk(s.AdditionalProperties.Structural, path+"{}", false, visit)
	}
}

package api

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// field is a row of a table of docs/api.md.
type field struct{ path, preset string }

// TestReferenceOfFields: docs/api.md has a row for every field of the kinds, with its default, and for no other.
func TestReferenceOfFields(t *testing.T) {
	for _, kind := range []struct{ section, crd string }{
		{"Webhook", "webhooks"},
		{"Connection and ClusterConnection", "connections"},
		{"Connection and ClusterConnection", "clusterconnections"},
	} {
		t.Run(kind.crd, func(t *testing.T) {
			g := NewWithT(t)
			schema := schemaOf(t, kind.crd)
			want := append(fields(t, "spec", schema.Properties["spec"]), fields(t, "status", schema.Properties["status"])...)
			g.Expect(rows(section(t, kind.section))).To(ConsistOf(want))
		})
	}
}

// fields lists what is under a property, by path. Conditions are everybody's, and described as one.
func fields(t *testing.T, path string, schema apiextensionsv1.JSONSchemaProps) (all []field) {
	t.Helper()
	required := map[string]bool{}
	for _, name := range schema.Required {
		required[name] = true
	}
	for name, property := range schema.Properties {
		here := path + "." + name
		if name != "conditions" && property.Description == "" {
			t.Errorf("kubectl explain has nothing to say of %s: write a comment", here)
		}
		row := field{path: here}
		switch {
		// What the operator writes has no default that concerns a reader, but for the generation.
		case path == "status" || strings.HasPrefix(path, "status."):
		case required[name]:
			row.preset = "required"
		case property.Default != nil:
			row.preset = literal(property.Default.Raw)
		}
		all = append(all, row)
		if name == "conditions" {
			continue
		}
		all = append(all, fields(t, here, property)...)
		if property.Items != nil && property.Items.Schema != nil {
			all = append(all, fields(t, here+"[]", *property.Items.Schema)...)
		}
	}
	return all
}

// literal is a default as a manifest would write it.
func literal(raw []byte) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return "`" + text + "`"
	}
	return "`" + string(raw) + "`"
}

var (
	specRow   = regexp.MustCompile("(?m)^\\| `(spec\\.[^`]+)` \\| [^|]+ \\| ([^|]*) ?\\|")
	statusRow = regexp.MustCompile("(?m)^\\| `(status\\.[^`]+)` \\|")
)

func rows(text string) (all []field) {
	for _, row := range specRow.FindAllStringSubmatch(text, -1) {
		all = append(all, field{row[1], strings.TrimSpace(row[2])})
	}
	for _, row := range statusRow.FindAllStringSubmatch(text, -1) {
		all = append(all, field{path: row[1]})
	}
	return all
}

func reference(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs", "api.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func section(t *testing.T, title string) string {
	t.Helper()
	_, text, found := strings.Cut(reference(t), "\n## "+title+"\n")
	if !found {
		t.Fatalf("docs/api.md has no section %q", title)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	return text
}

// TestReferenceOfNames: every condition, reason, annotation and policy that the Go types declare is explained.
func TestReferenceOfNames(t *testing.T) {
	g := NewWithT(t)
	text := reference(t)
	for _, file := range []string{"conditions.go", "webhook_types.go"} {
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "api", "v1alpha1", file), nil, 0)
		g.Expect(err).NotTo(HaveOccurred())
		found := 0
		ast.Inspect(parsed, func(node ast.Node) bool {
			spec, ok := node.(*ast.ValueSpec)
			if !ok {
				return true
			}
			for _, value := range spec.Values {
				if name, ok := value.(*ast.BasicLit); ok && name.Kind == token.STRING {
					found++
					unquoted, err := strconv.Unquote(name.Value)
					g.Expect(err).NotTo(HaveOccurred())
					g.Expect(text).To(MatchRegexp("`[^`]*"+regexp.QuoteMeta(unquoted)+"[^`]*`"),
						"docs/api.md does not explain %s", unquoted)
				}
			}
			return true
		})
		g.Expect(found).To(BeNumerically(">", 8), file)
	}
}

var (
	// conditionRow is a row of a table of conditions: the condition, its status, and a reason.
	conditionRow = regexp.MustCompile("(?m)^\\| `([A-Za-z]+)` \\| (?:True|False) \\| `([A-Za-z]+)` \\|")
	// retryRow is a row of the table that says when each reason is tried again.
	retryRow = regexp.MustCompile("(?m)^\\| (`[A-Z][A-Za-z]+`(?:, `[A-Z][A-Za-z]+`)*) \\| [^|]+ \\|$")
)

// TestReferenceOfReasons: every reason has a row in a table of conditions, and there is no other row. Those of a
// Webhook's Ready condition have one about when they are tried again, too.
func TestReferenceOfReasons(t *testing.T) {
	g := NewWithT(t)
	parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "api", "v1alpha1", "conditions.go"), nil, 0)
	g.Expect(err).NotTo(HaveOccurred())
	declared := map[string]bool{}
	for name, object := range parsed.Scope.Objects {
		if literal := object.Decl.(*ast.ValueSpec).Values[0].(*ast.BasicLit); strings.HasSuffix(name, "Reason") {
			declared[strings.Trim(literal.Value, `"`)] = true
		}
	}
	documented := map[string]bool{}
	for _, row := range conditionRow.FindAllStringSubmatch(reference(t), -1) {
		documented[row[2]] = true
	}
	g.Expect(documented).To(Equal(declared))

	var ready, retried []string
	for _, row := range conditionRow.FindAllStringSubmatch(section(t, "Webhook"), -1) {
		if row[1] == "Ready" {
			ready = append(ready, row[2])
		}
	}
	for _, row := range retryRow.FindAllStringSubmatch(section(t, "Webhook"), -1) {
		retried = append(retried, strings.Split(strings.ReplaceAll(row[1], "`", ""), ", ")...)
	}
	g.Expect(retried).To(ConsistOf(ready))
}

// TestReferenceExamples: the manifests of the reference are accepted as they stand.
func TestReferenceExamples(t *testing.T) {
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(reference(t), -1)
	if len(blocks) < 2 {
		t.Fatalf("found %d manifests", len(blocks))
	}
	for _, block := range blocks {
		for _, object := range documents(t, block[1]) {
			t.Run(object.GetKind(), func(t *testing.T) {
				if object.GetNamespace() != "" {
					object.SetNamespace("default")
				}
				object.SetName(fmt.Sprintf("%s-of-the-reference", object.GetName()))
				create(t, object)
			})
		}
	}
}

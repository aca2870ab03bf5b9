package simulator

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"strconv"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// declared are the values of the constants of a file whose names begin in one way.
func declared(t *testing.T, file, prefix string) (values []string) {
	t.Helper()
	parsed, err := parser.ParseFile(gotoken.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(parsed, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, prefix) {
			return true
		}
		if literal, ok := spec.Values[0].(*ast.BasicLit); ok {
			value, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			values = append(values, value)
		}
		return true
	})
	return values
}

// The documentation is compared with the lists, and the errors name what they have.
func TestEveryDeclaredFaultAndVariantIsListed(t *testing.T) {
	g := NewWithT(t)
	g.Expect(faultActions).To(ConsistOf(declared(t, "faults.go", "action")))
	for _, action := range faultActions {
		g.Expect(errFaultAction.Error()).To(MatchRegexp(`[ ,]` + action + `\b`))
	}
	var names []string
	for _, v := range variants {
		names = append(names, v.name)
	}
	g.Expect(names).To(ConsistOf(append(declared(t, "variants.go", "variant"),
		declared(t, "variants_faults.go", "variant")...)))
}

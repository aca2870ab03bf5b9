package architecture

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// controllers are the folders whose code sets reasons and statuses.
var controllers = []string{
	"controllers/status", "controllers/connection", "controllers/webhook", "controllers/webhook/plan",
	"controllers/webhook/ledger", "controllers/tenancy", "controllers/identity",
}

// inspect walks the sources of folders.
func inspect(t *testing.T, folders []string, visit func(ast.Node)) {
	t.Helper()
	for _, folder := range folders {
		for _, text := range read(t, folder) {
			file, err := parser.ParseFile(token.NewFileSet(), folder, text, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(node ast.Node) bool {
				visit(node)
				return true
			})
		}
	}
}

func TestEveryReasonIsUsed(t *testing.T) {
	unused := map[string]bool{}
	path := filepath.Join(root, "api", "v1alpha1", "conditions.go")
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(node ast.Node) bool {
		if spec, ok := node.(*ast.ValueSpec); ok && strings.HasSuffix(spec.Names[0].Name, "Reason") {
			unused[spec.Names[0].Name] = true
		}
		return true
	})
	inspect(t, controllers, func(node ast.Node) {
		if s, ok := node.(*ast.SelectorExpr); ok {
			delete(unused, s.Sel.Name)
		}
	})
	for _, reason := range slices.Sorted(maps.Keys(unused)) {
		t.Errorf("the controllers never use %s", reason)
	}
}

// TestEveryStatusFieldIsWritten compares by name: a field counts as written where one of its name is.
func TestEveryStatusFieldIsWritten(t *testing.T) {
	for folder, status := range map[string]reflect.Type{
		"controllers/webhook":    reflect.TypeFor[itwinv1alpha1.WebhookStatus](),
		"controllers/connection": reflect.TypeFor[itwinv1alpha1.ConnectionStatus](),
	} {
		written := map[string]bool{"Conditions": true} // through controllers/status
		inspect(t, []string{folder}, func(node ast.Node) { noteWritten(node, written) })
		for field := range status.Fields() {
			if !written[field.Name] {
				t.Errorf("%s never writes status field %s", folder, field.Name)
			}
		}
	}
}

// noteWritten notes the fields that a statement assigns. Making a field empty is not writing it.
func noteWritten(node ast.Node, written map[string]bool) {
	switch n := node.(type) {
	case *ast.AssignStmt:
		for i, left := range n.Lhs {
			if s, ok := left.(*ast.SelectorExpr); ok && (len(n.Rhs) != len(n.Lhs) || !empty(n.Rhs[i])) {
				written[s.Sel.Name] = true
			}
		}
	case *ast.IncDecStmt:
		if s, ok := n.X.(*ast.SelectorExpr); ok {
			written[s.Sel.Name] = true
		}
	}
}

// empty reports whether an expression is "", 0 or nil.
func empty(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return e.Value == `""` || e.Value == "0"
	case *ast.Ident:
		return e.Name == "nil"
	}
	return false
}

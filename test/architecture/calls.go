package architecture

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
)

// reportFile is where each controller writes statuses.
const reportFile = "report.go"

// CheckStatusWrites finds writes of a status outside of the one function of a package that may, and one that does not
// compare first.
func CheckStatusWrites(controller Sources, writer string) (breaches []Breach, err error) {
	written := 0
	for _, name := range slices.Sorted(maps.Keys(controller)) {
		file, err := parser.ParseFile(token.NewFileSet(), name, controller[name], parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, declaration := range file.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok {
				continue
			}
			writes, compares := writesOfStatus(function)
			switch {
			case writes == 0:
			case name != reportFile || function.Name.Name != writer:
				breaches = append(breaches, Breach{name, function.Name.Name + " writes a status"})
			case !compares:
				breaches = append(breaches, Breach{name, function.Name.Name + " writes a status without comparing it"})
			default:
				written += writes
			}
		}
	}
	if written != 1 {
		breaches = append(breaches, Breach{reportFile, fmt.Sprintf("%d writes of a status, not 1", written)})
	}
	return breaches, nil
}

// writesOfStatus counts calls like Status().Patch, and reports whether DeepEqual is called as well.
func writesOfStatus(function *ast.FuncDecl) (writes int, compares bool) {
	ast.Inspect(function, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		compares = compares || s.Sel.Name == "DeepEqual"
		if call, ok := s.X.(*ast.CallExpr); ok && isStatusClient(call) && s.Sel.Name != "Get" {
			writes++
		}
		return true
	})
	return writes, compares
}

// isStatusClient recognizes Status() and SubResource("status").
func isStatusClient(call *ast.CallExpr) bool {
	s, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	if s.Sel.Name == "Status" {
		return len(call.Args) == 0
	}
	return s.Sel.Name == "SubResource"
}

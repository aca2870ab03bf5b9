package architecture

import (
	"fmt"
	"go/ast"
	"go/types"
	"maps"
	"slices"
	"strings"
)

const (
	fleetPath       = Module + "/internal/fleet"
	controllersPath = Module + "/controllers"
)

// remoteCalls are the methods of a fleet that call the platform, with the one file that may.
var remoteCalls = map[string]string{
	"Create": "execute.go", "Update": "execute.go", "Delete": "execute.go", "Confirm": "execute.go",
	"Poll": "connection_controller.go",
}

// CheckRemoteCalls finds calls to the platform outside of acting and polling.
func CheckRemoteCalls(fleet, controllers Sources) (breaches []Breach, err error) {
	k := known{}
	if _, err := k.add(fleetPath, fleet); err != nil {
		return nil, err
	}
	p, err := k.add(controllersPath, controllers)
	if err != nil {
		return nil, err
	}
	for name, file := range p.each() {
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && p.ofFleet(s) {
				if place, remote := remoteCalls[s.Sel.Name]; remote && place != name {
					breaches = append(breaches, Breach{name, fmt.Sprintf("%s of the fleet belongs into %s", s.Sel.Name, place)})
				}
			}
			return true
		})
	}
	return breaches, nil
}

// ofFleet reports whether a selector names a method of a fleet.
func (p *parsed) ofFleet(s *ast.SelectorExpr) bool {
	selection := p.info.Selections[s]
	if selection == nil || selection.Kind() == types.FieldVal {
		return false
	}
	method := selection.Obj()
	return method.Pkg() != nil && method.Pkg().Path() == fleetPath
}

// each yields the files in the order of their names.
func (p *parsed) each() func(func(string, *ast.File) bool) {
	return func(yield func(string, *ast.File) bool) {
		for _, name := range slices.Sorted(maps.Keys(p.files)) {
			if !yield(name, p.files[name]) {
				return
			}
		}
	}
}

// statusWriters are the functions that write a status, by their file. Each must compare before it writes.
var statusWriters = map[string]string{"report.go": "writeStatus", "connection_report.go": "report"}

// CheckStatusWrites finds writes of a status outside of reporting, and writers that do not compare first.
func CheckStatusWrites(controllers Sources) (breaches []Breach, err error) {
	p, err := known{}.add(controllersPath, controllers)
	if err != nil {
		return nil, err
	}
	found := map[string]int{}
	for name, file := range p.each() {
		for _, declaration := range file.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok {
				continue
			}
			writes, compares := writesOfStatus(function)
			switch {
			case writes == 0:
			case statusWriters[name] != function.Name.Name:
				breaches = append(breaches, Breach{name, function.Name.Name + " writes a status"})
			case !compares:
				breaches = append(breaches, Breach{name, function.Name.Name + " writes a status without comparing it"})
			default:
				found[name] += writes
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(statusWriters)) {
		if found[name] != 1 {
			breaches = append(breaches, Breach{name, fmt.Sprintf("%d writes of a status, not 1", found[name])})
		}
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

// impureImports and impureCalls are what a pure file has no use for.
var (
	impureImports = []string{"context", "net", "os", "io", "math/rand", "crypto/rand", "sync", "sigs.k8s.io", "k8s.io/client-go"}
	impureCalls   = []string{"time.Now", "time.Since", "time.Until", "time.Sleep", "time.After"}
)

// CheckPurity finds what would make the decision depend on anything but the facts it is given.
func CheckPurity(controllers Sources) (breaches []Breach, err error) {
	const name = "decide.go"
	if controllers[name] == "" {
		return []Breach{{name, "is not there"}}, nil
	}
	p, err := known{}.add(controllersPath, Sources{name: controllers[name]})
	if err != nil {
		return nil, err
	}
	file := p.files[name]
	for _, spec := range file.Imports {
		imported := strings.Trim(spec.Path.Value, `"`)
		if slices.ContainsFunc(impureImports, func(impure string) bool { return within(imported, impure) }) {
			breaches = append(breaches, Breach{name, "imports " + imported})
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && slices.Contains(impureCalls, types.ExprString(s)) {
			breaches = append(breaches, Breach{name, "calls " + types.ExprString(s)})
		}
		return true
	})
	return breaches, nil
}

package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
)

// section is what a test requests the blocks of. Without a heading, it is the whole page.
type section struct{ page, heading string }

// requests are the tests that run blocks, by section: commands, and blocks of another language.
type requests struct {
	commands map[section][]string
	texts    map[section][]string
}

// findRequests reads the sources of all tests of the repository, those of other modules too.
func findRequests(root string) (*requests, error) {
	found := &requests{map[section][]string{}, map[section][]string{}}
	return found, walk(root, ".go", func(name string) error {
		if !strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, declared := range file.Decls {
			if test, isFunction := declared.(*ast.FuncDecl); isFunction {
				found.read(name+" "+test.Name.Name, test)
			}
		}
		return nil
	})
}

// read notes the calls of a function to the package documented.
func (r *requests) read(where string, test *ast.FuncDecl) {
	ast.Inspect(test, func(node ast.Node) bool {
		call, isCall := node.(*ast.CallExpr)
		if !isCall || len(call.Args) < 2 {
			return true
		}
		called, isSelector := call.Fun.(*ast.SelectorExpr)
		if !isSelector {
			return true
		}
		from, isName := called.X.(*ast.Ident)
		if !isName || from.Name != "documented" {
			return true
		}
		s := section{page: literal(call.Args[1])}
		if len(call.Args) > 2 {
			s.heading = literal(call.Args[2])
		}
		switch called.Sel.Name {
		case "Commands", "PageCommands":
			r.commands[s] = append(r.commands[s], where)
		case "Texts":
			r.texts[s] = append(r.texts[s], where)
		}
		return true
	})
}

// literal is a text of the source; one that is made at run time says nothing here.
func literal(e ast.Expr) string {
	l, isLiteral := e.(*ast.BasicLit)
	if !isLiteral {
		return ""
	}
	text, err := strconv.Unquote(l.Value)
	if err != nil {
		return ""
	}
	return text
}

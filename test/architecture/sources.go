package architecture

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"path"
	"slices"
)

// Sources are files of one package: their text by name.
type Sources map[string]string

// parsed is a package with the types of its expressions, as far as they come from known packages.
type parsed struct {
	files map[string]*ast.File
	info  *types.Info
}

// known packages are typed; of all others nothing is known, which is enough to find those that the rules speak of.
type known map[string]*types.Package

// Import implements types.Importer.
func (k known) Import(importPath string) (*types.Package, error) {
	if p := k[importPath]; p != nil {
		return p, nil
	}
	p := types.NewPackage(importPath, path.Base(importPath))
	p.MarkComplete()
	return p, nil
}

// add types a package by its sources, so that those after it can use its types.
func (k known) add(importPath string, sources Sources) (*parsed, error) {
	p := &parsed{
		files: map[string]*ast.File{},
		info:  &types.Info{Selections: map[*ast.SelectorExpr]*types.Selection{}},
	}
	positions := token.NewFileSet()
	files := make([]*ast.File, 0, len(sources))
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		file, err := parser.ParseFile(positions, name, sources[name], parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		p.files[name] = file
		files = append(files, file)
	}
	config := types.Config{Importer: k, Error: func(error) {}}
	// What comes from packages that are not known cannot be typed; that is no error here.
	k[importPath], _ = config.Check(importPath, positions, files, p.info)
	return p, nil
}

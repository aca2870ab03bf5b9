package house

import (
	"fmt"
	"slices"
	"strings"
)

// Module is ours.
const Module = "webhook-operator.io/itwin"

// Package is what go list tells of one.
type Package struct {
	ImportPath string
	Imports    []string
}

// room is a folder with its packages, and what they may import beside themselves and the standard library.
type room struct {
	folder string
	// ours are the rooms of ours that may be imported; nil is none.
	ours []string
	// kubernetes are the packages of Kubernetes that may be; nil is any.
	kubernetes []string
}

// rooms are all that there are: imports run downward only.
var rooms = []room{
	{folder: "api"},
	{folder: "internal/platform", kubernetes: []string{"k8s.io/utils/clock"}},
	{folder: "internal/fleet", ours: []string{"internal/platform"}, kubernetes: []string{"k8s.io/utils/clock"}},
	{folder: "internal/proof", kubernetes: []string{}},
	{folder: "internal/simulator", kubernetes: []string{}},
	{folder: "internal/harness", ours: []string{"api", "internal/simulator"}},
	{folder: "controllers", ours: []string{"api", "internal/fleet", "internal/platform", "internal/proof"}},
	{folder: "cmd/manager", ours: []string{"api", "controllers", "internal/proof"}},
	{folder: "cmd/itwin-simulator", ours: []string{"internal/simulator"}, kubernetes: []string{}},
	{folder: "cmd/demo", ours: []string{"api", "internal/harness", "internal/simulator"}},
	{folder: "hack"},
	{folder: "test", ours: []string{"api", "controllers", "internal"}},
}

// CheckImports finds imports that run upward or sideways.
func CheckImports(packages []Package) (breaches []Breach) {
	for _, p := range packages {
		path, _ := strings.CutPrefix(p.ImportPath, Module+"/")
		i := slices.IndexFunc(rooms, func(r room) bool { return within(path, r.folder) })
		if i < 0 {
			breaches = append(breaches, Breach{p.ImportPath, "the design has no such room"})
			continue
		}
		for _, imported := range p.Imports {
			if !rooms[i].allows(imported) {
				breaches = append(breaches, Breach{p.ImportPath, fmt.Sprintf("imports %s", imported)})
			}
		}
	}
	return breaches
}

func (r room) allows(imported string) bool {
	if path, ours := strings.CutPrefix(imported, Module+"/"); ours {
		return within(path, r.folder) || slices.ContainsFunc(r.ours, func(folder string) bool { return within(path, folder) })
	}
	if within(imported, "k8s.io") || within(imported, "sigs.k8s.io") {
		return r.kubernetes == nil || slices.Contains(r.kubernetes, imported)
	}
	return true
}

func within(path, folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }

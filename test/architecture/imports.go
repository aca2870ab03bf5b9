package architecture

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

// layer is a folder with its packages, and what they may import beside themselves and the standard library.
type layer struct {
	folder string
	// ours are the layers of ours that may be imported; nil is none.
	ours []string
	// kubernetes are the packages of Kubernetes, with those below them, that may be; nil is any.
	kubernetes []string
	// standard allows nothing of others' but the standard library.
	standard bool
}

var (
	// clocks and data are what a package may import of Kubernetes that calls nothing.
	clocks = []string{"k8s.io/utils/clock"}
	data   = []string{"k8s.io/apimachinery", "k8s.io/api"}
	// shared is what both controllers use.
	shared = []string{
		"api", "controllers/identity", "controllers/kube", "controllers/metrics", "controllers/status",
		"controllers/tenancy", "internal/backoff", "internal/buildinfo", "internal/fleet", "internal/platform", "internal/proof",
	}
)

// layers are all that there are, those within others first: imports run downward only.
var layers = []layer{
	{folder: "api"},
	{folder: "simulator", kubernetes: []string{}},
	{folder: "signature", kubernetes: []string{}, standard: true}, // for programs that are not ours
	{folder: "config/crd"},
	{folder: "internal/backoff", kubernetes: []string{}},
	{folder: "internal/buildinfo", kubernetes: []string{}},
	{folder: "internal/platform", kubernetes: clocks},
	{folder: "internal/fleet", ours: []string{"internal/backoff", "internal/platform"}, kubernetes: clocks},
	{folder: "internal/advice", ours: []string{"api"}, kubernetes: []string{}},
	{
		folder: "internal/cli",
		ours: []string{
			"api", "controllers/tenancy", "internal/advice", "internal/buildinfo", "internal/fleet", "internal/platform",
			"internal/scheme", "signature",
		},
	},
	{folder: "internal/figures", kubernetes: []string{}},
	{folder: "internal/proof", kubernetes: []string{}},
	{folder: "internal/scheme", ours: []string{"api"}},
	{folder: "internal/harness", ours: []string{"api", "internal/scheme", "signature", "simulator"}},
	{folder: "internal/simtest", ours: []string{"api", "controllers", "internal", "simulator"}},
	{folder: "controllers/identity", ours: []string{"api", "internal/platform", "internal/proof"}, kubernetes: data},
	{folder: "controllers/kube", ours: []string{"api", "controllers/status"}},
	{
		folder: "controllers/metrics",
		ours:   []string{"api", "controllers/kube", "controllers/status", "internal/buildinfo", "internal/fleet", "internal/platform"},
	},
	{folder: "controllers/status", ours: []string{"api", "internal/fleet", "internal/platform"}, kubernetes: data},
	{folder: "controllers/tenancy", ours: []string{"internal/platform"}, kubernetes: data},
	{
		folder: "controllers/webhook/plan", kubernetes: data, // deciding calls nothing
		ours: []string{
			"api", "controllers/identity", "controllers/status", "internal/backoff", "internal/fleet", "internal/platform",
			"internal/proof",
		},
	},
	{
		folder: "controllers/webhook/ledger", kubernetes: append(clocks, data...),
		ours: []string{"controllers/webhook/plan", "internal/backoff", "internal/platform", "internal/proof"},
	},
	{folder: "controllers/webhook", ours: append([]string{"controllers/webhook"}, shared...)},
	{folder: "controllers/connection", ours: shared},
	{folder: "controllers", ours: append([]string{"controllers"}, shared...)},
	{
		folder: "itwintest",
		ours:   []string{"api", "config/crd", "controllers", "internal/buildinfo", "internal/proof", "internal/scheme", "simulator"},
	},
	{folder: "cmd/manager", ours: []string{"api", "controllers", "internal/buildinfo", "internal/proof", "internal/scheme"}},
	{folder: "cmd/itwin-simulator", ours: []string{"internal/buildinfo", "simulator"}, kubernetes: []string{}},
	{folder: "cmd/kubectl-itwin", ours: []string{"internal/buildinfo", "internal/cli"}},
	{folder: "cmd/demo", ours: []string{"api", "internal/buildinfo", "internal/harness", "simulator"}},
	{folder: "hack/troubleshooting", ours: []string{"internal/advice"}, kubernetes: []string{}},
	{folder: "hack"},
	{folder: "test", ours: []string{"api", "controllers", "internal", "signature", "simulator"}},
}

// CheckImports finds imports that run upward or sideways.
func CheckImports(packages []Package) (breaches []Breach) {
	for _, p := range packages {
		path, _ := strings.CutPrefix(p.ImportPath, Module+"/")
		i := slices.IndexFunc(layers, func(r layer) bool { return within(path, r.folder) })
		if i < 0 {
			breaches = append(breaches, Breach{p.ImportPath, "the design has no such layer"})
			continue
		}
		for _, imported := range p.Imports {
			if !layers[i].allows(imported) {
				breaches = append(breaches, Breach{p.ImportPath, fmt.Sprintf("imports %s", imported)})
			}
		}
	}
	return breaches
}

func (r layer) allows(imported string) bool {
	if path, ours := strings.CutPrefix(imported, Module+"/"); ours {
		return within(path, r.folder) || slices.ContainsFunc(r.ours, func(folder string) bool { return within(path, folder) })
	}
	if within(imported, "k8s.io") || within(imported, "sigs.k8s.io") {
		return r.kubernetes == nil || slices.ContainsFunc(r.kubernetes, func(folder string) bool {
			return within(imported, folder)
		})
	}
	first, _, _ := strings.Cut(imported, "/")
	return !r.standard || !strings.Contains(first, ".") // a path of the standard library begins with no host
}

func within(path, folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }

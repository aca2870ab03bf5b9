// Apilint holds the types of api/ to the API conventions of Kubernetes, by chosen linters of kube-api-linter.
//
//	apilint ./api/...
package main

import (
	"fmt"
	"os"

	"golang.org/x/tools/go/analysis/multichecker"
	"sigs.k8s.io/kube-api-linter/pkg/analysis/registry"
	"sigs.k8s.io/kube-api-linter/pkg/config"
	_ "sigs.k8s.io/kube-api-linter/pkg/registration"
)

func main() {
	analyzers, err := registry.DefaultRegistry().InitializeLinters(linters, settings)
	if err != nil {
		fmt.Fprintln(os.Stderr, "apilint:", err)
		os.Exit(2)
	}
	multichecker.Main(analyzers...)
}

// linters are those that run. The others are off for a reason:
//
//   - maxlength: each string and list of a spec has a bound, without which the API server would refuse the CEL rules.
//     It also wants bounds in a status, where the API server would then refuse what the operator reports.
//   - minlength, optionalfields, requiredfields: they want pointers, or minima, wherever Go's zero value could be
//     given. A CEL rule refuses an empty name, URL or id here, and false, 0 and absent mean the same.
//   - defaults: it does not know that omitzero omits a metav1.Duration.
//   - nobools: spec.active and spec.suspend are named and typed as in other Kubernetes APIs with such fields.
//   - nodurations: spec.pollInterval is a Go duration, as intervals of other GitOps tools are.
//   - nonpointerstructs is for types that are validated in Go, not by a CRD.
//   - conflictingmarkers, dependenttags, forbiddenmarkers, namingconventions, preferredmarkers have no rules of their
//     own.
var linters = config.Linters{
	Enable: []string{
		"arrayofstruct",
		"commentstart",
		"conditions",
		"defaultorrequired",
		"duplicatemarkers",
		"integers",
		"jsontags",
		"nofloats",
		"nomaps",
		"nonullable",
		"nophase",
		"noreferences",
		"notimestamp",
		"optionalorrequired",
		"ssatags",
		"statusoptional",
		"statussubresource",
		"uniquemarkers",
	},
	Disable: []string{"*"},
}

// settings of the linters that have some. Protobuf and patch strategies are for types that are compiled into the API
// server.
var settings = config.LintersConfig{
	"conditions": map[string]any{"isFirstField": "Ignore", "useProtobuf": "Forbid", "usePatchStrategy": "Forbid"},
}

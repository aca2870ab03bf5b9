package export

import (
	"fmt"
	"slices"
	"strings"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/tenancy"
	"webhook-operator.io/itwin/internal/platform"
)

// defaultConnection is the name of a Webhook's connection that names none.
const defaultConnection = "default"

// place is where manifests are for, and through which connection.
type place struct {
	namespace string
	kind      itwinv1alpha1.ConnectionKind
	name      string
	// connection is nil where it was not read.
	connection itwinv1alpha1.ConnectionObject
}

// reference is what a manifest says of the connection; nil where it need not.
func (p place) reference() *reference {
	if p.kind == itwinv1alpha1.ConnectionKindNamespaced && p.name == defaultConnection {
		return nil
	}
	return &reference{Kind: string(p.kind), Name: p.name}
}

// String names the connection for people.
func (p place) String() string {
	if p.kind == itwinv1alpha1.ConnectionKindCluster {
		return "ClusterConnection " + p.name
	}
	return "Connection " + p.namespace + "/" + p.name
}

// warnings are what the connection would not allow of an import.
func (p place) warnings(exported []platform.Webhook) (found []string) {
	if p.connection == nil {
		return nil
	}
	if !p.connection.AllowsAdoption() {
		found = append(found, fmt.Sprintf("%s lets no Webhook import: set its spec.allowAdoption to Matching", p))
	}
	hosts := p.connection.ConnectionSpec().AllowedCallbackHosts
	var refused []string
	for _, w := range exported {
		if !tenancy.CallbackAllowed(hosts, w.CallbackURL) && !slices.Contains(refused, hostOf(w.CallbackURL)) {
			refused = append(refused, hostOf(w.CallbackURL))
		}
	}
	if len(refused) > 0 {
		slices.Sort(refused)
		found = append(found, fmt.Sprintf("%s does not allow callbacks to %s, and would turn their webhooks off: add them "+
			"to its spec.allowedCallbackHosts", p, strings.Join(refused, ", ")))
	}
	return found
}

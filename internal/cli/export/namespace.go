package export

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/tenancy"
	"webhook-operator.io/itwin/internal/cli/problem"
)

// namespaceWarnings are what keeps the Webhooks of a namespace from a ClusterConnection.
func (p place) namespaceWarnings(ctx context.Context, c client.Reader) []string {
	if p.connection == nil || p.kind != itwinv1alpha1.ConnectionKindCluster {
		return nil
	}
	selector := p.connection.ConnectionSpec().AllowedNamespaces
	if selector == nil {
		return []string{fmt.Sprintf("%s allows no namespace: let its spec.allowedNamespaces select %q", p, p.namespace)}
	}
	var namespace corev1.Namespace
	if err := c.Get(ctx, client.ObjectKey{Name: p.namespace}, &namespace); err != nil {
		return []string{fmt.Sprintf("it is unknown whether %s allows namespace %q: %s", p, p.namespace,
			problem.Explain(err).What)}
	}
	if tenancy.NamespaceAllowed(selector, namespace.Labels) {
		return nil
	}
	return []string{fmt.Sprintf("%s does not allow namespace %q: let its spec.allowedNamespaces select the labels of the "+
		"namespace, or choose another one by -n", p, p.namespace)}
}

package webhook

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/kube"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/controllers/tenancy"
	"webhook-operator.io/itwin/internal/fleet"
)

// observeConnection finds out whether the connection exists, allows the object, and is ready.
func (r *Reconciler) observeConnection(ctx context.Context, o *observation) error {
	f, target := &o.facts, o.target
	ref := f.Webhook.Spec.ConnectionRef
	if ref.Kind == itwinv1alpha1.ConnectionKindCluster && !r.Cluster {
		f.Connection.Problem = &status.Problem{Reason: itwinv1alpha1.ConnectionNotFoundReason,
			Message: "This installation of the operator is bound to namespaces and serves no ClusterConnections"}
		return nil
	}
	connection, err := kube.ConnectionNamed(ctx, r.Kube, kube.ConnectionOf(f.Webhook))
	if apierrors.IsNotFound(err) {
		f.Connection.Problem = &status.Problem{Reason: itwinv1alpha1.ConnectionNotFoundReason, Message: fmt.Sprintf(
			"There is no %s %q; create it, or name another in spec.connectionRef", ref.Kind, ref.Name)}
		return nil
	}
	if err != nil {
		return err
	}
	if f.Connection.Problem, err = r.prohibition(ctx, f.Webhook, connection); err != nil {
		return err
	}
	if f.Connection.Problem != nil {
		f.Connection.Forbidden = true
		return nil
	}
	f.Connection.Adoption = connection.AllowsAdoption()
	f.Connection.Problem = notReady(connection, ref, target)
	return nil
}

// mayUse reports whether an object may use a connection, which it does not have to refer to, and whether that exists.
// Of those in other namespaces it may use none.
func (r *Reconciler) mayUse(
	ctx context.Context, w *itwinv1alpha1.Webhook, key string,
) (allowed, exists bool, err error) {
	if namespace, _, _ := strings.Cut(key, "/"); namespace != "" && namespace != w.Namespace {
		return false, true, nil
	}
	connection, err := kube.ConnectionNamed(ctx, r.Kube, key)
	if err != nil {
		return false, false, client.IgnoreNotFound(err)
	}
	problem, err := r.prohibition(ctx, w, connection)
	return problem == nil, true, err
}

// prohibition returns why a connection refuses this namespace or callback; nil when it does not. A namespace that is
// not allowed is told nothing else about the connection.
func (r *Reconciler) prohibition(
	ctx context.Context, w *itwinv1alpha1.Webhook, connection itwinv1alpha1.ConnectionObject,
) (*status.Problem, error) {
	spec, kind := connection.ConnectionSpec(), itwinv1alpha1.ConnectionKindNamespaced
	if connection.GetNamespace() == "" {
		kind = itwinv1alpha1.ConnectionKindCluster
		labels, err := kube.NamespaceLabels(ctx, r.Kube, w.Namespace)
		if err != nil {
			return nil, err
		}
		if !tenancy.NamespaceAllowed(spec.AllowedNamespaces, labels) {
			message := fmt.Sprintf("ClusterConnection %q does not allow namespace %q; its spec.allowedNamespaces must select "+
				"the namespace's labels", connection.GetName(), w.Namespace)
			return &status.Problem{Reason: itwinv1alpha1.ConnectionNotAllowedReason, Message: message}, nil
		}
	}
	if tenancy.CallbackAllowed(spec.AllowedCallbackHosts, w.Spec.CallbackURL) {
		return nil, nil
	}
	message := fmt.Sprintf("%s %q allows no callback to this host; its spec.allowedCallbackHosts ", kind,
		connection.GetName())
	if kind == itwinv1alpha1.ConnectionKindCluster {
		// Its hosts may be those of other tenants.
		message += "must have a pattern that matches it"
	} else {
		message += fmt.Sprintf("are %q", spec.AllowedCallbackHosts)
	}
	return &status.Problem{Reason: itwinv1alpha1.ConnectionNotAllowedReason, Message: message}, nil
}

// notReady returns why nothing can be sent through a connection; nil while that is not known.
func notReady(
	connection itwinv1alpha1.ConnectionObject, ref itwinv1alpha1.ConnectionReference, target fleet.Reader,
) *status.Problem {
	if target != nil && target.Fleet().Synced() && target.Closed() == nil {
		return nil
	}
	st := connection.ConnectionStatus()
	ready := apimeta.FindStatusCondition(st.Conditions, itwinv1alpha1.ReadyCondition)
	if ready == nil || ready.Status == metav1.ConditionTrue || st.ObservedGeneration != connection.GetGeneration() {
		return nil
	}
	reason := ready.Reason
	if reason != itwinv1alpha1.RateLimitedReason && reason != itwinv1alpha1.PlatformUnavailableReason {
		reason = itwinv1alpha1.ConnectionNotReadyReason
	}
	message := fmt.Sprintf("%s %q is not ready: %s", ref.Kind, ref.Name, ready.Message)
	return &status.Problem{Reason: reason, Message: message}
}

package kube

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// Field indexes of the cache.
const (
	// ByConnection finds the Webhooks of a connection, by its key.
	ByConnection = "spec.connection"
	// ByClaim finds the Webhooks that own a remote webhook or gave it up (identity.ClaimKey), and those that ask to import
	// it (identity.RequestKey).
	ByClaim = "claim"
	// BySecret finds the objects that refer to a Secret, by "namespace/name".
	BySecret = "spec.secret"
	// ByDelivery finds the Webhooks with a scope and a callback (plan.DeliveryKey).
	ByDelivery = "spec.delivery"
)

// ConnectionKey names a connection: "namespace/name", or "/name" for a ClusterConnection. Metrics use it too.
func ConnectionKey(namespace, name string) string { return namespace + "/" + name }

// ConnectionOf is the key of the connection that a Webhook uses.
func ConnectionOf(w *itwinv1alpha1.Webhook) string {
	if w.Spec.ConnectionRef.Kind == itwinv1alpha1.ConnectionKindCluster {
		return ConnectionKey("", w.Spec.ConnectionRef.Name)
	}
	return ConnectionKey(w.Namespace, w.Spec.ConnectionRef.Name)
}

// SecretsOf are the Secrets of a connection, as "namespace/name".
func SecretsOf(c itwinv1alpha1.ConnectionObject) []string {
	spec, namespace := c.ConnectionSpec(), c.CredentialsNamespace()
	secrets := []string{namespace + "/" + spec.CredentialsSecretRef.Name}
	if spec.CABundleSecretRef != nil {
		secrets = append(secrets, namespace+"/"+spec.CABundleSecretRef.Name)
	}
	return secrets
}

// givenSecretOf is the Secret that a Webhook refers to, as "namespace/name"; "" when its own is generated, whose name
// tells whose it is.
func givenSecretOf(w *itwinv1alpha1.Webhook) string {
	if w.GeneratesSecret() {
		return ""
	}
	return w.Namespace + "/" + w.SigningSecret().Name
}

// AddIndexes registers the indexes. Cluster-wide kinds are left out of a namespaced installation.
//
// claims and delivery are what a Webhook says of remote webhooks, and where its events go.
func AddIndexes(
	ctx context.Context, mgr manager.Manager, cluster bool,
	claims func(*itwinv1alpha1.Webhook) []string, delivery func(*itwinv1alpha1.Webhook) string,
) error {
	onWebhook := func(value func(*itwinv1alpha1.Webhook) string) client.IndexerFunc {
		return func(o client.Object) []string {
			if v := value(o.(*itwinv1alpha1.Webhook)); v != "" {
				return []string{v}
			}
			return nil
		}
	}
	onClaims := func(o client.Object) []string { return claims(o.(*itwinv1alpha1.Webhook)) }
	onConnection := func(o client.Object) []string { return SecretsOf(o.(itwinv1alpha1.ConnectionObject)) }
	type index struct {
		object client.Object
		field  string
		values client.IndexerFunc
	}
	indexes := []index{
		{&itwinv1alpha1.Webhook{}, ByConnection, onWebhook(ConnectionOf)},
		{&itwinv1alpha1.Webhook{}, ByClaim, onClaims},
		{&itwinv1alpha1.Webhook{}, BySecret, onWebhook(givenSecretOf)},
		{&itwinv1alpha1.Webhook{}, ByDelivery, onWebhook(delivery)},
		{&itwinv1alpha1.Connection{}, BySecret, onConnection},
	}
	if cluster {
		indexes = append(indexes, index{&itwinv1alpha1.ClusterConnection{}, BySecret, onConnection})
	}
	for _, i := range indexes {
		if err := mgr.GetFieldIndexer().IndexField(ctx, i.object, i.field, i.values); err != nil {
			return err
		}
	}
	return nil
}

// KeyOf names a connection.
func KeyOf(c itwinv1alpha1.ConnectionObject) string {
	return ConnectionKey(c.GetNamespace(), c.GetName())
}

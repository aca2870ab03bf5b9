package controllers

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/proof"
)

// Field indexes of the cache.
const (
	// byConnection finds the Webhooks of a connection, by its key.
	byConnection = "spec.connection"
	// byClaim finds the Webhooks that own a remote webhook or gave it up (claimKey), and those that ask to import it
	// (requestKey).
	byClaim = "claim"
	// bySecret finds the objects that refer to a Secret, by "namespace/name".
	bySecret = "spec.secret"
	// byDelivery finds the Webhooks with a scope and a callback (deliveryKey).
	byDelivery = "spec.delivery"
)

// connectionKey names a connection: "namespace/name", or "/name" for a ClusterConnection. Metrics use it too.
func connectionKey(namespace, name string) string { return namespace + "/" + name }

// connectionOf is the key of the connection that a Webhook uses.
func connectionOf(w *v1alpha1.Webhook) string {
	if w.Spec.ConnectionRef.Kind == v1alpha1.ConnectionKindCluster {
		return connectionKey("", w.Spec.ConnectionRef.Name)
	}
	return connectionKey(w.Namespace, w.Spec.ConnectionRef.Name)
}

// secretsOf are the Secrets of a connection, as "namespace/name".
func secretsOf(c v1alpha1.ConnectionObject) []string {
	spec, namespace := c.ConnectionSpec(), c.CredentialsNamespace()
	secrets := []string{namespace + "/" + spec.CredentialsSecretRef.Name}
	if spec.CABundleSecretRef != nil {
		secrets = append(secrets, namespace+"/"+spec.CABundleSecretRef.Name)
	}
	return secrets
}

// givenSecretOf is the Secret that a Webhook refers to, as "namespace/name"; "" when its own is generated, whose name
// tells whose it is.
func givenSecretOf(w *v1alpha1.Webhook) string {
	if w.GeneratesSecret() {
		return ""
	}
	return w.Namespace + "/" + w.SigningSecret().Name
}

// addIndexes registers the indexes. Cluster-wide kinds are left out of a namespaced installation.
func addIndexes(ctx context.Context, mgr manager.Manager, key proof.Key, cluster bool) error {
	onWebhook := func(value func(*v1alpha1.Webhook) string) client.IndexerFunc {
		return func(o client.Object) []string {
			if v := value(o.(*v1alpha1.Webhook)); v != "" {
				return []string{v}
			}
			return nil
		}
	}
	claims := func(o client.Object) []string { return claimKeys(o.(*v1alpha1.Webhook), key) }
	onConnection := func(o client.Object) []string { return secretsOf(o.(v1alpha1.ConnectionObject)) }
	type index struct {
		object client.Object
		field  string
		values client.IndexerFunc
	}
	indexes := []index{
		{&v1alpha1.Webhook{}, byConnection, onWebhook(connectionOf)},
		{&v1alpha1.Webhook{}, byClaim, claims},
		{&v1alpha1.Webhook{}, bySecret, onWebhook(givenSecretOf)},
		{&v1alpha1.Webhook{}, byDelivery, onWebhook(deliveryKey)},
		{&v1alpha1.Connection{}, bySecret, onConnection},
	}
	if cluster {
		indexes = append(indexes, index{&v1alpha1.ClusterConnection{}, bySecret, onConnection})
	}
	for _, i := range indexes {
		if err := mgr.GetFieldIndexer().IndexField(ctx, i.object, i.field, i.values); err != nil {
			return err
		}
	}
	return nil
}

package kube

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// ConnectionNamed reads a connection from the cache by its key. What it returns is the cache's own: do not change it.
func ConnectionNamed(ctx context.Context, cache client.Reader, key string) (itwinv1alpha1.ConnectionObject, error) {
	namespace, name, _ := strings.Cut(key, "/")
	var connection itwinv1alpha1.ConnectionObject = &itwinv1alpha1.Connection{}
	if namespace == "" {
		connection = &itwinv1alpha1.ClusterConnection{}
	}
	found := client.ObjectKey{Namespace: namespace, Name: name}
	return connection, cache.Get(ctx, found, connection, client.UnsafeDisableDeepCopy)
}

// NamespaceLabels reads the labels of a namespace from the cache. One that the cache does not show yet is an error:
// without labels, a selector with NotIn would allow it.
func NamespaceLabels(ctx context.Context, cache client.Reader, name string) (map[string]string, error) {
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	err := cache.Get(ctx, client.ObjectKey{Name: name}, namespace)
	if apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("the cache does not show namespace %q yet", name)
	}
	return namespace.Labels, err
}

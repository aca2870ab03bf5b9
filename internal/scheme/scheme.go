// Package scheme knows the kinds that this project's programs read and write.
package scheme

import (
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// New returns a scheme with the kinds of Kubernetes and those of the operator.
func New() *runtime.Scheme {
	scheme := runtime.NewScheme()
	// Registering fails only when two types of one build have the same name.
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(itwinv1alpha1.AddToScheme(scheme))
	return scheme
}

package controllers

import (
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/cache"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/kube"
)

// NewScheme returns a scheme with the kinds that a manager of these controllers reads and writes.
func NewScheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	// Registering fails only when two types of one build have the same name.
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(itwinv1alpha1.AddToScheme(scheme))
	return scheme
}

// Cache configures the cache of a manager that Add is called with, for the same options.
func (o Options) Cache() cache.Options {
	options := cache.Options{
		DefaultTransform: kube.Transform(o.Selector),
		NewInformer:      kube.NewInformer,
		// A read that would silently start a watch, say of all Secrets, is an error.
		ReaderFailOnMissingInformer: true,
	}
	for _, namespace := range o.Namespaces {
		if options.DefaultNamespaces == nil {
			options.DefaultNamespaces = map[string]cache.Config{}
		}
		options.DefaultNamespaces[namespace] = cache.Config{}
	}
	return options
}

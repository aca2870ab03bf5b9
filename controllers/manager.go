package controllers

import (
	"sigs.k8s.io/controller-runtime/pkg/cache"

	"webhook-operator.io/itwin/controllers/kube"
)

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

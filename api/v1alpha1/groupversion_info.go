// Package v1alpha1 holds the kinds of the API group itwin.webhook-operator.io: Webhook, Connection and
// ClusterConnection. Every rule a manifest must obey stands here as schema or CEL, so that the API server refuses what
// the operator could not carry out; no admission webhook is needed.
//
// The rules for URLs read the text with regular expressions, because CEL's url() takes what follows a # for a part of
// the path, says nothing of a user name, and has results of unknown length, which exceed the API server's cost budget.
// Each rule looks at one property and lets the others pass, so that a refusal says just what is wrong. Lengths and
// counts are bounded everywhere for the same budget.
//
// +kubebuilder:object:generate=true
// +groupName=itwin.webhook-operator.io
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the group and version of the kinds of this package.
var GroupVersion = schema.GroupVersion{Group: "itwin.webhook-operator.io", Version: "v1alpha1"}

// AddToScheme registers the kinds of this package.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion,
		&Webhook{}, &WebhookList{},
		&Connection{}, &ConnectionList{},
		&ClusterConnection{}, &ClusterConnectionList{},
	)
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}

// Package kinds compares the kinds that a cluster has with those that this program was built with.
package kinds

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/cli/env"
	"webhook-operator.io/itwin/internal/cli/problem"
)

// Kind is one of ours, as a cluster has it.
type Kind struct {
	Name string `json:"name"`
	// Installed is false when the cluster does not have it in our version.
	Installed bool `json:"installed"`
	// Lacking are the fields that it does not have, such as status.lastHandledRotateAt: its CRD is older than this
	// program.
	Lacking []string `json:"lacking,omitempty"`
}

// ours are the kinds with the types of their specs and statuses.
var ours = []struct {
	name         string
	spec, status reflect.Type
}{
	{"Webhook", reflect.TypeFor[itwinv1alpha1.WebhookSpec](), reflect.TypeFor[itwinv1alpha1.WebhookStatus]()},
	{"Connection", reflect.TypeFor[itwinv1alpha1.ConnectionSpec](), reflect.TypeFor[itwinv1alpha1.ConnectionStatus]()},
	{
		"ClusterConnection",
		reflect.TypeFor[itwinv1alpha1.ConnectionSpec](), reflect.TypeFor[itwinv1alpha1.ConnectionStatus](),
	},
}

// schema is the part of an OpenAPI schema that is compared.
type schema struct {
	Properties map[string]schema         `json:"properties"`
	Kinds      []metav1.GroupVersionKind `json:"x-kubernetes-group-version-kind"`
}

// Read asks the API server for the schemas of our group, which every user who is logged in may read.
func Read(ctx context.Context, c kubernetes.Interface) ([]Kind, error) {
	path := "/openapi/v3/apis/" + itwinv1alpha1.GroupVersion.String()
	data, err := c.Discovery().RESTClient().Get().AbsPath(path).DoRaw(ctx)
	if apierrors.IsNotFound(err) {
		data, err = []byte("{}"), nil
	}
	if err != nil {
		return nil, err
	}
	var document struct {
		Components struct {
			Schemas map[string]schema `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(data, &document); err != nil {
		return nil, fmt.Errorf("read the schemas of %s: %w", itwinv1alpha1.GroupVersion, err)
	}
	return compare(document.Components.Schemas), nil
}

func compare(schemas map[string]schema) (kinds []Kind) {
	for _, kind := range ours {
		found := Kind{Name: kind.name}
		for _, s := range schemas {
			if !s.is(kind.name) {
				continue
			}
			found.Installed = true
			found.Lacking = slices.Concat(
				lacking("spec", kind.spec, s.Properties["spec"]), lacking("status", kind.status, s.Properties["status"]))
		}
		kinds = append(kinds, found)
	}
	return kinds
}

func (s schema) is(kind string) bool {
	return slices.ContainsFunc(s.Kinds, func(gvk metav1.GroupVersionKind) bool {
		return gvk == metav1.GroupVersionKind(itwinv1alpha1.GroupVersion.WithKind(kind))
	})
}

// lacking are the fields of a type that a schema does not have.
func lacking(path string, of reflect.Type, s schema) (fields []string) {
	for field := range of.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if _, has := s.Properties[name]; !has {
			fields = append(fields, path+"."+name)
		}
	}
	return fields
}

// Require refuses to go on in a cluster that lacks fields of a Webhook. A user who may not read the schemas is let
// through.
func Require(ctx context.Context, e *env.Env, fields ...string) error {
	c, err := e.Clientset()
	if err != nil {
		return err
	}
	found, err := Read(ctx, c)
	if apierrors.IsForbidden(err) {
		return nil
	}
	if err != nil {
		return err
	}
	webhook := found[0]
	if !webhook.Installed {
		return problem.NotInstalled()
	}
	for _, field := range fields {
		if slices.Contains(webhook.Lacking, field) {
			return problem.New(
				fmt.Sprintf("the CRDs of this cluster are older than this program: Webhooks have no field %s", field),
				"upgrade the operator and its CRDs, or use the kubectl-itwin of their version")
		}
	}
	return nil
}

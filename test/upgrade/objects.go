package upgrade

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/harness"
)

// Objects are all of the operator's kinds and all Secrets but Helm's, by kind, namespace and name, as in
// "Webhook digital-twin/insync".
type Objects map[string]unstructured.Unstructured

// List reads them.
func List(ctx context.Context, plane *harness.ControlPlane) (Objects, error) {
	all := Objects{}
	for _, kind := range []schema.GroupVersionKind{
		itwinv1alpha1.GroupVersion.WithKind("Webhook"), itwinv1alpha1.GroupVersion.WithKind("Connection"),
		itwinv1alpha1.GroupVersion.WithKind("ClusterConnection"), corev1.SchemeGroupVersion.WithKind("Secret"),
	} {
		var list unstructured.UnstructuredList
		list.SetGroupVersionKind(kind)
		if err := plane.Client.List(ctx, &list); err != nil {
			return nil, err
		}
		for _, o := range list.Items {
			if o.Object["type"] == "helm.sh/release.v1" {
				continue
			}
			name := o.GetName()
			if o.GetNamespace() != "" {
				name = o.GetNamespace() + "/" + name
			}
			all[kind.Kind+" "+name] = o
		}
	}
	return all, nil
}

// Versions are the resourceVersions of the objects.
func (o Objects) Versions() map[string]string {
	versions := map[string]string{}
	for name, object := range o {
		versions[name] = object.GetResourceVersion()
	}
	return versions
}

// differences are the paths at which objects differ, each as in "status.conditions[Ready].message", with both values,
// but for those of Secrets.
func differences(before, after Objects) map[string]map[string]string {
	all := map[string]map[string]string{}
	names := maps.Clone(before)
	maps.Copy(names, after)
	for name := range names {
		was, is := map[string]string{}, map[string]string{}
		flatten(before[name].Object, "", was)
		flatten(after[name].Object, "", is)
		paths := maps.Clone(was)
		maps.Copy(paths, is)
		for path := range paths {
			if was[path] == is[path] || path == "metadata.resourceVersion" {
				continue
			}
			if all[name] == nil {
				all[name] = map[string]string{}
			}
			all[name][path] = "a secret value"
			if !strings.HasPrefix(path, "data.") {
				all[name][path] = fmt.Sprintf("%s -> %s", cmp.Or(was[path], "none"), cmp.Or(is[path], "none"))
			}
		}
	}
	return all
}

// flatten collects the values of an object by their paths. Conditions are told apart by their types.
func flatten(value any, path string, into map[string]string) {
	switch v := value.(type) {
	case map[string]any:
		for key, value := range v {
			if key == "managedFields" {
				continue
			}
			sub := key
			if path != "" {
				sub = path + "." + key
			}
			flatten(value, sub, into)
		}
	case []any:
		for n, value := range v {
			index := fmt.Sprint(n)
			if condition, is := value.(map[string]any); is && path == "status.conditions" {
				index = fmt.Sprint(condition["type"])
			}
			flatten(value, fmt.Sprintf("%s[%s]", path, index), into)
		}
	default:
		into[path] = fmt.Sprint(value)
	}
}

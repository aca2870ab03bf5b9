package simtest

import (
	"errors"
	"reflect"
	"slices"

	jsonpatch "github.com/evanphx/json-patch/v5"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// patch applies a merge patch to an object, or to its status alone, and gives back the result.
func (c *cluster) patch(o client.Object, patch client.Patch, status bool) error {
	r := refOf(o)
	current, exists := c.objects[r]
	if !exists {
		return apierrors.NewNotFound(r.resource(), r.key.Name)
	}
	data, err := patch.Data(o)
	if err != nil {
		return err
	}
	patched, err := merged(current, data, status)
	if err != nil {
		return err
	}
	if patched.GetResourceVersion() != current.GetResourceVersion() {
		return apierrors.NewConflict(r.resource(), r.key.Name, errChanged)
	}
	if status {
		// Of the metadata, the subresource looks at nothing but the version.
		restoreMetadata(patched, current)
	}
	if err := forbidden(current, patched); err != nil {
		return err
	}
	if !equality.Semantic.DeepEqual(specOf(patched), specOf(current)) {
		patched.SetGeneration(current.GetGeneration() + 1)
	}
	if !equality.Semantic.DeepEqual(patched, current) {
		c.store(patched)
	}
	return convert(patched, o)
}

var errChanged = errors.New("the object has been modified")

func restoreMetadata(patched, current client.Object) {
	patched.SetAnnotations(current.GetAnnotations())
	patched.SetLabels(current.GetLabels())
	patched.SetFinalizers(current.GetFinalizers())
	patched.SetOwnerReferences(current.GetOwnerReferences())
}

// specOf is what a change of makes a new generation; nil for a kind without generations.
func specOf(o client.Object) any {
	switch o := o.(type) {
	case *itwinv1alpha1.Webhook:
		return o.Spec
	case itwinv1alpha1.ConnectionObject:
		return *o.ConnectionSpec()
	}
	return nil
}

// forbidden is why an object must not become another one: it is being deleted and takes no new finalizer, or it is a
// Secret whose data is immutable.
func forbidden(current, patched client.Object) error {
	invalid := func(wrong *field.Error) error {
		r := refOf(current)
		return apierrors.NewInvalid(schema.GroupKind{Kind: r.kind}, r.key.Name, field.ErrorList{wrong})
	}
	added := slices.ContainsFunc(patched.GetFinalizers(), func(f string) bool {
		return !slices.Contains(current.GetFinalizers(), f)
	})
	if added && !current.GetDeletionTimestamp().IsZero() {
		return invalid(field.Forbidden(field.NewPath("metadata", "finalizers"),
			"no new finalizers can be added if the object is being deleted"))
	}
	before, is := current.(*corev1.Secret)
	if is && before.Immutable != nil && *before.Immutable &&
		!equality.Semantic.DeepEqual(before.Data, patched.(*corev1.Secret).Data) {
		return invalid(field.Forbidden(field.NewPath("data"), "field is immutable when `immutable` is set"))
	}
	return nil
}

// merged is an object after a merge patch: of its status alone, or of all but its status.
func merged(current client.Object, data []byte, status bool) (client.Object, error) {
	var patch map[string]any
	if err := json.Unmarshal(data, &patch); err != nil {
		return nil, err
	}
	for field := range patch {
		if field != "metadata" && (field == "status") != status {
			delete(patch, field)
		}
	}
	before, err := json.Marshal(current)
	if err != nil {
		return nil, err
	}
	if data, err = json.Marshal(patch); err != nil {
		return nil, err
	}
	if data, err = jsonpatch.MergePatch(before, data); err != nil {
		return nil, err
	}
	after := current.DeepCopyObject().(client.Object)
	reflect.ValueOf(after).Elem().SetZero()
	return after, json.Unmarshal(data, after)
}

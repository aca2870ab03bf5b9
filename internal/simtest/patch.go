package simtest

import (
	"errors"
	"reflect"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/controller-runtime/pkg/client"
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
	if !equality.Semantic.DeepEqual(patched, current) {
		c.store(patched)
	}
	return convert(patched, o)
}

var errChanged = errors.New("the object has been modified")

// merged is an object after a merge patch: of its status alone, or of all but its status.
func merged(current client.Object, data []byte, status bool) (client.Object, error) {
	before, err := runtime.DefaultUnstructuredConverter.ToUnstructured(current)
	if err != nil {
		return nil, err
	}
	var patch map[string]any
	if err := json.Unmarshal(data, &patch); err != nil {
		return nil, err
	}
	for field := range patch {
		if field != "metadata" && (field == "status") != status {
			delete(patch, field)
		}
	}
	after := current.DeepCopyObject().(client.Object)
	reflect.ValueOf(after).Elem().SetZero()
	return after, runtime.DefaultUnstructuredConverter.FromUnstructured(merge(before, patch), after)
}

// merge is RFC 7386.
func merge(target, patch map[string]any) map[string]any {
	if target == nil {
		target = map[string]any{}
	}
	for field, value := range patch {
		below, isObject := value.(map[string]any)
		switch {
		case value == nil:
			delete(target, field)
		case isObject:
			old, _ := target[field].(map[string]any)
			target[field] = merge(old, below)
		default:
			target[field] = value
		}
	}
	return target
}

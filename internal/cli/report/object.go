package report

import (
	"strings"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// kept are the annotations whose values are shown.
var kept = map[string]bool{
	itwinv1alpha1.WebhookIDAnnotation:             true,
	itwinv1alpha1.ReactivateRequestedAtAnnotation: true,
	itwinv1alpha1.ReconcileRequestedAtAnnotation:  true,
	itwinv1alpha1.RotateRequestedAtAnnotation:     true,
	"deployment.kubernetes.io/revision":           true,
}

// dropped are annotations and fields that are left out with their names.
var dropped = map[string]bool{"managedFields": true, "kubectl.kubernetes.io/last-applied-configuration": true}

// object redacts an object as JSON has it, in its place.
func (r *redactor) object(o map[string]any) {
	for key, value := range o {
		switch {
		case dropped[key]:
			delete(o, key)
		case key == "annotations":
			r.annotations(value)
		case key == "data" || key == "stringData" || key == "binaryData":
			o[key] = redacted
		case key == "env":
			environment(value)
			o[key] = r.value(value)
		case key == "secretFingerprint" || key == "refusedRequest":
			o[key] = redacted
		case strings.HasSuffix(strings.ToLower(key), "callbackurl"):
			if text, ok := value.(string); ok {
				o[key] = r.url(text)
			}
		default:
			o[key] = r.value(value)
		}
	}
}

// value redacts what is in an object.
func (r *redactor) value(value any) any {
	switch v := value.(type) {
	case string:
		return r.text(v)
	case map[string]any:
		r.object(v)
	case []any:
		for i := range v {
			v[i] = r.value(v[i])
		}
	}
	return value
}

// annotations shows the names of all, and the values of few.
func (r *redactor) annotations(value any) {
	all, ok := value.(map[string]any)
	if !ok {
		return
	}
	for key, text := range all {
		switch {
		case dropped[key]:
			delete(all, key)
		case kept[key]:
			all[key] = r.value(text)
		default:
			all[key] = redacted
		}
	}
}

// environment shows the names of variables, and not their values.
func environment(value any) {
	variables, _ := value.([]any)
	for _, variable := range variables {
		if v, ok := variable.(map[string]any); ok && v["value"] != nil {
			v["value"] = redacted
		}
	}
}

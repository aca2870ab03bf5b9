package kube

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

const (
	// maxTemplateValue is longer, in bytes, than any value that a SecretTemplate may have: the CRD allows 2048 characters.
	maxTemplateValue = 4*2048 + 1
	// maxTemplateKeys is longer, in bytes, than any list of keys that ApplySecretTemplate writes: of 16 labels and 16
	// annotations, with keys of at most 317 characters.
	maxTemplateKeys = 12 << 10
)

// templateKeys are the labels and annotations of a generated Secret that come from a SecretTemplate.
type templateKeys struct {
	Labels      []string `json:"labels,omitempty"`
	Annotations []string `json:"annotations,omitempty"`
}

// keysOf returns what the annotation of a generated Secret lists; nothing where it cannot be read.
func keysOf(secret metav1.Object) (keys templateKeys) {
	text := secret.GetAnnotations()[itwinv1alpha1.SecretTemplateAnnotation]
	if len(text) > maxTemplateKeys || json.Unmarshal([]byte(text), &keys) != nil {
		return templateKeys{}
	}
	return keys
}

// ApplySecretTemplate gives a generated Secret the labels and annotations of a template, which may be nil, and takes
// away those that an earlier template gave it. It changes nothing that other clients set under other keys, and nothing
// of the operator's own.
func ApplySecretTemplate(secret metav1.Object, template *itwinv1alpha1.SecretTemplate) {
	if template == nil {
		template = &itwinv1alpha1.SecretTemplate{}
	}
	before := keysOf(secret)
	labels, labelKeys := replace(secret.GetLabels(), before.Labels, template.Labels)
	annotations, annotationKeys := replace(secret.GetAnnotations(), before.Annotations, template.Annotations)
	delete(annotations, itwinv1alpha1.SecretTemplateAnnotation)
	if len(labelKeys)+len(annotationKeys) > 0 {
		text, err := json.Marshal(templateKeys{labelKeys, annotationKeys})
		if err != nil {
			panic(err) // lists of strings always marshal
		}
		annotations[itwinv1alpha1.SecretTemplateAnnotation] = string(text)
	}
	secret.SetLabels(labels)
	secret.SetAnnotations(annotations)
}

// replace returns a copy of values in which those of a template stand in place of those that were listed, and the
// sorted keys of the template.
func replace[V ~string](
	values map[string]string, listed []string, template map[string]V,
) (replaced map[string]string, keys []string) {
	replaced = map[string]string{}
	maps.Copy(replaced, values)
	for _, key := range listed {
		if !reserved(key) {
			delete(replaced, key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(template)) {
		if !reserved(key) {
			replaced[key] = string(template[key])
			keys = append(keys, key)
		}
	}
	return replaced, keys
}

// reserved reports whether a label or annotation of a generated Secret is the operator's own. The CRD refuses it in a
// template; a list of keys that another client wrote must not take it away either.
func reserved(key string) bool {
	prefix, _, prefixed := strings.Cut(strings.ToLower(key), "/")
	group := itwinv1alpha1.GroupVersion.Group
	return key == ManagedByLabel || prefixed && (prefix == group || strings.HasSuffix(prefix, "."+group))
}

// HasSecretTemplate reports whether a generated Secret, as the API server or the cache shows it, has what
// ApplySecretTemplate would give it.
func HasSecretTemplate(secret metav1.Object, template *itwinv1alpha1.SecretTemplate) bool {
	applied := &metav1.ObjectMeta{Labels: secret.GetLabels(), Annotations: secret.GetAnnotations()}
	ApplySecretTemplate(applied, template)
	return maps.Equal(applied.Labels, secret.GetLabels()) && maps.Equal(applied.Annotations, secret.GetAnnotations())
}

// keepTemplate lets trimmed metadata keep what HasSecretTemplate compares. Texts that are longer than any of a template
// are cut: they still differ from it.
func keepTemplate(kept, m *metav1.ObjectMeta) {
	list := m.Annotations[itwinv1alpha1.SecretTemplateAnnotation]
	if list == "" {
		return
	}
	keys := keysOf(m)
	kept.Labels = maps.Clone(kept.Labels)
	keepKeys(kept.Labels, m.Labels, keys.Labels)
	if kept.Annotations == nil {
		kept.Annotations = map[string]string{}
	}
	keepKeys(kept.Annotations, m.Annotations, keys.Annotations)
	kept.Annotations[itwinv1alpha1.SecretTemplateAnnotation] = short(list, maxTemplateKeys+1)
}

func keepKeys(kept, values map[string]string, keys []string) {
	for _, key := range keys {
		if value, found := values[key]; found {
			value = short(value, maxTemplateValue)
			intern(&key, &value)
			kept[key] = value
		}
	}
}

func short(text string, bytes int) string { return text[:min(len(text), bytes)] }

package kube

import (
	"maps"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

type (
	labelMap      = map[string]itwinv1alpha1.LabelValue
	annotationMap = map[string]itwinv1alpha1.AnnotationValue
)

// generated is the metadata of a generated Secret that has a label and an annotation of another client.
func generated(template *itwinv1alpha1.SecretTemplate) *metav1.ObjectMeta {
	m := &metav1.ObjectMeta{
		Namespace: "team", Name: "events-webhook-secret",
		Labels: map[string]string{ManagedByLabel: ManagerName, "foreign": "label"},
		Annotations: map[string]string{
			itwinv1alpha1.RotateRequestedAtAnnotation: "monday", "foreign": "annotation",
		},
	}
	ApplySecretTemplate(m, template)
	return m
}

func TestWithoutATemplateNothingIsWritten(t *testing.T) {
	for _, template := range []*itwinv1alpha1.SecretTemplate{nil, {}} {
		m := generated(nil)
		if !HasSecretTemplate(m, template) {
			t.Error("a Secret as an earlier version made it is to be written")
		}
		if _, listed := m.Annotations[itwinv1alpha1.SecretTemplateAnnotation]; listed {
			t.Errorf("annotations are %v", m.Annotations)
		}
	}
}

func TestTemplateIsAppliedBesideWhatOthersSet(t *testing.T) {
	m := generated(&itwinv1alpha1.SecretTemplate{
		Labels: labelMap{"team": "models", "stage": "test"}, Annotations: annotationMap{"reload": "true"},
	})
	ApplySecretTemplate(m, &itwinv1alpha1.SecretTemplate{
		Labels: labelMap{"team": "reality", "foreign": "taken"}, Annotations: annotationMap{"share": ""},
	})
	wantLabels := map[string]string{ManagedByLabel: ManagerName, "team": "reality", "foreign": "taken"}
	wantAnnotations := map[string]string{
		itwinv1alpha1.RotateRequestedAtAnnotation: "monday", "foreign": "annotation", "share": "",
		itwinv1alpha1.SecretTemplateAnnotation: `{"labels":["foreign","team"],"annotations":["share"]}`,
	}
	if !maps.Equal(m.Labels, wantLabels) || !maps.Equal(m.Annotations, wantAnnotations) {
		t.Errorf("labels are %v, annotations %v", m.Labels, m.Annotations)
	}
	ApplySecretTemplate(m, nil)
	if len(m.Labels) != 1 || len(m.Annotations) != 2 {
		t.Errorf("what came from the template stays: labels %v, annotations %v", m.Labels, m.Annotations)
	}
}

// Another client may write the list of keys: it must not make the operator take away what marks the Secret as its own.
func TestListOfKeysTakesNothingOfTheOperators(t *testing.T) {
	m := generated(nil)
	m.Annotations[itwinv1alpha1.SecretTemplateAnnotation] =
		`{"labels":["` + ManagedByLabel + `"],"annotations":["` + itwinv1alpha1.RotateRequestedAtAnnotation + `"]}`
	ApplySecretTemplate(m, nil)
	if m.Labels[ManagedByLabel] != ManagerName || m.Annotations[itwinv1alpha1.RotateRequestedAtAnnotation] != "monday" {
		t.Errorf("labels are %v, annotations %v", m.Labels, m.Annotations)
	}
	ApplySecretTemplate(m, &itwinv1alpha1.SecretTemplate{Labels: labelMap{ManagedByLabel: "helm"}})
	if m.Labels[ManagedByLabel] != ManagerName {
		t.Errorf("labels are %v", m.Labels)
	}
}

// The cache shows each difference that the Secret has, and no other.
func TestCacheKeepsWhatTheTemplateGave(t *testing.T) {
	template := &itwinv1alpha1.SecretTemplate{Labels: labelMap{"team": "models"}, Annotations: annotationMap{"reload": "true"}}
	for _, test := range []struct {
		name   string
		change func(*metav1.ObjectMeta)
		same   bool
	}{
		{name: "unchanged", change: func(*metav1.ObjectMeta) {}, same: true},
		{name: "another client's label changed", same: true, change: func(m *metav1.ObjectMeta) { m.Labels["foreign"] = "x" }},
		{name: "label changed", change: func(m *metav1.ObjectMeta) { m.Labels["team"] = "reality" }},
		{name: "label removed", change: func(m *metav1.ObjectMeta) { delete(m.Labels, "team") }},
		{name: "annotation changed", change: func(m *metav1.ObjectMeta) { m.Annotations["reload"] = "false" }},
		{name: "annotation without bounds", change: func(m *metav1.ObjectMeta) {
			m.Annotations["reload"] = strings.Repeat("x", 1<<20)
		}},
		{name: "list removed", change: func(m *metav1.ObjectMeta) {
			delete(m.Annotations, itwinv1alpha1.SecretTemplateAnnotation)
		}},
		{name: "list cannot be read", change: func(m *metav1.ObjectMeta) {
			m.Annotations[itwinv1alpha1.SecretTemplateAnnotation] = "{"
		}},
		{name: "list without bounds", change: func(m *metav1.ObjectMeta) {
			m.Annotations[itwinv1alpha1.SecretTemplateAnnotation] = strings.Repeat(" ", 1<<20)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := generated(template)
			test.change(m)
			kept := trimMetadata(m)
			if cached := HasSecretTemplate(&kept, template); cached != test.same || HasSecretTemplate(m, template) != test.same {
				t.Errorf("the cache shows equal: %t; the Secret is: %t; want %t", cached, HasSecretTemplate(m, template), test.same)
			}
			if _, foreign := kept.Labels["foreign"]; foreign || size(kept.Labels)+size(kept.Annotations) > 1<<16 {
				t.Errorf("the cache keeps more than is compared: %d bytes", size(kept.Labels)+size(kept.Annotations))
			}
			if len(generatedLabels) != 1 {
				t.Error("the labels that all Secrets share have changed")
			}
		})
	}
}

func size(texts map[string]string) (bytes int) {
	for key, value := range texts {
		bytes += len(key) + len(value)
	}
	return bytes
}

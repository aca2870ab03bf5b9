package kube

import (
	"slices"
	"unique"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// Transform makes the cache keep no more than is used, and what many objects say only once. Of the Webhooks of other
// shards that is who claims what.
func Transform(selector labels.Selector) toolscache.TransformFunc {
	strip := cache.TransformStripManagedFields()
	return func(o any) (any, error) {
		switch o := o.(type) {
		case *itwinv1alpha1.Webhook:
			if selector != nil && !selector.Matches(labels.Set(o.Labels)) {
				o.Spec = itwinv1alpha1.WebhookSpec{ConnectionRef: o.Spec.ConnectionRef, WebhookID: o.Spec.WebhookID}
				o.Status = itwinv1alpha1.WebhookStatus{WebhookID: o.Status.WebhookID, Account: o.Status.Account}
			}
			// A second copy of the spec, which no patch mentions.
			delete(o.Annotations, corev1.LastAppliedConfigAnnotation)
			internStrings(o)
			clip(o)
		case *metav1.PartialObjectMetadata:
			o.ObjectMeta = trimMetadata(&o.ObjectMeta)
			intern(&o.Kind, &o.APIVersion, &o.Namespace)
		}
		return strip(o)
	}
}

// generatedLabels is the one copy of the label that the operator gives to the Secrets that it generates.
var generatedLabels = map[string]string{ManagedByLabel: ManagerName}

// trimMetadata keeps what is asked of Secrets and Namespaces, of which the cluster may have far more than Webhooks: the
// labels of a Namespace; of a Secret the version, its controller, whether the operator generated it, which rotation it
// answers, and what a template gave it.
func trimMetadata(m *metav1.ObjectMeta) metav1.ObjectMeta {
	kept := metav1.ObjectMeta{Namespace: m.Namespace, Name: m.Name, UID: m.UID, ResourceVersion: m.ResourceVersion}
	switch {
	case m.Namespace == "":
		kept.Labels = m.Labels
	case m.Labels[ManagedByLabel] == ManagerName:
		kept.Labels = generatedLabels
		keepTemplate(&kept, m)
	}
	if owner := metav1.GetControllerOfNoCopy(m); owner != nil && (kept.Labels != nil || owner.Kind == WebhookKind) {
		kept.OwnerReferences = []metav1.OwnerReference{*owner}
		intern(&kept.OwnerReferences[0].APIVersion, &kept.OwnerReferences[0].Kind)
	}
	if request := m.Annotations[itwinv1alpha1.RotateRequestedAtAnnotation]; request != "" {
		metav1.SetMetaDataAnnotation(&kept, itwinv1alpha1.RotateRequestedAtAnnotation, request)
	}
	return kept
}

// internStrings lets a Webhook share with all others the strings that are mostly the same, and keep once what it says
// twice.
func internStrings(w *itwinv1alpha1.Webhook) {
	spec, status := &w.Spec, &w.Status
	intern(&w.Kind, &w.APIVersion, &w.Namespace)
	for i := range w.Finalizers {
		intern(&w.Finalizers[i])
	}
	w.Annotations = internKeys(w.Annotations)
	once(&status.WebhookID, w.Annotations[itwinv1alpha1.WebhookIDAnnotation])
	once(&status.CallbackURL, spec.CallbackURL)
	if t := spec.SecretTemplate; t != nil {
		t.Labels, t.Annotations = internMap(t.Labels), internMap(t.Annotations)
	}
	intern(&spec.ConnectionRef.Kind)
	intern(&spec.ConnectionRef.Name, &spec.ScopeID, &status.ScopeID, &status.Account)
	intern(&spec.Scope)
	intern(&spec.ReactivationPolicy)
	intern(&spec.DeletionPolicy)
	intern(&spec.AdoptionPolicy)
	for i := range spec.EventTypes {
		intern(&spec.EventTypes[i])
	}
	for i := range status.Conditions {
		c := &status.Conditions[i]
		intern(&c.Type, &c.Reason, &c.Message)
		intern(&c.Status)
	}
}

// clip frees what decoding left room for in the lists of a Webhook.
func clip(w *itwinv1alpha1.Webhook) {
	w.Finalizers = slices.Clone(w.Finalizers)
	w.Spec.EventTypes = slices.Clone(w.Spec.EventTypes)
	w.Status.Conditions = slices.Clone(w.Status.Conditions)
}

// once replaces a text by an equal one that is kept anyway.
func once(text *string, kept string) {
	if *text == kept {
		*text = kept
	}
}

// internMap returns a copy of a map with the one copy of each key and value.
func internMap[V ~string](texts map[string]V) map[string]V {
	interned := internKeys(texts)
	for key, value := range interned {
		intern(&value)
		interned[key] = value
	}
	return interned
}

// internKeys returns a copy of a map with the one copy of each key.
func internKeys[V ~string](texts map[string]V) map[string]V {
	if texts == nil {
		return nil
	}
	interned := make(map[string]V, len(texts))
	for key, value := range texts {
		intern(&key)
		interned[key] = value
	}
	return interned
}

// intern replaces texts by the one copy of each that is kept while anything refers to it.
func intern[S ~string](texts ...*S) {
	for _, text := range texts {
		*text = unique.Make(*text).Value()
	}
}

const ManagedByLabel = "app.kubernetes.io/managed-by"

const ManagerName = "itwin-webhook-operator"

const WebhookKind = "Webhook"

package simtest

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// TestTheCacheHoldsWhatTheTransformKeeps proves that each read from the cache of a process sees an object as the
// manager's cache would hold it.
func TestTheCacheHoldsWhatTheTransformKeeps(t *testing.T) {
	inSimulation(t, func(w *simulation) {
		add(func(o *itwinv1alpha1.Webhook) {
			o.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "kubectl"}}
			metav1.SetMetaDataAnnotation(&o.ObjectMeta, corev1.LastAppliedConfigAnnotation, "{}")
			metav1.SetMetaDataAnnotation(&o.ObjectMeta, "team", "models")
		})(w)
		p := w.start()
		w.run(warmUp)
		w.cluster.annotate(subject, "team", "reality")
		w.run(settleFor)

		var cached itwinv1alpha1.Webhook
		w.must(p.cache.get(keyed(subject), &cached))
		if _, kept := cached.Annotations[corev1.LastAppliedConfigAnnotation]; kept || cached.ManagedFields != nil {
			t.Errorf("the cache holds %v and %v", cached.Annotations, cached.ManagedFields)
		}
		if cached.Annotations["team"] != "reality" {
			t.Errorf("the cache holds the annotations %v", cached.Annotations)
		}
		// A patch that is made of what the cache holds removes nothing that it does not hold.
		stored := w.cluster.webhook(subject)
		if stored.Annotations[corev1.LastAppliedConfigAnnotation] != "{}" || len(stored.ManagedFields) != 1 {
			t.Errorf("the API server has %v and %v", stored.Annotations, stored.ManagedFields)
		}
	})
}

package kube_test

import (
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/kube"
)

// values are those that controller-runtime makes of a field.
func values(o any) ([]string, error) {
	w := o.(*itwinv1alpha1.Webhook)
	return []string{w.Namespace + "/" + w.Spec.ScopeID, "__all_namespaces/" + w.Spec.ScopeID}, nil
}

func TestAnIndexOverAFieldKeepsEachValueOnce(t *testing.T) {
	g := NewWithT(t)
	informer := kube.NewInformer(nil, &itwinv1alpha1.Webhook{}, 0, toolscache.Indexers{
		toolscache.NamespaceIndex: toolscache.MetaNamespaceIndexFunc,
	})
	g.Expect(informer.AddIndexers(toolscache.Indexers{"field:scope": values})).To(Succeed())
	indexer := informer.GetIndexer()
	for _, namespace := range []string{"team-a", "team-b"} {
		g.Expect(indexer.Add(&itwinv1alpha1.Webhook{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "orders"},
			Spec:       itwinv1alpha1.WebhookSpec{ScopeID: "x"},
		})).To(Succeed())
	}
	g.Expect(indexer.ListIndexFuncValues("field:scope")).To(ConsistOf("__all_namespaces/x"))
	g.Expect(indexer.ByIndex("field:scope", "__all_namespaces/x")).To(HaveLen(2))
	g.Expect(indexer.ByIndex(toolscache.NamespaceIndex, "team-a")).To(HaveLen(1))
	_, err := indexer.ByIndex("field:scope", "team-a/x")
	g.Expect(err).To(MatchError(ContainSubstring("for all namespaces together alone")))
}

package kube_test

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/identity"
	"webhook-operator.io/itwin/controllers/kube"
	"webhook-operator.io/itwin/controllers/webhook/plan"
	"webhook-operator.io/itwin/internal/proof"
)

// storedWebhook is the i-th of many Webhooks that are in sync, as the API server sends it.
func storedWebhook(i int) []byte {
	const (
		at      = "2026-03-01T12:00:00Z"
		account = "api.bentley.com/0123456789abcdef"
	)
	name, id := fmt.Sprintf("webhook-%05d", i), fmt.Sprintf("e6989b43-53ab-45e2-a610-%012d", i)
	callback := "https://hooks.example.com/itwin/" + name
	condition := func(of, reason, message string) string {
		return fmt.Sprintf(`{"type":%q,"status":"True","reason":%q,"message":%q,"observedGeneration":1,`+
			`"lastTransitionTime":%q}`, of, reason, message, at)
	}
	return fmt.Appendf(nil, `{"apiVersion":"itwin.webhook-operator.io/v1alpha1","kind":"Webhook",
		"metadata":{"name":%q,"namespace":"shop","uid":%q,"resourceVersion":"%d","generation":1,"creationTimestamp":%q,
			"finalizers":["itwin.webhook-operator.io/webhook"],
			"annotations":{"itwin.webhook-operator.io/webhook-id":%q,"itwin.webhook-operator.io/owner":%q},
			"managedFields":[{"manager":"kubectl","operation":"Update","apiVersion":"itwin.webhook-operator.io/v1alpha1",
				"time":%q,"fieldsType":"FieldsV1","fieldsV1":{"f:spec":{}}}]},
		"spec":{"callbackUrl":%q,"scope":"iTwin","scopeId":"5c9d64cf-d22f-4149-ad08-c24ff395c3a0","active":true,
			"eventTypes":["iModels.iModelDeleted.v1","iModels.namedVersionCreated.v1"],"connectionRef":{"kind":"Connection",
			"name":"default"},"reactivationPolicy":"Always","deletionPolicy":"Delete","adoptionPolicy":"Never"},
		"status":{"observedGeneration":1,"appliedGeneration":1,"webhookId":%q,"active":true,"account":%q,
			"scopeId":"5c9d64cf-d22f-4149-ad08-c24ff395c3a0","callbackUrl":%q,"created":"2026-03-01T12:00:00.000000Z",
			"modified":"2026-03-01T12:00:00.000000Z","secretName":%q,"secretVersion":"%d","secretFingerprint":%q,
			"conditions":[%s,%s]}}`,
		name, fmt.Sprintf("11111111-53ab-45e2-a610-%012d", i), 100000+i, at, id, fmt.Sprintf("%s/%s/%064d", account, id, i), at,
		callback, id, account, callback, name+itwinv1alpha1.GeneratedSecretSuffix, 200000+i, fmt.Sprintf("%032d", i),
		condition("Ready", "InSync", "Remote webhook matches spec"), condition("Active", "Active", "The platform delivers events"))
}

// storedSecret is the metadata of the generated Secret of such a Webhook.
func storedSecret(i int) []byte {
	name := fmt.Sprintf("webhook-%05d", i)
	return fmt.Appendf(nil, `{"apiVersion":"meta.k8s.io/v1","kind":"PartialObjectMetadata","metadata":{"name":%q,
		"namespace":"shop","uid":"22222222-53ab-45e2-a610-%012d","resourceVersion":"%d",
		"creationTimestamp":"2026-03-01T12:00:00Z","labels":{"app.kubernetes.io/managed-by":"itwin-webhook-operator"},
		"ownerReferences":[{"apiVersion":"itwin.webhook-operator.io/v1alpha1","kind":"Webhook","name":%q,
			"uid":"11111111-53ab-45e2-a610-%012d","controller":true,"blockOwnerDeletion":true}]}}`,
		name+itwinv1alpha1.GeneratedSecretSuffix, i, 200000+i, name, i)
}

// heap is how many bytes of it live.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// keptBytes is how much of what fill returns stays, for each of n.
func keptBytes(n int, fill func() any) int {
	before := heap()
	kept := fill()
	bytes := int(heap()-before) / n
	runtime.KeepAlive(kept)
	return bytes
}

// cacheOf is a cache with the indexes of the manager, with n objects of a kind.
func cacheOf[T client.Object](t *testing.T, n int, object func() T, stored func(i int) []byte) toolscache.Indexer {
	t.Helper()
	informer := kube.NewInformer(nil, object(), 0, toolscache.Indexers{
		toolscache.NamespaceIndex: toolscache.MetaNamespaceIndexFunc,
	})
	if _, webhooks := any(object()).(*itwinv1alpha1.Webhook); webhooks {
		if err := informer.AddIndexers(webhookIndexers()); err != nil {
			t.Fatal(err)
		}
	}
	indexer, transform := informer.GetIndexer(), kube.Transform(nil)
	for i := range n {
		o := object()
		if err := json.Unmarshal(stored(i), o); err != nil {
			t.Fatal(err)
		}
		kept, err := transform(o)
		if err != nil {
			t.Fatal(err)
		}
		if err := indexer.Add(kept); err != nil {
			t.Fatal(err)
		}
	}
	return indexer
}

// webhookIndexers are the indexes of Webhooks, with the names and values that controller-runtime gives them.
func webhookIndexers() toolscache.Indexers {
	fields := indexedFields{}
	claims := identity.ClaimKeysBy(proof.NewKey([]byte("0123456789abcdef0123456789abcdef")))
	if err := kube.AddIndexes(context.Background(), indexedManager{indexer: fields}, true, claims, plan.DeliveryKey); err != nil {
		panic(err)
	}
	indexers := toolscache.Indexers{}
	for field, values := range fields {
		indexers["field:"+field] = func(o any) (keys []string, err error) {
			for _, value := range values(o.(client.Object)) {
				keys = append(keys, "shop/"+value, "__all_namespaces/"+value)
			}
			return keys, nil
		}
	}
	return indexers
}

// indexedFields are the indexes of Webhooks that were registered, by their fields.
type indexedFields map[string]client.IndexerFunc

func (f indexedFields) IndexField(_ context.Context, o client.Object, field string, values client.IndexerFunc) error {
	if _, webhook := o.(*itwinv1alpha1.Webhook); webhook {
		f[field] = values
	}
	return nil
}

// indexedManager is a manager of which only the indexes work.
type indexedManager struct {
	manager.Manager

	indexer client.FieldIndexer
}

func (m indexedManager) GetFieldIndexer() client.FieldIndexer { return m.indexer }

func newWebhook() *itwinv1alpha1.Webhook { return &itwinv1alpha1.Webhook{} }

func newMetadata() *metav1.PartialObjectMetadata { return &metav1.PartialObjectMetadata{} }

func TestWebhooksAndTheirSecretsTakeFewBytes(t *testing.T) {
	const n, ofWebhook, ofSecret = 10_000, 2600, 750
	if kept := keptBytes(n, func() any { return cacheOf(t, n, newWebhook, storedWebhook) }); kept > ofWebhook {
		t.Errorf("a Webhook takes %d bytes in the cache and its indexes, more than %d", kept, ofWebhook)
	}
	if kept := keptBytes(n, func() any { return cacheOf(t, n, newMetadata, storedSecret) }); kept > ofSecret {
		t.Errorf("the metadata of a Secret take %d bytes in the cache, more than %d", kept, ofSecret)
	}
}

func TestIndexesFindExactlyTheWebhooksWithAValue(t *testing.T) {
	const n = 10_000 // several share each bucket
	indexer := cacheOf(t, n, newWebhook, storedWebhook)
	fields := webhookIndexers()
	for _, index := range []string{kube.ByClaim, kube.ByDelivery} {
		for _, o := range indexer.List()[:100] {
			values, err := fields["field:"+index](o)
			if err != nil || len(values) == 0 {
				t.Fatalf("%s of %s: %v, %v", index, o.(client.Object).GetName(), values, err)
			}
			for _, value := range values {
				if !strings.HasPrefix(value, "__all_namespaces/") {
					continue
				}
				if found, err := indexer.ByIndex("field:"+index, value); err != nil || len(found) != 1 || found[0] != o {
					t.Errorf("%s %q finds %d objects, %v", index, value, len(found), err)
				}
			}
		}
		if found, err := indexer.ByIndex("field:"+index, "__all_namespaces/none"); err != nil || len(found) != 0 {
			t.Errorf("%s finds %d objects with a value that none has, %v", index, len(found), err)
		}
	}
}

func BenchmarkTransform(b *testing.B) {
	transform, stored := kube.Transform(nil), storedWebhook(0)
	var w itwinv1alpha1.Webhook
	if err := json.Unmarshal(stored, &w); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := transform(w.DeepCopy()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkIndexes(b *testing.B) {
	var w itwinv1alpha1.Webhook
	if err := json.Unmarshal(storedWebhook(0), &w); err != nil {
		b.Fatal(err)
	}
	indexers := webhookIndexers()
	b.ReportAllocs()
	for b.Loop() {
		for _, values := range indexers {
			if _, err := values(&w); err != nil {
				b.Fatal(err)
			}
		}
	}
}

package simtest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/identity"
	"webhook-operator.io/itwin/controllers/kube"
	"webhook-operator.io/itwin/controllers/webhook/plan"
)

// informers are what a process has seen of the cluster: its reads come from here, and the state before a watch event.
// They hold no Secret's data, and of the rest what the manager's cache keeps.
type informers struct {
	objects   map[ref]client.Object
	indexes   map[string]client.IndexerFunc
	transform toolscache.TransformFunc
}

func newInformers(clusterWide bool) *informers {
	c := &informers{
		objects: map[ref]client.Object{}, indexes: map[string]client.IndexerFunc{}, transform: kube.Transform(nil),
	}
	claims := identity.ClaimKeysBy(crashKey)
	err := kube.AddIndexes(context.Background(), indexedManager{cache: c}, clusterWide, claims, plan.DeliveryKey)
	if err != nil {
		panic(err)
	}
	return c
}

// indexedManager is a manager of which only the indexes work.
type indexedManager struct {
	manager.Manager
	cache *informers
}

func (m indexedManager) GetFieldIndexer() client.FieldIndexer { return m.cache }

// IndexField implements client.FieldIndexer.
func (c *informers) IndexField(_ context.Context, o client.Object, field string, values client.IndexerFunc) error {
	c.indexes[kindOf(o)+" "+field] = values
	return nil
}

// take lets the cache see a change, and returns it as the handlers of a watch get it.
func (c *informers) take(event change) change {
	seen := change{ref: event.ref, old: c.objects[event.ref]}
	if event.changed == nil {
		delete(c.objects, event.ref)
		return seen
	}
	var kept any = event.changed.DeepCopyObject()
	switch o := kept.(type) {
	case *corev1.Secret:
		kept = metadataOf(o)
	case *corev1.Namespace:
		meta := &metav1.PartialObjectMetadata{ObjectMeta: o.ObjectMeta}
		meta.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind(kindNamespace))
		kept = meta
	}
	kept, err := c.transform(kept)
	if err != nil {
		panic(err)
	}
	seen.changed = kept.(client.Object)
	c.objects[event.ref] = seen.changed
	return seen
}

func metadataOf(secret *corev1.Secret) *metav1.PartialObjectMetadata {
	meta := &metav1.PartialObjectMetadata{ObjectMeta: secret.ObjectMeta}
	meta.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	return meta
}

func (c *informers) get(key client.ObjectKey, into client.Object) error {
	found, ok := c.objects[ref{kindOf(into), key}]
	if !ok {
		return apierrors.NewNotFound(schema.GroupResource{Resource: kindOf(into)}, key.Name)
	}
	switch into := into.(type) {
	case *itwinv1alpha1.Webhook:
		found.(*itwinv1alpha1.Webhook).DeepCopyInto(into)
	case *itwinv1alpha1.Connection:
		found.(*itwinv1alpha1.Connection).DeepCopyInto(into)
	case *itwinv1alpha1.ClusterConnection:
		found.(*itwinv1alpha1.ClusterConnection).DeepCopyInto(into)
	case *metav1.PartialObjectMetadata:
		found.(*metav1.PartialObjectMetadata).DeepCopyInto(into)
	default:
		return fmt.Errorf("a read of %T would start an informer", into)
	}
	return nil
}

func (c *informers) list(into client.ObjectList, opts ...client.ListOption) error {
	var options client.ListOptions
	options.ApplyOptions(opts)
	found := c.matching(kindOf(into), options)
	switch into := into.(type) {
	case *itwinv1alpha1.WebhookList:
		for _, o := range found {
			into.Items = append(into.Items, o.(*itwinv1alpha1.Webhook))
		}
	case *itwinv1alpha1.ConnectionList:
		for _, o := range found {
			into.Items = append(into.Items, *o.(*itwinv1alpha1.Connection))
		}
	case *itwinv1alpha1.ClusterConnectionList:
		for _, o := range found {
			into.Items = append(into.Items, *o.(*itwinv1alpha1.ClusterConnection))
		}
	default:
		return fmt.Errorf("a list of %T would start an informer", into)
	}
	return nil
}

func (c *informers) refs() []ref { return slices.SortedFunc(maps.Keys(c.objects), compareRefs) }

func compareRefs(a, b ref) int {
	return cmp.Or(strings.Compare(a.kind, b.kind), strings.Compare(a.key.Namespace, b.key.Namespace),
		strings.Compare(a.key.Name, b.key.Name))
}

// matching returns objects of a kind in the order of their names.
func (c *informers) matching(kind string, options client.ListOptions) (found []client.Object) {
	var refs []ref
	for r := range c.objects {
		if r.kind == kind && c.matches(r, options) {
			refs = append(refs, r)
		}
	}
	slices.SortFunc(refs, compareRefs)
	for _, r := range refs {
		found = append(found, c.objects[r])
	}
	return found
}

func (c *informers) matches(r ref, options client.ListOptions) bool {
	if options.Namespace != "" && options.Namespace != r.key.Namespace {
		return false
	}
	if options.FieldSelector == nil {
		return true
	}
	for _, want := range options.FieldSelector.Requirements() {
		index, ok := c.indexes[r.kind+" "+want.Field]
		if !ok || !slices.Contains(index(c.objects[r]), want.Value) {
			return false
		}
	}
	return true
}

package simtest

import (
	"cmp"
	"context"
	"fmt"
	"iter"
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
	objects map[ref]client.Object
	// indexes are by kind and field, such as "Webhook claim", and so are the names that they found by each value.
	indexes   map[string]client.IndexerFunc
	found     map[string]map[string]map[ref]bool
	transform toolscache.TransformFunc
}

func newInformers(clusterWide bool) *informers {
	c := &informers{
		objects: map[ref]client.Object{}, indexes: map[string]client.IndexerFunc{},
		found: map[string]map[string]map[ref]bool{}, transform: kube.Transform(nil),
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
	name := indexOf(kindOf(o), field)
	c.indexes[name], c.found[name] = values, map[string]map[ref]bool{}
	return nil
}

func indexOf(kind, field string) string { return kind + " " + field }

// index enters an object into the indexes of its kind, or takes it out of them.
func (c *informers) index(r ref, o client.Object, in bool) {
	for name, values := range c.indexes {
		if kind, _, _ := strings.Cut(name, " "); kind != r.kind {
			continue
		}
		for _, value := range values(o) {
			if c.found[name][value] == nil {
				c.found[name][value] = map[ref]bool{}
			}
			if c.found[name][value][r] = true; !in {
				delete(c.found[name][value], r)
			}
		}
	}
}

// take lets the cache see a change, and returns it as the handlers of a watch get it.
func (c *informers) take(event change) change {
	seen := change{ref: event.ref, old: c.objects[event.ref]}
	if seen.old != nil {
		c.index(event.ref, seen.old, false)
	}
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
	c.index(event.ref, seen.changed, true)
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
	for r := range c.candidates(kind, options) {
		if r.kind == kind && (options.Namespace == "" || options.Namespace == r.key.Namespace) {
			refs = append(refs, r)
		}
	}
	slices.SortFunc(refs, compareRefs)
	for _, r := range refs {
		found = append(found, c.objects[r])
	}
	return found
}

// candidates are the objects that an index finds, or all where none is asked. An index that does not exist finds
// nothing; the manager's cache has no lists by several.
func (c *informers) candidates(kind string, options client.ListOptions) iter.Seq[ref] {
	if options.FieldSelector == nil {
		return maps.Keys(c.objects)
	}
	want := options.FieldSelector.Requirements()
	if len(want) != 1 {
		panic(fmt.Sprintf("a list by %d fields, not one", len(want)))
	}
	return maps.Keys(c.found[indexOf(kind, want[0].Field)][want[0].Value])
}

package simtest

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/scheme"
)

var crashScheme = scheme.New()

// cluster is the API server. It keeps uids, resourceVersions, generations and finalizers as a real one does, knows
// status as a subresource, and refuses what was not written to the version that is there. (controller-runtime's fake
// client lacks half of that, and takes five times as long.) A garbage collector removes what a Webhook owned.
type cluster struct {
	simulation *simulation
	objects    map[ref]client.Object
	version    int
	uids       int
	// history is every change so far: a cache that is behind is a beginning of it.
	history []change
	rules   []rule
}

// ref names an object.
type ref struct {
	kind string
	key  client.ObjectKey
}

// change is a watch event: old is nil for a new object, changed for one that is gone.
type change struct {
	ref
	old, changed client.Object
	// initial is true for what was there when a process began.
	initial bool
}

// rule does something once, as soon as it applies.
type rule struct {
	applies func() bool
	do      func()
}

func newCluster(w *simulation) *cluster {
	return &cluster{simulation: w, objects: map[ref]client.Object{}}
}

// Kinds of objects.
const (
	kindWebhook    = "Webhook"
	kindConnection = "Connection"
	kindSecret     = "Secret"

	kindClusterConnection = "ClusterConnection"
	kindNamespace         = "Namespace"
)

func kindOf(o runtime.Object) string {
	switch o := o.(type) {
	case *itwinv1alpha1.Webhook, *itwinv1alpha1.WebhookList:
		return kindWebhook
	case *itwinv1alpha1.Connection, *itwinv1alpha1.ConnectionList:
		return kindConnection
	case *itwinv1alpha1.ClusterConnection, *itwinv1alpha1.ClusterConnectionList:
		return kindClusterConnection
	case *corev1.Namespace:
		return kindNamespace
	case *corev1.Secret:
		return kindSecret
	case *metav1.PartialObjectMetadata:
		return o.Kind
	}
	return fmt.Sprintf("%T", o)
}

func refOf(o client.Object) ref { return ref{kindOf(o), client.ObjectKeyFromObject(o)} }

// get reads an object.
func (c *cluster) get(key client.ObjectKey, into client.Object) error {
	r := ref{kindOf(into), key}
	found, ok := c.objects[r]
	if !ok {
		return apierrors.NewNotFound(r.resource(), key.Name)
	}
	return convert(found, into)
}

func (r ref) resource() schema.GroupResource { return schema.GroupResource{Resource: r.kind} }

// create stores a new object.
func (c *cluster) create(o client.Object) error {
	r := refOf(o)
	if _, exists := c.objects[r]; exists {
		return apierrors.NewAlreadyExists(r.resource(), r.key.Name)
	}
	c.uids++
	o.SetUID(types.UID(fmt.Sprintf("00000000-0000-4000-8000-%012d", c.uids)))
	o.SetCreationTimestamp(metav1.Now().Rfc3339Copy())
	if o.SetGeneration(0); specOf(o) != nil {
		o.SetGeneration(1)
	}
	c.store(o)
	return nil
}

// convert copies an object into another of its kind; of a Secret also into its metadata.
func convert(from, into client.Object) error {
	if meta, ok := into.(*metav1.PartialObjectMetadata); ok {
		metadataOf(from.(*corev1.Secret)).DeepCopyInto(meta)
		return nil
	}
	reflect.ValueOf(into).Elem().Set(reflect.ValueOf(from.DeepCopyObject()).Elem())
	return nil
}

// store keeps an object as its next version, or lets it go, and tells all watchers.
func (c *cluster) store(o client.Object) {
	c.version++
	o.SetResourceVersion(strconv.Itoa(c.version))
	r := refOf(o)
	event := change{ref: r, old: c.objects[r], changed: o.DeepCopyObject().(client.Object)}
	if !o.GetDeletionTimestamp().IsZero() && len(o.GetFinalizers()) == 0 {
		event.changed = nil
		delete(c.objects, r)
		c.collect(event.old)
	} else {
		c.objects[r] = event.changed
		c.collectDangling(event.changed)
	}
	c.history = append(c.history, event)
	for _, p := range c.simulation.processes {
		p.watch(event, 0)
	}
	c.simulation.in(0, "rules", c.follow)
}

// follow carries out the rules that apply now.
func (c *cluster) follow() {
	rules := c.rules
	c.rules = nil
	for _, r := range rules {
		if r.applies() {
			r.do()
			continue
		}
		c.rules = append(c.rules, r)
	}
}

// when does something once a condition on the cluster is met.
func (c *cluster) when(applies func() bool, do func()) {
	c.rules = append(c.rules, rule{applies, do})
	c.follow()
}

// read returns a copy of an object, or nil.
func (c *cluster) read(r ref) client.Object {
	if o, exists := c.objects[r]; exists {
		return o.DeepCopyObject().(client.Object)
	}
	return nil
}

// collectLatency is how long the garbage collector takes.
const collectLatency = time.Second

// collect removes the Secrets of a Webhook that is gone.
func (c *cluster) collect(gone client.Object) {
	owner, ok := gone.(*itwinv1alpha1.Webhook)
	if !ok {
		return
	}
	c.simulation.in(collectLatency, "collect", func() {
		for _, o := range c.all(kindSecret) {
			if metav1.IsControlledBy(o, owner) {
				c.remove(o)
			}
		}
	})
}

// collectDangling removes an object whose owner does not exist, unless that was changed by then.
func (c *cluster) collectDangling(o client.Object) {
	owner := metav1.GetControllerOf(o)
	if owner == nil || c.exists(owner.UID) {
		return
	}
	c.simulation.in(collectLatency, "collect", func() {
		if now := c.read(
			refOf(o),
		); now != nil && now.GetUID() == o.GetUID() &&
			metav1.IsControlledBy(now, &metav1.ObjectMeta{UID: owner.UID}) {
			c.remove(now)
		}
	})
}

func (c *cluster) exists(uid types.UID) bool {
	for _, o := range c.objects {
		if o.GetUID() == uid {
			return true
		}
	}
	return false
}

// all returns copies of the objects of a kind, in the order of their names.
func (c *cluster) all(kind string) (found []client.Object) {
	for r, o := range c.objects {
		if r.kind == kind {
			found = append(found, o.DeepCopyObject().(client.Object))
		}
	}
	slices.SortFunc(found, func(a, b client.Object) int {
		return cmp.Or(strings.Compare(a.GetName(), b.GetName()), strings.Compare(a.GetNamespace(), b.GetNamespace()))
	})
	return found
}

package controllers

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	clientgotesting "k8s.io/client-go/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"webhook-operator.io/itwin/api/v1alpha1"
)

var crashScheme = func() *runtime.Scheme {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(s); err != nil {
			panic(err)
		}
	}
	return s
}()

// cluster is the API server: controller-runtime's fake client with what that lacks, which is uids, times of creation,
// generations and watches. A garbage collector removes what a Webhook owned.
type cluster struct {
	// WithWatch is how everybody else writes; store is the same without watches.
	client.WithWatch
	store client.WithWatch
	world *world
	known map[ref]client.Object
	// history is every change so far: a cache that is behind is a beginning of it.
	history []change
	uids    int
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
}

// rule does something once, as soon as it applies.
type rule struct {
	applies func() bool
	do      func()
}

func newCluster(w *world) *cluster {
	decoder := serializer.NewCodecFactory(crashScheme).UniversalDecoder()
	c := &cluster{world: w, known: map[ref]client.Object{}}
	c.store = fake.NewClientBuilder().WithScheme(crashScheme).WithGlobalResourceVersionCounter().
		WithStatusSubresource(&v1alpha1.Webhook{}, &v1alpha1.Connection{}).
		// The tracker that is the default keeps managed fields, which takes a hundred times as long.
		WithObjectTracker(clientgotesting.NewObjectTracker(crashScheme, decoder)).Build()
	c.WithWatch = interceptor.NewClient(c.store, interceptor.Funcs{
		Create: func(ctx context.Context, store client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			c.stamp(o)
			return c.published(o, store.Create(ctx, o, opts...))
		},
		Patch: func(
			ctx context.Context, store client.WithWatch, o client.Object, patch client.Patch, opts ...client.PatchOption,
		) error {
			return c.published(o, store.Patch(ctx, o, patch, opts...))
		},
		SubResourcePatch: func(
			ctx context.Context, store client.Client, name string, o client.Object, patch client.Patch,
			opts ...client.SubResourcePatchOption,
		) error {
			return c.published(o, store.SubResource(name).Patch(ctx, o, patch, opts...))
		},
	})
	return c
}

// Kinds of objects.
const (
	kindWebhook    = "Webhook"
	kindConnection = "Connection"
	kindSecret     = "Secret"
)

func kindOf(o runtime.Object) string {
	switch o := o.(type) {
	case *v1alpha1.Webhook, *v1alpha1.WebhookList:
		return kindWebhook
	case *v1alpha1.Connection, *v1alpha1.ConnectionList:
		return kindConnection
	case *corev1.Secret:
		return kindSecret
	case *metav1.PartialObjectMetadata:
		return o.Kind
	}
	return fmt.Sprintf("%T", o)
}

func refOf(o client.Object) ref { return ref{kindOf(o), client.ObjectKeyFromObject(o)} }

// stamp gives a new object what an API server gives it.
func (c *cluster) stamp(o client.Object) {
	c.uids++
	o.SetUID(types.UID(fmt.Sprintf("00000000-0000-4000-8000-%012d", c.uids)))
	o.SetCreationTimestamp(metav1.Now().Rfc3339Copy())
	o.SetGeneration(1)
}

func (c *cluster) published(o client.Object, err error) error {
	if err == nil {
		c.publish(refOf(o))
	}
	return err
}

// publish tells all watchers what became of an object.
func (c *cluster) publish(r ref) {
	now := c.read(r)
	event := change{ref: r, old: c.known[r], changed: now}
	if now == nil {
		delete(c.known, r)
		c.collect(event.old)
	} else {
		c.known[r] = now
	}
	c.history = append(c.history, event)
	for _, p := range c.world.processes {
		p.watch(event, 0)
	}
	c.world.in(0, "rules", c.follow)
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

// read returns a fresh copy of an object, or nil.
func (c *cluster) read(r ref) client.Object {
	var o client.Object
	switch r.kind {
	case kindWebhook:
		o = &v1alpha1.Webhook{}
	case kindConnection:
		o = &v1alpha1.Connection{}
	default:
		o = &corev1.Secret{}
	}
	err := c.store.Get(context.Background(), r.key, o)
	if apierrors.IsNotFound(err) {
		return nil
	}
	c.world.must(err)
	return o
}

// collectLatency is how long the garbage collector takes.
const collectLatency = time.Second

// collect removes the Secrets of a Webhook that is gone.
func (c *cluster) collect(gone client.Object) {
	owner, ok := gone.(*v1alpha1.Webhook)
	if !ok {
		return
	}
	c.world.in(collectLatency, "collect", func() {
		var secrets corev1.SecretList
		c.world.must(c.store.List(context.Background(), &secrets))
		for i := range secrets.Items {
			if metav1.IsControlledBy(&secrets.Items[i], owner) {
				c.remove(&secrets.Items[i])
			}
		}
	})
}

// add makes an object.
func (c *cluster) add(o client.Object) { c.world.must(c.Create(context.Background(), o)) }

// remove deletes an object; one with finalizers stays until they are gone.
func (c *cluster) remove(o client.Object) {
	if w, ok := o.(*v1alpha1.Webhook); ok {
		// An API server counts a deletion as a change of what is wanted.
		w.Generation++
		c.world.must(c.store.Update(context.Background(), w))
	}
	c.world.must(c.store.Delete(context.Background(), o))
	c.publish(refOf(o))
}

// webhook returns a Webhook, or nil when it does not exist.
func (c *cluster) webhook(name string) *v1alpha1.Webhook {
	w, _ := c.read(ref{kindWebhook, keyed(name)}).(*v1alpha1.Webhook)
	return w
}

// edit changes a Webhook as people do.
func (c *cluster) edit(name string, change func(*v1alpha1.Webhook)) {
	w := c.webhook(name)
	before := w.Spec.DeepCopy()
	change(w)
	if !equality.Semantic.DeepEqual(*before, w.Spec) {
		w.Generation++
	}
	c.world.must(c.store.Update(context.Background(), w))
	c.publish(refOf(w))
}

// annotate sets an annotation of a Webhook.
func (c *cluster) annotate(name, annotation, value string) {
	c.edit(name, func(w *v1alpha1.Webhook) { metav1.SetMetaDataAnnotation(&w.ObjectMeta, annotation, value) })
}

// setSecret makes or changes a Secret that people keep.
func (c *cluster) setSecret(name string, data map[string]string) {
	secret, exists := c.read(ref{kindSecret, keyed(name)}).(*corev1.Secret)
	if !exists {
		secret = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: crashNamespace, Name: name}}
	}
	secret.Data = map[string][]byte{}
	for key, value := range data {
		secret.Data[key] = []byte(value)
	}
	if !exists {
		c.add(secret)
		return
	}
	c.world.must(c.store.Update(context.Background(), secret))
	c.publish(refOf(secret))
}

func (c *cluster) webhooks() []v1alpha1.Webhook {
	var all v1alpha1.WebhookList
	c.world.must(c.store.List(context.Background(), &all))
	return all.Items
}

func keyed(name string) client.ObjectKey {
	return client.ObjectKey{Namespace: crashNamespace, Name: name}
}

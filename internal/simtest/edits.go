package simtest

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// request creates an object as a client does, which cannot give it a status.
func (c *cluster) request(o client.Object) error {
	switch o := o.(type) {
	case *itwinv1alpha1.Webhook:
		o.Status = itwinv1alpha1.WebhookStatus{ObservedGeneration: -1}
	case itwinv1alpha1.ConnectionObject:
		*o.ConnectionStatus() = itwinv1alpha1.ConnectionStatus{ObservedGeneration: -1}
	}
	return c.create(o)
}

// add stores an object, with the status that it has.
func (c *cluster) add(o client.Object) { c.simulation.must(c.create(o)) }

// remove deletes an object; one with finalizers stays until they are gone. It counts as a change of what is wanted.
func (c *cluster) remove(o client.Object) {
	if !o.GetDeletionTimestamp().IsZero() && len(o.GetFinalizers()) > 0 {
		return
	}
	if o.GetDeletionTimestamp().IsZero() {
		o.SetDeletionTimestamp(new(metav1.Now()))
		o.SetGeneration(o.GetGeneration() + 1)
	}
	c.store(o)
}

// webhook returns a Webhook, or nil when it does not exist.
func (c *cluster) webhook(name string) *itwinv1alpha1.Webhook {
	w, _ := c.read(ref{kindWebhook, keyed(name)}).(*itwinv1alpha1.Webhook)
	return w
}

// edit changes a Webhook as people do.
func (c *cluster) edit(name string, change func(*itwinv1alpha1.Webhook)) {
	w := c.webhook(name)
	before := w.Spec.DeepCopy()
	change(w)
	if !equality.Semantic.DeepEqual(*before, w.Spec) {
		w.Generation++
	}
	c.store(w)
}

// annotate sets an annotation of a Webhook.
func (c *cluster) annotate(name, annotation, value string) {
	c.edit(name, func(w *itwinv1alpha1.Webhook) { metav1.SetMetaDataAnnotation(&w.ObjectMeta, annotation, value) })
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
	c.store(secret)
}

func (c *cluster) webhooks() (all []*itwinv1alpha1.Webhook) {
	for _, o := range c.all(kindWebhook) {
		all = append(all, o.(*itwinv1alpha1.Webhook))
	}
	return all
}

func keyed(name string) client.ObjectKey {
	return client.ObjectKey{Namespace: crashNamespace, Name: name}
}

// Package conformance is a table of what an API server does with requests of the kinds that the operator sends. It runs
// against the API server of the crash simulation and against a real one: the simulation is worth what these two share.
package conformance

import (
	"context"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// Client is what the table needs of a client; reads are past every cache.
type Client interface {
	Get(ctx context.Context, key client.ObjectKey, into client.Object, opts ...client.GetOption) error
	Create(ctx context.Context, o client.Object, opts ...client.CreateOption) error
	Delete(ctx context.Context, o client.Object, opts ...client.DeleteOption) error
	Patch(ctx context.Context, o client.Object, patch client.Patch, opts ...client.PatchOption) error
	Status() client.SubResourceWriter
}

// Run runs the table in a namespace that exists.
func Run(t *testing.T, namespace string, inEach func(t *testing.T, test func(t *testing.T, c Client))) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			inEach(t, func(t *testing.T, api Client) {
				s := scene{NewWithT(t), t, api, namespace}
				for _, o := range []client.Object{s.webhook(), s.secret()} {
					s.remove(o)
				}
				c.test(s)
			})
		})
	}
}

// scene is one case in the making.
type scene struct {
	*WithT
	t         *testing.T
	api       Client
	namespace string
}

const (
	finalizer  = "webhook-operator.io/conformance"
	annotation = "webhook-operator.io/conformance"
)

func (s scene) webhook() *itwinv1alpha1.Webhook {
	return &itwinv1alpha1.Webhook{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "conformance"},
		Spec: itwinv1alpha1.WebhookSpec{
			ConnectionRef: itwinv1alpha1.ConnectionReference{Kind: itwinv1alpha1.ConnectionKindNamespaced, Name: "default"},
			CallbackURL:   "https://hooks.example.com/itwin", Scope: itwinv1alpha1.AccountScope,
			EventTypes: []string{"iModels.iModelDeleted.v1"}, Active: new(true),
			ReactivationPolicy: itwinv1alpha1.ReactivateAlways, DeletionPolicy: itwinv1alpha1.DeleteRemote,
			AdoptionPolicy: itwinv1alpha1.AdoptNever,
		},
	}
}

func (s scene) secret() *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "conformance"},
		Data:       map[string][]byte{"hmac": []byte("first")},
	}
}

// created is a Webhook as the API server has it after a create.
func (s scene) created(changes ...func(*itwinv1alpha1.Webhook)) *itwinv1alpha1.Webhook {
	w := s.webhook()
	for _, change := range changes {
		change(w)
	}
	s.Expect(s.api.Create(s.t.Context(), w)).To(Succeed())
	return w
}

func finalized(w *itwinv1alpha1.Webhook) { w.Finalizers = []string{finalizer} }

// stored reads the Webhook.
func (s scene) stored() *itwinv1alpha1.Webhook {
	w := s.webhook()
	s.Expect(s.api.Get(s.t.Context(), client.ObjectKeyFromObject(w), w)).To(Succeed())
	return w
}

// patch changes a Webhook, or its status, by a merge patch with a lock on its version.
func (s scene) patch(w *itwinv1alpha1.Webhook, status bool, change func(*itwinv1alpha1.Webhook)) error {
	patch := client.MergeFromWithOptions(w.DeepCopy(), client.MergeFromWithOptimisticLock{})
	change(w)
	if status {
		return s.api.Status().Patch(s.t.Context(), w, patch)
	}
	return s.api.Patch(s.t.Context(), w, patch)
}

// remove deletes what is left of a case before, whatever its finalizers.
func (s scene) remove(o client.Object) {
	ctx, key := s.t.Context(), client.ObjectKeyFromObject(o)
	if s.api.Get(ctx, key, o) != nil {
		return
	}
	if before := o.DeepCopyObject().(client.Object); len(o.GetFinalizers()) > 0 {
		o.SetFinalizers(nil)
		s.Expect(s.api.Patch(ctx, o, client.MergeFrom(before))).To(Succeed())
	}
	s.Expect(client.IgnoreNotFound(s.api.Delete(ctx, o))).To(Succeed())
}

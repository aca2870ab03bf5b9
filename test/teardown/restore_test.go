package teardown

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// backup is what a backup tool keeps of the Webhook "generated" and its Secret, and what the platform had then.
type backup struct {
	webhook *itwinv1alpha1.Webhook
	secret  *corev1.Secret
	id      string
	value   string
}

// backUp reads both as a backup tool does: metadata and spec, without what the API server sets.
func (s *scene) backUp() backup {
	s.Helper()
	var w itwinv1alpha1.Webhook
	var secret corev1.Secret
	s.Must(plane.Client.Get(s.Ctx, client.ObjectKey{Namespace: s.Namespace, Name: "generated"}, &w))
	s.Must(plane.Client.Get(s.Ctx, client.ObjectKey{Namespace: s.Namespace, Name: generated}, &secret))
	return backup{
		webhook: &itwinv1alpha1.Webhook{ObjectMeta: kept(&w), Spec: w.Spec},
		secret:  &corev1.Secret{ObjectMeta: kept(&secret), Data: secret.Data, Type: secret.Type},
		id:      w.Status.WebhookID,
		value:   string(secret.Data[itwinv1alpha1.DefaultSecretKey]),
	}
}

func kept(o metav1.Object) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: o.GetNamespace(), Name: o.GetName(), Labels: o.GetLabels(), Annotations: o.GetAnnotations(),
		Finalizers: o.GetFinalizers(), OwnerReferences: o.GetOwnerReferences(),
	}
}

// lose takes the Webhook away without its remote webhook, as when a cluster is lost, and waits until the garbage
// collector has taken the Secret. The operator is stopped meanwhile.
func (s *scene) lose() {
	s.Helper()
	s.Must(manager.Stop())
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`))
	s.Must(plane.Client.Patch(s.Ctx, s.webhook("generated"), patch))
	s.delete(s.webhook("generated"))
	s.goes(s.Secret(s.Namespace, generated, nil))
	s.startManager()
}

// inUse waits until the restored Webhook is ready with its former remote webhook, which both have the same secret and
// of which the Secret is the Webhook's own. It returns the value of the secret.
func (s *scene) inUse(b backup) (value string) {
	s.Helper()
	s.becomes("generated", metav1.ConditionTrue, itwinv1alpha1.InSyncReason)
	var w itwinv1alpha1.Webhook
	s.Must(plane.Client.Get(s.Ctx, client.ObjectKey{Namespace: s.Namespace, Name: "generated"}, &w))
	s.Expect(w.Status.WebhookID).To(Equal(b.id))
	s.Expect(s.remotes()).To(HaveLen(2))
	s.Eventually(func(g Gomega) {
		var secret corev1.Secret
		g.Expect(plane.Client.Get(s.Ctx, client.ObjectKey{Namespace: s.Namespace, Name: generated}, &secret)).To(Succeed())
		g.Expect(metav1.IsControlledBy(&secret, &w)).To(BeTrue())
		g.Expect(secret.OwnerReferences).To(HaveLen(1))
		value = string(secret.Data[itwinv1alpha1.DefaultSecretKey])
		g.Expect(s.remotes()).To(ContainElement(And(HaveField("ID", b.id), HaveField("Secret", value))))
	}).Should(Succeed())
	return value
}

func TestRestoredSecretKeepsItsValueUnderTheGarbageCollector(t *testing.T) {
	for _, test := range []struct {
		name    string
		restore func(s *scene, b backup)
	}{
		{"Webhook first", func(s *scene, b backup) {
			b.secret.OwnerReferences = nil
			s.restoreWebhook(b)
			s.Create(b.secret)
		}},
		{"Webhook first, and looked at while it waits", func(s *scene, b backup) {
			b.secret.OwnerReferences = nil
			s.restoreWebhook(b)
			look := []byte(`{"metadata":{"annotations":{"` + itwinv1alpha1.ReconcileRequestedAtAnnotation + `":"now"}}}`)
			s.Must(plane.Client.Patch(s.Ctx, s.webhook("generated"), client.RawPatch("application/merge-patch+json", look)))
			s.Consistently(func() error {
				return plane.Client.Get(s.Ctx, client.ObjectKeyFromObject(b.secret), &corev1.Secret{})
			}).WithTimeout(collected).Should(Satisfy(apierrors.IsNotFound))
			s.Create(b.secret)
		}},
		{"Secret first", func(s *scene, b backup) {
			b.secret.OwnerReferences = nil
			s.Create(b.secret)
			s.Create(b.webhook)
		}},
		{"Webhook first, Secret with its former owner", func(s *scene, b backup) {
			s.restoreWebhook(b)
			s.Create(b.secret)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newPopulatedScene(t)
			b := s.backUp()
			s.lose()
			test.restore(s, b)
			s.Expect(s.inUse(b)).To(Equal(b.value))
			s.deleteNamespace()
			s.namespaceGoes()
		})
	}
}

// restoreWebhook creates the Webhook and waits until it says that it waits for its Secret.
func (s *scene) restoreWebhook(b backup) {
	s.Helper()
	s.Create(b.webhook)
	s.becomes("generated", metav1.ConditionFalse, itwinv1alpha1.SecretNotFoundReason)
}

// The garbage collector may take a Secret whose owner does not exist before the operator has seen it. What the two
// sides have is the same all the same.
func TestSecretRestoredBesideItsWebhookWithItsFormerOwnerIsInUse(t *testing.T) {
	s := newPopulatedScene(t)
	b := s.backUp()
	s.lose()
	s.Create(b.secret)
	s.Create(b.webhook)
	s.inUse(b)
	s.deleteNamespace()
	s.namespaceGoes()
}

func retained(w *itwinv1alpha1.Webhook) { w.Spec.DeletionPolicy = itwinv1alpha1.RetainRemote }

func TestRetainedSecretOutlivesItsWebhook(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		before []func(*itwinv1alpha1.Webhook)
		delete func(s *scene)
	}{
		{"retained from the beginning", []func(*itwinv1alpha1.Webhook){retained}, func(s *scene) {
			s.delete(s.webhook("kept"))
		}},
		{"retained later", nil, func(s *scene) {
			s.retain("kept")
			s.becomes("kept", metav1.ConditionTrue, itwinv1alpha1.InSyncReason)
			s.delete(s.webhook("kept"))
		}},
		{"deleted in the foreground", []func(*itwinv1alpha1.Webhook){retained}, func(s *scene) {
			foreground := client.PropagationPolicy(metav1.DeletePropagationForeground)
			s.Must(plane.Client.Delete(s.Ctx, s.webhook("kept"), foreground))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.Create(s.Credentials(s.Namespace))
			s.Create(s.Connection())
			s.Create(s.webhook("kept", test.before...))
			s.becomes("kept", metav1.ConditionTrue, itwinv1alpha1.InSyncReason)
			test.delete(s)
			s.outlived("kept")
		})
	}
}

func TestRetainThatIsSetDuringTheDeletionKeepsTheSecret(t *testing.T) {
	s := newScene(t)
	s.Create(s.Credentials(s.Namespace))
	s.Create(s.Connection())
	s.Create(s.webhook("kept"))
	s.becomes("kept", metav1.ConditionTrue, itwinv1alpha1.InSyncReason)
	s.Must(manager.Stop())
	s.delete(s.webhook("kept"))
	s.retain("kept")
	s.startManager()
	s.outlived("kept")
}

// outlived waits until a Webhook is gone, and for the garbage collector, which leaves its Secret and remote webhook.
func (s *scene) outlived(name string) {
	s.Helper()
	s.goes(s.webhook(name))
	key := client.ObjectKey{Namespace: s.Namespace, Name: name + itwinv1alpha1.GeneratedSecretSuffix}
	s.Consistently(func(g Gomega) {
		var secret corev1.Secret
		g.Expect(plane.Client.Get(s.Ctx, key, &secret)).To(Succeed())
		g.Expect(secret.OwnerReferences).To(BeEmpty())
		g.Expect(s.remotes()).To(ConsistOf(HaveField("Secret", string(secret.Data[itwinv1alpha1.DefaultSecretKey]))))
	}).WithTimeout(collected).Should(Succeed())
	s.deleteNamespace()
	s.namespaceGoes()
}

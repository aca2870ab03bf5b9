package conformance

import (
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// cases are what an API server does, each on objects of its own.
var cases = []struct {
	name string
	test func(scene)
}{
	{"a created object has a uid, a version, the first generation and no status", createFillsIn},
	{"a create of what exists is AlreadyExists", createTwice},
	{"what does not exist is NotFound", missing},
	{"a change of the spec is a new generation and a new version", specChanges},
	{"a change of an annotation is a new version of the same generation", annotationChanges},
	{"a change of the status is a new version of the same generation", statusChanges},
	{"a patch of the status changes nothing else", statusAlone},
	{"a patch of the object does not change its status", objectAlone},
	{"a patch that changes nothing keeps the version", nothingChanges},
	{"a locked patch of an old version is a Conflict", conflict},
	{"a patch without a lock applies to a newer version", unlocked},
	{"null in a patch removes an annotation", removesAnnotation},
	{"a deleted object without finalizers is gone", deletedAtOnce},
	{"a deleted object with a finalizer stays until that is gone", deletedLater},
	{"a deleted object takes no new finalizer", noNewFinalizer},
	{"an object of the same name is another one", recreated},
	{"a Secret has no generation, and its metadata can be read and patched alone", secretMetadata},
	{"the data of an immutable Secret cannot change", immutableSecret},
}

func createFillsIn(s scene) {
	w := s.created(func(w *itwinv1alpha1.Webhook) { w.Status.WebhookID = "11111111-0000-4000-8000-000000000000" })
	for _, o := range []*itwinv1alpha1.Webhook{w, s.stored()} {
		s.Expect(o.UID).NotTo(BeEmpty())
		s.Expect(o.ResourceVersion).NotTo(BeEmpty())
		s.Expect(o.CreationTimestamp.IsZero()).To(BeFalse())
		s.Expect(o.Generation).To(BeEquivalentTo(1))
		s.Expect(o.Status.WebhookID).To(BeEmpty())
	}
}

func createTwice(s scene) {
	w := s.created()
	s.Expect(apierrors.IsAlreadyExists(s.api.Create(s.t.Context(), s.webhook()))).To(BeTrue())
	s.Expect(s.stored().UID).To(Equal(w.UID))
}

func missing(s scene) {
	ctx, w := s.t.Context(), s.webhook()
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"annotations":{"a":"b"}}}`))
	s.Expect(apierrors.IsNotFound(s.api.Get(ctx, client.ObjectKeyFromObject(w), w))).To(BeTrue(), "get")
	s.Expect(apierrors.IsNotFound(s.api.Patch(ctx, s.webhook(), patch))).To(BeTrue(), "patch")
	s.Expect(apierrors.IsNotFound(s.api.Status().Patch(ctx, s.webhook(), patch))).To(BeTrue(), "patch of the status")
	s.Expect(apierrors.IsNotFound(s.api.Delete(ctx, s.webhook()))).To(BeTrue(), "delete")
}

func specChanges(s scene) {
	before := s.created()
	w := before.DeepCopy()
	s.Expect(s.patch(w, false, func(w *itwinv1alpha1.Webhook) { w.Spec.Active = new(false) })).To(Succeed())
	for _, now := range []*itwinv1alpha1.Webhook{w, s.stored()} {
		s.Expect(now.Spec.Active).To(HaveValue(BeFalse()))
		s.Expect(now.Generation).To(Equal(before.Generation + 1))
		s.Expect(now.ResourceVersion).NotTo(Equal(before.ResourceVersion))
		s.Expect(now.UID).To(Equal(before.UID))
	}
}

func annotationChanges(s scene) {
	before := s.created()
	w := before.DeepCopy()
	s.Expect(s.patch(w, false, annotated)).To(Succeed())
	s.Expect(s.stored().Annotations).To(HaveKeyWithValue(annotation, "there"))
	s.Expect(s.stored().Generation).To(Equal(before.Generation))
	s.Expect(s.stored().ResourceVersion).NotTo(Equal(before.ResourceVersion))
}

func annotated(w *itwinv1alpha1.Webhook) {
	metav1.SetMetaDataAnnotation(&w.ObjectMeta, annotation, "there")
}

func reported(w *itwinv1alpha1.Webhook) { w.Status.WebhookID = "11111111-0000-4000-8000-000000000000" }

func statusChanges(s scene) {
	before := s.created()
	w := before.DeepCopy()
	s.Expect(s.patch(w, true, reported)).To(Succeed())
	for _, now := range []*itwinv1alpha1.Webhook{w, s.stored()} {
		s.Expect(now.Status.WebhookID).NotTo(BeEmpty())
		s.Expect(now.Generation).To(Equal(before.Generation))
		s.Expect(now.ResourceVersion).NotTo(Equal(before.ResourceVersion))
	}
}

func statusAlone(s scene) {
	before := s.created()
	s.Expect(s.patch(before.DeepCopy(), true, func(w *itwinv1alpha1.Webhook) {
		reported(w)
		annotated(w)
		finalized(w)
		w.Spec.Active = new(false)
	})).To(Succeed())
	now := s.stored()
	s.Expect(now.Status.WebhookID).NotTo(BeEmpty())
	s.Expect(now.Annotations).NotTo(HaveKey(annotation))
	s.Expect(now.Finalizers).To(BeEmpty())
	s.Expect(now.Spec).To(Equal(before.Spec))
}

func objectAlone(s scene) {
	s.Expect(s.patch(s.created(), false, func(w *itwinv1alpha1.Webhook) {
		reported(w)
		annotated(w)
	})).To(Succeed())
	s.Expect(s.stored().Status.WebhookID).To(BeEmpty())
	s.Expect(s.stored().Annotations).To(HaveKey(annotation))
}

func nothingChanges(s scene) {
	// Not right after the create: a real one makes a new version of the first patch, though it changes nothing.
	w := s.created()
	s.Expect(s.patch(w, false, annotated)).To(Succeed())
	before := w.ResourceVersion
	s.Expect(s.patch(w, false, annotated)).To(Succeed())
	s.Expect(s.stored().ResourceVersion).To(Equal(before), "of the object")
	s.Expect(s.patch(w, true, func(*itwinv1alpha1.Webhook) {})).To(Succeed())
	s.Expect(s.stored().ResourceVersion).To(Equal(before), "of the status")
}

func conflict(s scene) {
	old := s.created()
	s.Expect(s.patch(old.DeepCopy(), false, annotated)).To(Succeed())
	s.Expect(apierrors.IsConflict(s.patch(old.DeepCopy(), false, finalized))).To(BeTrue(), "of the object")
	s.Expect(apierrors.IsConflict(s.patch(old.DeepCopy(), true, reported))).To(BeTrue(), "of the status")
	s.Expect(s.stored().Finalizers).To(BeEmpty())
	s.Expect(s.stored().Status.WebhookID).To(BeEmpty())
}

func unlocked(s scene) {
	old := s.created()
	s.Expect(s.patch(old.DeepCopy(), false, annotated)).To(Succeed())
	patch := client.MergeFrom(old.DeepCopy())
	finalized(old)
	s.Expect(s.api.Patch(s.t.Context(), old, patch)).To(Succeed())
	s.Expect(s.stored().Finalizers).To(ConsistOf(finalizer))
	s.Expect(s.stored().Annotations).To(HaveKey(annotation))
}

func removesAnnotation(s scene) {
	s.Expect(s.patch(s.created(annotated), false, func(w *itwinv1alpha1.Webhook) {
		delete(w.Annotations, annotation)
	})).To(Succeed())
	s.Expect(s.stored().Annotations).NotTo(HaveKey(annotation))
}

func deletedAtOnce(s scene) {
	w := s.created()
	s.Expect(s.api.Delete(s.t.Context(), w)).To(Succeed())
	s.Expect(apierrors.IsNotFound(s.api.Get(s.t.Context(), client.ObjectKeyFromObject(w), w))).To(BeTrue())
}

func deletedLater(s scene) {
	before := s.created(finalized)
	s.Expect(s.api.Delete(s.t.Context(), before.DeepCopy())).To(Succeed())
	w := s.stored()
	s.Expect(w.DeletionTimestamp.IsZero()).To(BeFalse())
	s.Expect(w.Generation).To(Equal(before.Generation + 1))
	s.Expect(w.ResourceVersion).NotTo(Equal(before.ResourceVersion))

	s.Expect(s.api.Delete(s.t.Context(), w.DeepCopy())).To(Succeed())
	s.Expect(s.stored().ResourceVersion).To(Equal(w.ResourceVersion), "deleted twice")
	s.Expect(s.patch(w, true, reported)).To(Succeed())
	s.Expect(s.patch(w, false, func(w *itwinv1alpha1.Webhook) { w.Finalizers = nil })).To(Succeed())
	s.Expect(apierrors.IsNotFound(s.api.Get(s.t.Context(), client.ObjectKeyFromObject(w), w))).To(BeTrue())
}

func noNewFinalizer(s scene) {
	s.Expect(s.api.Delete(s.t.Context(), s.created(finalized))).To(Succeed())
	err := s.patch(s.stored(), false, func(w *itwinv1alpha1.Webhook) {
		w.Finalizers = append(w.Finalizers, finalizer+"-2")
	})
	s.Expect(apierrors.IsInvalid(err)).To(BeTrue(), "%v", err)
}

func recreated(s scene) {
	first := s.created()
	s.Expect(s.api.Delete(s.t.Context(), first.DeepCopy())).To(Succeed())
	second := s.created()
	s.Expect(second.UID).NotTo(Equal(first.UID))
	s.Expect(second.ResourceVersion).NotTo(Equal(first.ResourceVersion))
	s.Expect(apierrors.IsConflict(s.patch(first, false, annotated))).To(BeTrue(), "a patch of the first one")
}

func secretMetadata(s scene) {
	secret := s.secret()
	s.Expect(s.api.Create(s.t.Context(), secret)).To(Succeed())
	s.Expect(secret.Generation).To(BeZero())
	meta := &metav1.PartialObjectMetadata{}
	meta.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	key := client.ObjectKeyFromObject(secret)
	s.Expect(s.api.Get(s.t.Context(), key, meta)).To(Succeed())
	s.Expect(meta.UID).To(Equal(secret.UID))

	patch := client.MergeFromWithOptions(meta.DeepCopy(), client.MergeFromWithOptimisticLock{})
	meta.Labels = map[string]string{"team": "models"}
	s.Expect(s.api.Patch(s.t.Context(), meta, patch)).To(Succeed())
	s.Expect(meta.ResourceVersion).NotTo(Equal(secret.ResourceVersion))
	s.Expect(s.api.Get(s.t.Context(), key, secret)).To(Succeed())
	s.Expect(secret.Labels).To(HaveKeyWithValue("team", "models"))
	s.Expect(secret.Data).To(HaveKeyWithValue("hmac", []byte("first")))
}

func immutableSecret(s scene) {
	secret := s.secret()
	secret.Immutable = new(true)
	s.Expect(s.api.Create(s.t.Context(), secret)).To(Succeed())
	changed := secret.DeepCopy()
	changed.Data["hmac"] = []byte("second")
	err := s.api.Patch(s.t.Context(), changed, client.MergeFrom(secret))
	s.Expect(apierrors.IsInvalid(err)).To(BeTrue(), "%v", err)
	labelled := secret.DeepCopy()
	labelled.Labels = map[string]string{"team": "models"}
	s.Expect(s.api.Patch(s.t.Context(), labelled, client.MergeFrom(secret))).To(Succeed())
}

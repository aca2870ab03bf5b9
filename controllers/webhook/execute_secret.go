package webhook

import (
	"context"
	"crypto/rand"
	"encoding/hex"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/kube"
	"webhook-operator.io/itwin/controllers/status"
)

// generatedBytes of randomness become twice as many hex digits.
const generatedBytes = 32

// storeSecret stores a generated value, before the platform is told.
func (e *executor) storeSecret(ctx context.Context) error {
	store := e.createSecret
	if e.facts.Secret.Rotate {
		store = e.rotateSecret
	}
	secret, err := store(ctx)
	if err != nil {
		return err
	}
	e.stored(secret)
	e.facts.Secret.Missing, e.facts.Secret.Rotate, e.facts.Secret.Metadata = false, false, false
	return nil
}

// stored notes the value of a generated Secret that was just written.
func (e *executor) stored(secret *corev1.Secret) {
	e.reconciler.secretWrites.Note(secret)
	e.reconciler.countWrite(e.facts.Webhook)
	value := string(secret.Data[itwinv1alpha1.DefaultSecretKey])
	e.facts.Secret.Loaded, e.facts.Secret.Value, e.facts.Secret.Version = true, value, secret.ResourceVersion
	e.facts.Secret.Fingerprint = e.operatorKey.Fingerprint(value)
}

func (e *executor) createSecret(ctx context.Context) (*corev1.Secret, error) {
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{
		Namespace: e.object().Namespace, Name: e.facts.Secret.Name,
		Labels: map[string]string{kube.ManagedByLabel: kube.ManagerName},
	}}
	fill(secret, e.facts.Webhook, generateSecret())
	if err := e.setMetadata(secret); err != nil {
		return nil, err
	}
	return secret, e.kube.Create(ctx, secret)
}

// setMetadata gives a generated Secret the labels and annotations of spec.secretTemplate, and its owner: the Webhook,
// with which it is garbage-collected. One that retains its remote webhook does not own it: receivers still need the
// value.
func (e *executor) setMetadata(secret *corev1.Secret) error {
	w := e.facts.Webhook
	kube.ApplySecretTemplate(secret, w.Spec.SecretTemplate)
	secret.OwnerReferences = nil
	if w.Spec.DeletionPolicy == itwinv1alpha1.RetainRemote {
		return nil
	}
	return controllerutil.SetControllerReference(w, secret, e.kube.Scheme())
}

// writeSecretMetadata writes the owner, labels and annotations of a generated Secret as it was read, and keeps its
// value. If the garbage collector, which deletes what a dead owner left, was faster, the Secret is created again with
// the value that was read. It is not read once more: the value would be lost if the collector came in between.
func (e *executor) writeSecretMetadata(ctx context.Context) error {
	before, sent := e.secret, e.facts.PlatformHasSecret()
	secret := before.DeepCopy()
	if err := e.setMetadata(secret); err != nil {
		return err
	}
	err := e.kube.Patch(ctx, secret, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
	if apierrors.IsNotFound(err) {
		secret = before.DeepCopy()
		secret.ObjectMeta = metav1.ObjectMeta{
			Namespace: before.Namespace, Name: before.Name, Labels: before.Labels, Annotations: before.Annotations,
		}
		if err := e.setMetadata(secret); err != nil {
			return err
		}
		err = e.kube.Create(ctx, secret)
	}
	if err != nil {
		return err
	}
	e.stored(secret)
	if sent {
		// By its version, in a status of version 0.1.0, which has no fingerprint; it has another version now.
		e.facts.Secret.Sent = e.facts.Secret.Fingerprint
	}
	if !kube.HasSecretTemplate(secret, e.facts.Webhook.Spec.SecretTemplate) {
		return status.ErrMutated
	}
	e.facts.Secret.Metadata = false
	return nil
}

// releaseSecret lets a generated Secret outlive its Webhook, whose remote webhook is retained: receivers still need the
// value. One that is gone already is not made again.
func (e *executor) releaseSecret(ctx context.Context) error {
	name := client.ObjectKey{Namespace: e.object().Namespace, Name: e.facts.Secret.Name}
	secret, err := e.reconciler.secretMetadata(ctx, name)
	if err != nil {
		return client.IgnoreNotFound(err)
	}
	before := secret.DeepCopy()
	secret.OwnerReferences = nil
	err = e.kube.Patch(ctx, secret, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
	return client.IgnoreNotFound(err)
}

// rotateSecret replaces the value, and keeps the one before it. If the cache did not show yet that this was done, it is
// not done again: the value before would be lost.
func (e *executor) rotateSecret(ctx context.Context) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	err := e.live.Get(ctx, client.ObjectKey{Namespace: e.facts.Webhook.Namespace, Name: e.facts.Secret.Name}, secret)
	if err != nil || rotated(secret, e.facts.Webhook) {
		return secret, err
	}
	before := secret.DeepCopy()
	fill(secret, e.facts.Webhook, generateSecret())
	if err := e.setMetadata(secret); err != nil {
		return nil, err
	}
	return secret, e.kube.Patch(ctx, secret, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
}

// rotated reports whether a generated Secret answers the Webhook's request for a rotation.
func rotated(secret client.Object, w *itwinv1alpha1.Webhook) bool {
	return secret.GetAnnotations()[itwinv1alpha1.RotateRequestedAtAnnotation] ==
		w.Annotations[itwinv1alpha1.RotateRequestedAtAnnotation]
}

// fill gives a generated Secret its value, and notes on it which request for a rotation that answers.
func fill(secret *corev1.Secret, w *itwinv1alpha1.Webhook, value string) {
	data := map[string][]byte{itwinv1alpha1.DefaultSecretKey: []byte(value)}
	if old := secret.Data[itwinv1alpha1.DefaultSecretKey]; len(old) > 0 {
		data[itwinv1alpha1.PreviousSecretKey] = old
	}
	secret.Data = data
	if request := w.Annotations[itwinv1alpha1.RotateRequestedAtAnnotation]; request != "" {
		metav1.SetMetaDataAnnotation(&secret.ObjectMeta, itwinv1alpha1.RotateRequestedAtAnnotation, request)
	}
}

// generateSecret makes a value. The source of randomness never fails: the process ends if it would.
func generateSecret() string {
	random := make([]byte, generatedBytes)
	_, _ = rand.Read(random)
	return hex.EncodeToString(random)
}

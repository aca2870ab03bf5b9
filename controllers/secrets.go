package controllers

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"webhook-operator.io/itwin/api/v1alpha1"
)

const (
	// minSecretLength is the platform's bound for a signing secret, in characters.
	minSecretLength = 32
	// generatedBytes of randomness become twice as many hex digits.
	generatedBytes = 32

	managedByLabel = "app.kubernetes.io/managed-by"
	managerName    = "itwin-webhook-operator"
)

// observeSecret compares the Secret's version, which the cache knows, with the one that the platform has. Only if they
// differ is the value read, from the API server: the cache holds no Secret's data.
func (r *WebhookReconciler) observeSecret(ctx context.Context, f *facts) error {
	ref := f.webhook.SigningSecret()
	key := client.ObjectKey{Namespace: f.webhook.Namespace, Name: ref.Name}
	f.secret.name = ref.Name
	meta, err := r.secretMetadata(ctx, key)
	if apierrors.IsNotFound(err) {
		f.secret.absent(f.webhook, ref)
		return nil
	} else if err != nil {
		return err
	}
	f.secret.version = meta.ResourceVersion
	if f.webhook.GeneratesSecret() {
		if !metav1.IsControlledBy(meta, f.webhook) {
			f.secret.problem = &problem{v1alpha1.SecretInvalidReason, fmt.Sprintf(
				"Secret %q exists but was not generated for this Webhook; name it in spec.secretRef to use it, or "+
					"delete it", ref.Name)}
			return nil
		}
		f.secret.rotate = requested(
			f.webhook, v1alpha1.RotateRequestedAtAnnotation, f.webhook.Status.LastHandledRotateAt,
		) && !rotated(meta, f.webhook)
	}
	if f.secretSent() && !f.secret.doubtful {
		return nil
	}
	return r.readSecret(ctx, f, key, ref)
}

// secretMetadata reads what is known of a Secret from the cache, and past it while the cache does not show what this
// process wrote: the Secret would be generated, or rotated, a second time.
func (r *WebhookReconciler) secretMetadata(
	ctx context.Context, key client.ObjectKey,
) (*metav1.PartialObjectMetadata, error) {
	meta := &metav1.PartialObjectMetadata{}
	meta.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	err := r.Get(ctx, key, meta)
	if err == nil && !r.secretWrites.behind(meta) || apierrors.IsNotFound(err) && !r.secretWrites.noted(key) {
		return meta, err
	}
	if client.IgnoreNotFound(err) != nil {
		return nil, err
	}
	if err = r.APIReader.Get(ctx, key, meta); apierrors.IsNotFound(err) {
		r.secretWrites.forget(key)
	}
	return meta, err
}

// absent is a Secret to generate, or one to wait for.
func (s *secretFacts) absent(w *v1alpha1.Webhook, ref v1alpha1.SecretKeyReference) {
	if w.GeneratesSecret() {
		s.missing = true
		return
	}
	s.problem = &problem{v1alpha1.SecretNotFoundReason, fmt.Sprintf(
		"There is no Secret %q; create it with the key %q", ref.Name, ref.Key)}
}

func (r *WebhookReconciler) readSecret(
	ctx context.Context, f *facts, key client.ObjectKey, ref v1alpha1.SecretKeyReference,
) error {
	var secret corev1.Secret
	if err := r.APIReader.Get(ctx, key, &secret); apierrors.IsNotFound(err) {
		f.secret.absent(f.webhook, ref)
		return nil
	} else if err != nil {
		return err
	}
	f.secret.version = secret.ResourceVersion
	value, found := secret.Data[ref.Key]
	switch {
	case !found:
		f.secret.problem = &problem{v1alpha1.SecretNotFoundReason, fmt.Sprintf(
			"Secret %q has no key %q", ref.Name, ref.Key)}
	case !utf8.Valid(value):
		f.secret.problem = &problem{v1alpha1.SecretInvalidReason, fmt.Sprintf(
			"The value of key %q in Secret %q is not UTF-8 text", ref.Key, ref.Name)}
	case utf8.RuneCount(value) < minSecretLength:
		f.secret.problem = &problem{v1alpha1.SecretInvalidReason, fmt.Sprintf(
			"The value of key %q in Secret %q has %d characters; the platform needs %d or more", ref.Key, ref.Name,
			utf8.RuneCount(value), minSecretLength)}
	default:
		f.secret.value = string(value)
	}
	return nil
}

// storeSecret stores a generated value, before the platform hears of it.
func (r *WebhookReconciler) storeSecret(ctx context.Context, f *facts) error {
	store := r.createSecret
	if f.secret.rotate {
		store = r.rotateSecret
	}
	secret, err := store(ctx, f)
	if err != nil {
		return err
	}
	r.secretWrites.note(secret)
	f.secret.value, f.secret.version = string(secret.Data[v1alpha1.DefaultSecretKey]), secret.ResourceVersion
	f.secret.missing, f.secret.rotate = false, false
	return nil
}

func (r *WebhookReconciler) createSecret(ctx context.Context, f *facts) (*corev1.Secret, error) {
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{
		Namespace: f.webhook.Namespace, Name: f.secret.name, Labels: map[string]string{managedByLabel: managerName},
	}}
	fill(secret, f.webhook, generateSecret())
	if err := controllerutil.SetControllerReference(f.webhook, secret, r.Scheme()); err != nil {
		return nil, err
	}
	return secret, r.Create(ctx, secret)
}

// rotateSecret replaces the value, and keeps the one before it. If the cache did not show yet that this was done, it is
// not done again: the value before would be lost.
func (r *WebhookReconciler) rotateSecret(ctx context.Context, f *facts) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	err := r.APIReader.Get(ctx, client.ObjectKey{Namespace: f.webhook.Namespace, Name: f.secret.name}, secret)
	if err != nil || rotated(secret, f.webhook) {
		return secret, err
	}
	before := secret.DeepCopy()
	fill(secret, f.webhook, generateSecret())
	return secret, r.Patch(ctx, secret, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
}

// rotated tells whether a generated Secret answers the Webhook's request for a rotation.
func rotated(secret client.Object, w *v1alpha1.Webhook) bool {
	return secret.GetAnnotations()[v1alpha1.RotateRequestedAtAnnotation] ==
		w.Annotations[v1alpha1.RotateRequestedAtAnnotation]
}

// fill gives a generated Secret its value, and notes on it which request for a rotation that answers.
func fill(secret *corev1.Secret, w *v1alpha1.Webhook, value string) {
	data := map[string][]byte{v1alpha1.DefaultSecretKey: []byte(value)}
	if old := secret.Data[v1alpha1.DefaultSecretKey]; len(old) > 0 {
		data[v1alpha1.PreviousSecretKey] = old
	}
	secret.Data = data
	if request := w.Annotations[v1alpha1.RotateRequestedAtAnnotation]; request != "" {
		if secret.Annotations == nil {
			secret.Annotations = map[string]string{}
		}
		secret.Annotations[v1alpha1.RotateRequestedAtAnnotation] = request
	}
}

// generateSecret makes a value. The source of randomness never fails: the process ends if it would.
func generateSecret() string {
	random := make([]byte, generatedBytes)
	_, _ = rand.Read(random)
	return hex.EncodeToString(random)
}

package controllers

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/kube"
	"webhook-operator.io/itwin/controllers/status"
)

const (
	// minSecretLength is the platform's bound for a signing secret, in characters.
	minSecretLength = 32
	// restoreGrace is how long a generated Secret is waited for after a Webhook was restored from a backup, before another
	// value is generated: backup tools restore objects one after the other.
	restoreGrace = 30 * time.Second
)

// observeSecret compares the Secret's name and version, which the cache knows, with those that the platform has. Only
// if they differ, or an edit is waiting, is the value read, from the API server: the cache holds no Secret's data.
func (r *WebhookReconciler) observeSecret(ctx context.Context, f *facts, known attempt) error {
	ref := f.webhook.SigningSecret()
	key := client.ObjectKey{Namespace: f.webhook.Namespace, Name: ref.Name}
	f.secret.name = ref.Name
	meta, err := r.secretMetadata(ctx, key)
	if apierrors.IsNotFound(err) {
		r.observeAbsentSecret(f, ref, known)
		return nil
	} else if err != nil {
		return r.secretFailed(f, err)
	}
	f.secret.version = meta.ResourceVersion
	if f.webhook.GeneratesSecret() && !f.observeGenerated(meta) {
		return nil
	}
	if f.secretUnchanged() || f.untouchedImport() {
		return nil
	}
	return r.loadSecret(ctx, f)
}

// secretUnchanged reports whether the platform has the Secret as the cache shows it: its value need not be read.
func (f *facts) secretUnchanged() bool {
	s, secret := f.webhook.Status, f.secret
	switch {
	case !f.described(), f.pending(), secret.rotate, secret.ownership, s.SecretFingerprint == "":
		return false
	case secret.sent != "" && secret.sent != s.SecretFingerprint:
		return false
	}
	return s.SecretName == secret.name && s.SecretVersion == secret.version
}

// observeRelease finds out whether a Webhook that is being deleted, but not its remote webhook, owns its Secret.
func (r *WebhookReconciler) observeRelease(ctx context.Context, f *facts) error {
	w := f.webhook
	if w.DeletionTimestamp.IsZero() || !f.retains() || !w.GeneratesSecret() {
		return nil
	}
	f.secret.name = w.SigningSecret().Name
	meta, err := r.secretMetadata(ctx, client.ObjectKey{Namespace: w.Namespace, Name: f.secret.name})
	if err == nil {
		f.secret.release = ownershipOf(meta, w) == ownedByWebhook
	}
	return client.IgnoreNotFound(err)
}

// observeGenerated checks whose a generated Secret is. It reports false when it is not this Webhook's.
func (f *facts) observeGenerated(meta client.Object) bool {
	w := f.webhook
	switch ownershipOf(meta, w) {
	case ownedByAnother:
		f.secret.problem = &status.Problem{Reason: v1alpha1.SecretInvalidReason, Message: fmt.Sprintf(
			"Secret %q exists but was not generated for this Webhook; name it in spec.secretRef to use it, or delete it if "+
				"nothing uses its value",
			meta.GetName())}

		return false
	case ownedByWebhook:
		f.secret.ownership = w.Spec.DeletionPolicy == v1alpha1.RetainRemote
	case ownedByNone:
		f.secret.ownership = w.Spec.DeletionPolicy != v1alpha1.RetainRemote
	case ownedByDead:
		f.secret.ownership = true
	}
	f.secret.rotate = requested(w, v1alpha1.RotateRequestedAtAnnotation, w.Status.LastHandledRotateAt) && !rotated(meta, w)
	return true
}

// ownership says whose a generated Secret is.
type ownership int

const (
	ownedByAnother ownership = iota
	// ownedByWebhook: the Webhook is its controller.
	ownedByWebhook
	// ownedByNone: the operator generated it and no owner is named, as after a restore, or for a Webhook that retains.
	ownedByNone
	// ownedByDead: its owner is an earlier object of the Webhook's name. The garbage collector is about to delete it.
	ownedByDead
)

func ownershipOf(meta metav1.Object, w *v1alpha1.Webhook) ownership {
	owner, group := metav1.GetControllerOfNoCopy(meta), v1alpha1.GroupVersion.Group+"/"
	switch {
	case owner != nil && owner.UID == w.UID:
		return ownedByWebhook
	case meta.GetLabels()[kube.ManagedByLabel] != kube.ManagerName:
		return ownedByAnother
	case owner == nil:
		return ownedByNone
	case owner.Kind == kube.WebhookKind && owner.Name == w.Name && strings.HasPrefix(owner.APIVersion, group):
		return ownedByDead
	}
	return ownedByAnother
}

// secretMetadata reads what is known of a Secret from the cache, and past it while the cache does not show what this
// process wrote: the Secret would be generated, or rotated, a second time.
func (r *WebhookReconciler) secretMetadata(
	ctx context.Context, key client.ObjectKey,
) (*metav1.PartialObjectMetadata, error) {
	meta := &metav1.PartialObjectMetadata{}
	meta.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	err := r.Get(ctx, key, meta)
	if err == nil && !r.secretWrites.Behind(meta) || apierrors.IsNotFound(err) && !r.secretWrites.Noted(key) {
		return meta, err
	}
	if client.IgnoreNotFound(err) != nil {
		return nil, err
	}
	if err = r.APIReader.Get(ctx, key, meta); err == nil || apierrors.IsNotFound(err) {
		r.secretWrites.Reached(key, meta, err)
	}
	return meta, err
}

// observeAbsentSecret tells a Secret to generate from one to wait for.
func (r *WebhookReconciler) observeAbsentSecret(f *facts, ref v1alpha1.SecretKeyReference, known attempt) {
	if !f.webhook.GeneratesSecret() {
		f.secret.problem = &status.Problem{Reason: v1alpha1.SecretNotFoundReason, Message: fmt.Sprintf(
			"There is no Secret %q; create it with the key %q", ref.Name, ref.Key)}

		return
	}
	if f.restored() && known.remote.ID == "" {
		known = r.memory.meet(client.ObjectKeyFromObject(f.webhook), f.webhook.UID)
		if wait := known.firstSeen.Add(restoreGrace).Sub(f.now); wait > 0 {
			f.secret.problem, f.secret.retry = &status.Problem{Reason: v1alpha1.SecretNotFoundReason, Message: fmt.Sprintf(
				"Secret %q, which belongs to this restored Webhook, is not there; waiting for it to be restored too before "+
					"another value is generated", ref.Name)},

				wait
			return
		}
	}
	f.secret.missing = true
}

// restored reports whether the object has a remote webhook by its annotations, and the status tells of no secret that
// the platform was ever sent: a backup holds no status. While such an object waits, its status already has the id.
func (f *facts) restored() bool {
	s := f.webhook.Status
	return f.webhook.Annotations[v1alpha1.WebhookIDAnnotation] != "" && s.SecretName == "" && s.SecretFingerprint == "" &&
		appliedGeneration(&s) == 0
}

// loadSecret reads the value of the signing secret past the cache.
func (r *WebhookReconciler) loadSecret(ctx context.Context, f *facts) error {
	ref := f.webhook.SigningSecret()
	var secret corev1.Secret
	err := r.APIReader.Get(ctx, client.ObjectKey{Namespace: f.webhook.Namespace, Name: ref.Name}, &secret)
	if apierrors.IsNotFound(err) {
		r.observeAbsentSecret(f, ref, attempt{})
		return nil
	} else if err != nil {
		return r.secretFailed(f, err)
	}
	f.secret.version = secret.ResourceVersion
	if f.webhook.GeneratesSecret() && !f.observeGenerated(&secret) {
		return nil
	}
	value, found := secret.Data[ref.Key]
	invalid := func(message string, args ...any) {
		f.secret.problem = &status.Problem{Reason: v1alpha1.SecretInvalidReason, Message: fmt.Sprintf(message, args...)}
	}
	switch {
	case !found:
		f.secret.problem = &status.Problem{Reason: v1alpha1.SecretNotFoundReason, Message: fmt.Sprintf(
			"Secret %q has no key %q", ref.Name, ref.Key)}

	case !utf8.Valid(value):
		invalid("The value of key %q in Secret %q is not UTF-8 text", ref.Key, ref.Name)
	case strings.HasSuffix(string(value), "\n") || strings.HasSuffix(string(value), "\r"):
		invalid("The value of key %q in Secret %q ends with a newline, which would be part of the signing secret; create "+
			"the Secret without it, for example with kubectl create secret generic --from-literal", ref.Key, ref.Name)
	case utf8.RuneCount(value) < minSecretLength:
		invalid("The value of key %q in Secret %q has %d characters; the platform needs %d or more", ref.Key, ref.Name,
			utf8.RuneCount(value), minSecretLength)
	default:
		if f.secret.rotate && secret.Immutable != nil && *secret.Immutable {
			f.secret.rotate, f.secret.held = false, &status.Problem{Reason: v1alpha1.SecretInvalidReason, Message: fmt.Sprintf(
				"Secret %q is immutable, so it cannot be rotated; delete it to have another value generated", ref.Name)}

		}
		f.secret.loaded, f.secret.value, f.secret.fingerprint = true, string(value), r.Key.Fingerprint(string(value))
		f.secret.read = &secret
	}
	return nil
}

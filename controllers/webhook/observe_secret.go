package webhook

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

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/kube"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/controllers/webhook/ledger"
	"webhook-operator.io/itwin/controllers/webhook/plan"
)

const (
	// MinSecretLength is the platform's bound for a signing secret, in characters.
	MinSecretLength = 32
	// RestoreGrace is how long a generated Secret is waited for after a Webhook was restored from a backup, before another
	// value is generated: backup tools restore objects one after the other.
	RestoreGrace = 30 * time.Second
)

// observeSecret compares the Secret's name and version, which the cache knows, with those that the platform has. Only
// if they differ, or an edit is waiting, is the value read, from the API server: the cache holds no Secret's data.
func (r *Reconciler) observeSecret(ctx context.Context, o *observation) error {
	f := &o.facts
	ref := f.Webhook.SigningSecret()
	key := client.ObjectKey{Namespace: f.Webhook.Namespace, Name: ref.Name}
	f.Secret.Name = ref.Name
	meta, err := r.secretMetadata(ctx, key)
	if apierrors.IsNotFound(err) {
		r.observeAbsentSecret(f, ref, o.known)
		return nil
	} else if err != nil {
		return r.secretFailed(o, err)
	}
	f.Secret.Version = meta.ResourceVersion
	if f.Webhook.GeneratesSecret() && !observeGenerated(f, meta) {
		return nil
	}
	if f.SecretUnchanged() || f.UntouchedImport() {
		return nil
	}
	return r.loadSecret(ctx, o)
}

// observeRelease finds out whether a Webhook that is being deleted, but not its remote webhook, owns its Secret.
func (r *Reconciler) observeRelease(ctx context.Context, f *plan.Facts) error {
	w := f.Webhook
	if w.DeletionTimestamp.IsZero() || !f.Retains() || !w.GeneratesSecret() {
		return nil
	}
	f.Secret.Name = w.SigningSecret().Name
	meta, err := r.secretMetadata(ctx, client.ObjectKey{Namespace: w.Namespace, Name: f.Secret.Name})
	if err == nil {
		f.Secret.Release = ownershipOf(meta, w) == ownedByWebhook
	}
	return client.IgnoreNotFound(err)
}

// observeGenerated checks whose a generated Secret is. It reports false when it is not this Webhook's.
func observeGenerated(f *plan.Facts, meta client.Object) bool {
	w := f.Webhook
	switch ownershipOf(meta, w) {
	case ownedByAnother:
		f.Secret.Problem = &status.Problem{Reason: itwinv1alpha1.SecretInvalidReason, Message: fmt.Sprintf(
			"Secret %q exists but was not generated for this Webhook; name it in spec.secretRef to use it, or delete it if "+
				"nothing uses its value",
			meta.GetName())}

		return false
	case ownedByWebhook:
		f.Secret.Metadata = w.Spec.DeletionPolicy == itwinv1alpha1.RetainRemote
	case ownedByNone:
		f.Secret.Metadata = w.Spec.DeletionPolicy != itwinv1alpha1.RetainRemote
	case ownedByDead:
		f.Secret.Metadata = true
	}
	f.Secret.Metadata = f.Secret.Metadata || !kube.HasSecretTemplate(meta, w.Spec.SecretTemplate)
	f.Secret.Rotate = f.RotationRequested() && !rotated(meta, w)
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

func ownershipOf(meta metav1.Object, w *itwinv1alpha1.Webhook) ownership {
	owner, group := metav1.GetControllerOfNoCopy(meta), itwinv1alpha1.GroupVersion.Group+"/"
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
func (r *Reconciler) secretMetadata(
	ctx context.Context, key client.ObjectKey,
) (*metav1.PartialObjectMetadata, error) {
	meta := &metav1.PartialObjectMetadata{}
	meta.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	err := r.Kube.Get(ctx, key, meta)
	if err == nil && !r.secretWrites.Behind(meta) || apierrors.IsNotFound(err) && !r.secretWrites.Noted(key) {
		return meta, err
	}
	if client.IgnoreNotFound(err) != nil {
		return nil, err
	}
	if err = r.Live.Get(ctx, key, meta); err == nil || apierrors.IsNotFound(err) {
		r.secretWrites.Reached(key, meta, err)
	}
	return meta, err
}

// observeAbsentSecret tells a Secret to generate from one to wait for.
func (r *Reconciler) observeAbsentSecret(f *plan.Facts, ref itwinv1alpha1.SecretKeyReference, known ledger.Record) {
	if !f.Webhook.GeneratesSecret() {
		f.Secret.Problem = &status.Problem{Reason: itwinv1alpha1.SecretNotFoundReason, Message: fmt.Sprintf(
			"There is no Secret %q; create it with the key %q", ref.Name, ref.Key)}

		return
	}
	if f.Restored() && known.Remote.ID == "" {
		known = r.ledger.Of(f.Webhook).Meet()
		if wait := known.FirstSeen.Add(RestoreGrace).Sub(f.Now); wait > 0 {
			f.Secret.Problem = &status.Problem{Reason: itwinv1alpha1.SecretNotFoundReason, Message: fmt.Sprintf(
				"Secret %q, which belongs to this restored Webhook, is not there; waiting for it to be restored too before "+
					"another value is generated", ref.Name)}
			f.Secret.Awaited, f.Secret.Retry = true, wait
			return
		}
	}
	f.Secret.Missing = true
}

// loadSecret reads the value of the signing secret past the cache.
func (r *Reconciler) loadSecret(ctx context.Context, o *observation) error {
	f := &o.facts
	ref := f.Webhook.SigningSecret()
	var secret corev1.Secret
	err := r.Live.Get(ctx, client.ObjectKey{Namespace: f.Webhook.Namespace, Name: ref.Name}, &secret)
	if apierrors.IsNotFound(err) {
		r.observeAbsentSecret(f, ref, ledger.Record{})
		return nil
	} else if err != nil {
		return r.secretFailed(o, err)
	}
	f.Secret.Version = secret.ResourceVersion
	if f.Webhook.GeneratesSecret() && !observeGenerated(f, &secret) {
		return nil
	}
	value, found := secret.Data[ref.Key]
	invalid := func(message string, args ...any) {
		f.Secret.Problem = &status.Problem{Reason: itwinv1alpha1.SecretInvalidReason, Message: fmt.Sprintf(message, args...)}
	}
	switch {
	case !found:
		f.Secret.Problem = &status.Problem{Reason: itwinv1alpha1.SecretNotFoundReason, Message: fmt.Sprintf(
			"Secret %q has no key %q", ref.Name, ref.Key)}

	case !utf8.Valid(value):
		invalid("The value of key %q in Secret %q is not UTF-8 text", ref.Key, ref.Name)
	case strings.HasSuffix(string(value), "\n") || strings.HasSuffix(string(value), "\r"):
		invalid("The value of key %q in Secret %q ends with a newline, which would be part of the signing secret; create "+
			"the Secret without it, for example with kubectl create secret generic --from-literal", ref.Key, ref.Name)
	case utf8.RuneCount(value) < MinSecretLength:
		invalid("The value of key %q in Secret %q has %d characters; the platform needs %d or more", ref.Key, ref.Name,
			utf8.RuneCount(value), MinSecretLength)
	default:
		if f.Secret.Rotate && secret.Immutable != nil && *secret.Immutable {
			f.Secret.Rotate, f.Secret.Held = false, &status.Problem{
				Reason: itwinv1alpha1.SecretInvalidReason,
				Message: fmt.Sprintf(
					"Secret %q is immutable, so it cannot be rotated; delete it to have another value generated", ref.Name),
			}

		}
		f.Secret.Loaded, f.Secret.Value, f.Secret.Fingerprint = true, string(value), r.Key.Fingerprint(string(value))
		o.secret = &secret
	}
	return nil
}

// secretFailed makes of a Secret that cannot be read a problem of the Secret: what needs no secret goes on, such as
// turning off what no connection allows any more.
func (r *Reconciler) secretFailed(o *observation, err error) error {
	f := &o.facts
	words, told := r.kubernetesWords(f, o.secret, err)
	if !told {
		return err
	}
	f.Secret.Problem = &status.Problem{
		Reason:  itwinv1alpha1.KubernetesRefusedReason,
		Message: status.KubernetesMessage(words),
	}
	f.Secret.Retry = status.Jittered(status.KubernetesPause)
	return nil
}

// secretValues are the values that no message may have: that of the signing secret, and those of the Secret that it was
// read from.
func secretValues(f *plan.Facts, read *corev1.Secret) []string {
	values := []string{f.Secret.Value}
	if read != nil {
		for _, value := range read.Data {
			values = append(values, string(value))
		}
	}
	return values
}

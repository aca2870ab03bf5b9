package controllers

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/internal/proof"
)

// patchMetadata changes the object's metadata if the object has not changed since it was read.
func (r *executor) patchMetadata(ctx context.Context, change func(*v1alpha1.Webhook)) error {
	return r.rebased(ctx, func() error {
		before := r.object().DeepCopy()
		change(r.object())
		wanted := r.object().DeepCopy()
		err := r.Patch(ctx, r.object(), client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
		if err != nil {
			return err
		}
		r.writes.Note(r.object())
		r.countWrite(r.object())
		if !sameMarks(wanted, r.object()) {
			return status.ErrMutated
		}
		return nil
	})
}

// sameMarks reports whether two versions of an object have the same finalizer and annotations of the operator.
func sameMarks(a, b *v1alpha1.Webhook) bool {
	return controllerutil.ContainsFinalizer(a, v1alpha1.WebhookFinalizer) ==
		controllerutil.ContainsFinalizer(b, v1alpha1.WebhookFinalizer) && maps.Equal(ownAnnotations(a), ownAnnotations(b))
}

func (r *executor) addFinalizer(ctx context.Context) error {
	err := r.patchMetadata(ctx, func(w *v1alpha1.Webhook) {
		controllerutil.AddFinalizer(w, v1alpha1.WebhookFinalizer)
	})
	if err == nil && r.facts.id() == "" {
		r.memory.begin(r.key(), r.object().UID)
	}
	return err
}

// giveUpID lists the remote webhook as a former one, to have another created.
func (r *executor) giveUpID(ctx context.Context) error {
	err := r.patchMetadata(ctx, func(w *v1alpha1.Webhook) {
		controllerutil.AddFinalizer(w, v1alpha1.WebhookFinalizer)
		delete(w.Annotations, v1alpha1.WebhookIDAnnotation)
		delete(w.Annotations, v1alpha1.OwnerAnnotation)
		r.setFormer(w, r.plan.former)
	})
	if err != nil {
		return err
	}
	r.facts.identity.former = r.plan.former
	r.memory.begin(r.key(), r.object().UID)
	r.facts.identity.owned, r.described = proof.Remote{}, nil
	return nil
}

func (r *executor) setFormer(w *v1alpha1.Webhook, former []proof.Remote) {
	if len(former) == 0 {
		delete(w.Annotations, v1alpha1.FormerAnnotation)
		return
	}
	metav1.SetMetaDataAnnotation(&w.ObjectMeta, v1alpha1.FormerAnnotation, r.Key.Former(objectOf(w), former))
}

// dropFormer takes a remote webhook that is gone, or let go, off the list of former ones. Another Webhook may claim it
// from then on. The status goes first: what it alone lists would be listed again.
func (r *executor) dropFormer(ctx context.Context) error {
	err := r.writeStatus(ctx, func(s *v1alpha1.WebhookStatus) { s.Former = reportedFormer(r.plan.former) })
	if err != nil {
		return err
	}
	err = r.patchMetadata(ctx, func(w *v1alpha1.Webhook) { r.setFormer(w, r.plan.former) })
	if err != nil {
		return err
	}
	r.facts.identity.former = r.plan.former
	if member := r.via[r.plan.other.Account]; member != nil {
		member.Fleet().Release(r.plan.other.ID, r.owner())
	}
	return nil
}

// recordID writes the identity and its proof down. If the object was changed meanwhile, the id is more important than
// the change.
func (r *executor) recordID(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordBudget)
	defer cancel()
	owned := r.facts.identity.owned
	record := func(w *v1alpha1.Webhook) {
		object := objectOf(w)
		metav1.SetMetaDataAnnotation(&w.ObjectMeta, v1alpha1.WebhookIDAnnotation, owned.ID)
		metav1.SetMetaDataAnnotation(&w.ObjectMeta, v1alpha1.OwnerAnnotation, r.Key.Owner(object, owned))
		former := slices.DeleteFunc(identityOf(w, r.Key).former, func(given proof.Remote) bool {
			return sameRemote(given, owned)
		})
		r.setFormer(w, former)
		r.facts.identity.former = former
	}
	err := r.patchMetadata(ctx, record)
	for apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		if err := r.reread(ctx); err != nil {
			return err
		}
		if err = r.patchMetadata(ctx, record); err == nil {
			return errOutdated
		}
	}
	return err
}

// reread reads the object past the cache. If it got another id meanwhile, or is gone, what was just created is one too
// many and is deleted again.
func (r *executor) reread(ctx context.Context) error {
	var live v1alpha1.Webhook
	err := r.APIReader.Get(ctx, r.key(), &live)
	other := identityOf(&live, r.Key).owned
	switch {
	case apierrors.IsNotFound(err) || err == nil && live.UID != r.object().UID:
		return r.undoCreate(ctx, "the Webhook is gone")
	case err != nil:
		return err
	case other.ID != "" && !sameRemote(other, r.facts.identity.owned):
		return r.undoCreate(ctx, "the Webhook owns "+other.ID+" already")
	}
	r.facts.webhook = &live
	return nil
}

// errOutdated ends a run that was decided on from an object that has changed since: what is left is decided again.
var errOutdated = errors.New("the Webhook has changed meanwhile")

func (r *executor) removeFinalizer(ctx context.Context) error {
	err := r.patchMetadata(ctx, func(w *v1alpha1.Webhook) {
		controllerutil.RemoveFinalizer(w, v1alpha1.WebhookFinalizer)
	})
	if client.IgnoreNotFound(err) != nil {
		return err
	}
	if err == nil && r.facts.retains() {
		for _, left := range r.facts.left() {
			r.event("Retained", "Delete", "Left remote webhook %s of account %s as it is", left.ID, left.Account)
		}
	}
	r.memory.forget(r.key())
	for _, member := range r.via {
		member.Fleet().Release(r.facts.id(), r.owner())
	}
	for _, former := range r.facts.former {
		if member := r.via[former.Account]; member != nil {
			member.Fleet().Release(former.ID, r.owner())
		}
	}
	return nil
}

// refusesMark reports whether the platform refused a create because of the query parameter that marks its callbackUrl,
// in words that speak of it: any other refusal is about the spec.
func refusesMark(err error) bool {
	said, answered := errors.AsType[*platform.Error](err)
	if !answered || !platform.IsRefused(err) || platform.IsForbidden(err) {
		return false
	}
	words := strings.ToLower(said.Said())
	return strings.Contains(words, platform.OwnerParameter) || strings.Contains(words, "query")
}

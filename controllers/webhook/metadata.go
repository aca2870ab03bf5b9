package webhook

import (
	"context"
	"errors"
	"maps"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/identity"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/internal/proof"
)

// patchMetadata changes the object's metadata if the object has not changed since it was read.
func (e *executor) patchMetadata(ctx context.Context, change func(*itwinv1alpha1.Webhook)) error {
	return e.rebased(ctx, func() error {
		before := e.object().DeepCopy()
		change(e.object())
		wanted := e.object().DeepCopy()
		err := e.kube.Patch(ctx, e.object(), client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
		if err != nil {
			return err
		}
		e.reconciler.writes.Note(e.object())
		e.reconciler.countWrite(e.object())
		if !sameMarks(wanted, e.object()) {
			return status.ErrMutated
		}
		return nil
	})
}

// sameMarks reports whether two versions of an object have the same finalizer and annotations of the operator.
func sameMarks(a, b *itwinv1alpha1.Webhook) bool {
	return controllerutil.ContainsFinalizer(a, itwinv1alpha1.WebhookFinalizer) ==
		controllerutil.ContainsFinalizer(b, itwinv1alpha1.WebhookFinalizer) &&
		maps.Equal(ownAnnotations(a), ownAnnotations(b))
}

func (e *executor) addFinalizer(ctx context.Context) error {
	err := e.patchMetadata(ctx, func(w *itwinv1alpha1.Webhook) {
		controllerutil.AddFinalizer(w, itwinv1alpha1.WebhookFinalizer)
	})
	if err == nil && e.facts.ID() == "" {
		e.entry.CreateBegins()
	}
	return err
}

// giveUpID lists the remote webhook as a former one, to have another created.
func (e *executor) giveUpID(ctx context.Context) error {
	err := e.patchMetadata(ctx, func(w *itwinv1alpha1.Webhook) {
		controllerutil.AddFinalizer(w, itwinv1alpha1.WebhookFinalizer)
		delete(w.Annotations, itwinv1alpha1.WebhookIDAnnotation)
		delete(w.Annotations, itwinv1alpha1.OwnerAnnotation)
		e.setFormer(w, e.plan.Former)
	})
	if err != nil {
		return err
	}
	e.facts.Identity.Former = e.plan.Former
	e.entry.CreateBegins()
	e.facts.Identity.Owned, e.described = proof.Remote{}, nil
	return nil
}

func (e *executor) setFormer(w *itwinv1alpha1.Webhook, former []proof.Remote) {
	if len(former) == 0 {
		delete(w.Annotations, itwinv1alpha1.FormerAnnotation)
		return
	}
	proven := e.operatorKey.Former(identity.ObjectOf(w), former)
	metav1.SetMetaDataAnnotation(&w.ObjectMeta, itwinv1alpha1.FormerAnnotation, proven)
}

// dropFormer takes a remote webhook that is gone, or let go, off the list of former ones. Another Webhook may claim it
// from then on. The status goes first: what it alone lists would be listed again.
func (e *executor) dropFormer(ctx context.Context) error {
	err := e.writeStatus(ctx, func(s *itwinv1alpha1.WebhookStatus) { s.Former = reportedFormer(e.plan.Former) })
	if err != nil {
		return err
	}
	err = e.patchMetadata(ctx, func(w *itwinv1alpha1.Webhook) { e.setFormer(w, e.plan.Former) })
	if err != nil {
		return err
	}
	e.facts.Identity.Former = e.plan.Former
	if member := e.via[e.plan.Other.Account]; member != nil {
		member.Fleet().Release(e.plan.Other.ID, e.owner())
	}
	return nil
}

// recordID writes the identity and its proof down. If the object was changed meanwhile, the id is more important than
// the change.
func (e *executor) recordID(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordBudget)
	defer cancel()
	owned := e.facts.Identity.Owned
	record := func(w *itwinv1alpha1.Webhook) {
		object := identity.ObjectOf(w)
		metav1.SetMetaDataAnnotation(&w.ObjectMeta, itwinv1alpha1.WebhookIDAnnotation, owned.ID)
		metav1.SetMetaDataAnnotation(&w.ObjectMeta, itwinv1alpha1.OwnerAnnotation, e.operatorKey.Owner(object, owned))
		former := slices.DeleteFunc(identity.Of(w, e.operatorKey).Former, func(given proof.Remote) bool {
			return identity.SameRemote(given, owned)
		})
		e.setFormer(w, former)
		e.facts.Identity.Former = former
	}
	err := e.patchMetadata(ctx, record)
	for apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		if err := e.reread(ctx); err != nil {
			return err
		}
		if err = e.patchMetadata(ctx, record); err == nil {
			return errOutdated
		}
	}
	return err
}

// reread reads the object past the cache. If it got another id meanwhile, or is gone, what was just created is one too
// many and is deleted again.
func (e *executor) reread(ctx context.Context) error {
	var live itwinv1alpha1.Webhook
	err := e.live.Get(ctx, e.key(), &live)
	other := identity.Of(&live, e.operatorKey).Owned
	switch {
	case apierrors.IsNotFound(err) || err == nil && live.UID != e.object().UID:
		return e.undoCreate(ctx, "the Webhook is gone")
	case err != nil:
		return err
	case other.ID != "" && !identity.SameRemote(other, e.facts.Identity.Owned):
		return e.undoCreate(ctx, "the Webhook owns "+other.ID+" already")
	}
	e.facts.Webhook = &live
	return nil
}

// errOutdated ends a run that was decided on from an object that has changed since: what is left is decided again.
var errOutdated = errors.New("the Webhook has changed meanwhile")

func (e *executor) removeFinalizer(ctx context.Context) error {
	err := e.patchMetadata(ctx, func(w *itwinv1alpha1.Webhook) {
		controllerutil.RemoveFinalizer(w, itwinv1alpha1.WebhookFinalizer)
	})
	if client.IgnoreNotFound(err) != nil {
		return err
	}
	if err == nil && e.facts.Retains() {
		for _, left := range e.facts.Left() {
			e.event("Retained", "Delete", "Left remote webhook %s of account %s as it is", left.ID, left.Account)
		}
	}
	e.entry.Forget()
	for _, member := range e.via {
		member.Fleet().Release(e.facts.ID(), e.owner())
	}
	for _, former := range e.facts.Former {
		if member := e.via[former.Account]; member != nil {
			member.Fleet().Release(former.ID, e.owner())
		}
	}
	return nil
}

package webhook

import (
	"context"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/identity"
	"webhook-operator.io/itwin/controllers/kube"
	"webhook-operator.io/itwin/controllers/webhook/plan"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/internal/proof"
)

// taken reports whether another Webhook owns what this one gave up. The list of former ones proves that it was this
// one's, not that it still is: an old list can be written again.
func (r *Reconciler) taken(ctx context.Context, w *itwinv1alpha1.Webhook, former proof.Remote) (bool, error) {
	owners, err := r.owners(ctx, former)
	return slices.ContainsFunc(owners, func(other *itwinv1alpha1.Webhook) bool {
		return other.UID != w.UID && identity.SameRemote(identity.Of(other, r.Key).Owned, former)
	}), err
}

// observeConflict finds a Webhook with a better claim to the same remote webhook.
func (r *Reconciler) observeConflict(ctx context.Context, f *plan.Facts) error {
	remote := f.Identity.Owned
	if remote.ID == "" {
		remote = proof.Remote{Account: f.Connection.Account, ID: f.Identity.Requested}
	}
	if remote.ID == "" || remote.Account == "" {
		return nil
	}
	owners, err := r.owners(ctx, remote)
	if err != nil {
		return err
	}
	for _, other := range owners {
		if other.UID == f.Webhook.UID {
			continue
		}
		if f.ID() != "" && !r.precedes(other, f.Webhook, remote.ID) {
			continue
		}
		leaves := !other.DeletionTimestamp.IsZero()
		if f.ConflictingOwner == "" || !leaves {
			f.ConflictingOwner, f.OwnerLeaves = other.Namespace+"/"+other.Name, leaves
		}
	}
	return nil
}

// owners are the Webhooks that own a remote webhook, or gave it up and still have to remove it. What a status of
// version 0.1.0 names without its account counts where its connection reaches that account.
func (r *Reconciler) owners(ctx context.Context, remote proof.Remote) (owners []*itwinv1alpha1.Webhook, err error) {
	for _, account := range []string{remote.Account, ""} {
		var claims itwinv1alpha1.WebhookList
		key := identity.ClaimKey(proof.Remote{Account: account, ID: remote.ID})
		err := r.Kube.List(ctx, &claims, client.MatchingFields{kube.ByClaim: key}, client.UnsafeDisableDeepCopy)
		if err != nil {
			return nil, err
		}
		for _, other := range claims.Items {
			if account != "" || r.mayOwn(other, remote) {
				owners = append(owners, other)
			}
		}
	}
	return owners, nil
}

// mayOwn reports whether the remote webhook that a Webhook names without its account may be one of an account: its
// connection reaches that.
func (r *Reconciler) mayOwn(w *itwinv1alpha1.Webhook, remote proof.Remote) bool {
	owned := identity.Of(w, r.Key).Owned
	if owned.Account != "" || !platform.SameID(owned.ID, remote.ID) {
		return true // it gave up what it names
	}
	member := r.Fleets.Member(kube.ConnectionOf(w))
	return member != nil && member.Fleet().Account() == remote.Account
}

// precedes reports whether a has the better claim to a remote webhook that both own: by a proof, which the operator
// alone can make; by its status, which others may have got the right to write; then the older one; of two from the same
// second the one that has the id written down.
func (r *Reconciler) precedes(a, b *itwinv1alpha1.Webhook, id string) bool {
	proves := func(w *itwinv1alpha1.Webhook) bool {
		claim := identity.Of(w, r.Key)
		return claim.Proven && platform.SameID(claim.Owned.ID, id)
	}
	reports := func(w *itwinv1alpha1.Webhook) bool { return platform.SameID(w.Status.WebhookID, id) }
	records := func(w *itwinv1alpha1.Webhook) bool {
		return platform.SameID(w.Annotations[itwinv1alpha1.WebhookIDAnnotation], id)
	}
	for _, better := range []func(*itwinv1alpha1.Webhook) bool{proves, reports} {
		if better(a) != better(b) {
			return better(a)
		}
	}
	switch {
	case !a.CreationTimestamp.Equal(&b.CreationTimestamp):
		return a.CreationTimestamp.Before(&b.CreationTimestamp)
	case records(a) != records(b):
		return records(a)
	}
	return a.UID < b.UID
}

// adoptable is the oldest webhook with the callback and scope of the spec that no Webhook claims. A create in flight
// has made none of them: its callback carries a mark, which that of the spec does not.
func (r *Reconciler) adoptable(ctx context.Context, f *plan.Facts, account *fleet.Fleet) (*platform.Webhook, error) {
	candidates := account.Unowned(func(w platform.Webhook) bool {
		return plan.InScope(w, f.Webhook) && f.SameCallback(w.CallbackURL)
	})
	for _, candidate := range candidates {
		owners, err := r.owners(ctx, proof.Remote{Account: account.Account(), ID: candidate.ID})
		if err != nil {
			return nil, err
		}
		if len(owners) == 0 {
			return &candidate, nil
		}
	}
	return nil, nil
}

package webhook

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/identity"
	"webhook-operator.io/itwin/controllers/kube"
	"webhook-operator.io/itwin/controllers/webhook/ledger"
	"webhook-operator.io/itwin/controllers/webhook/plan"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/internal/proof"
)

// observe gathers the facts about a Webhook: from the cache, from the snapshots of the accounts, and from the signing
// Secret when its value may differ. It makes no remote call.
func (r *Reconciler) observe(ctx context.Context, w *v1alpha1.Webhook) (plan.Facts, members, error) {
	f := plan.Facts{
		Now: r.Clock.Now(), Webhook: w, Generation: w.Generation, Requests: maps.Clone(w.Annotations),
		Identity: identity.Of(w, r.Key), Spelling: plan.SpellingOf(&w.Status),
	}
	f.ListCounts = map[string]uint64{}
	via, target := members{}, r.Fleets.Member(kube.ConnectionOf(w))
	if err := r.observeConnection(ctx, &f, target); err != nil {
		return f, nil, err
	}
	known := r.ledger.Of(w).Record()
	if known.Remote.ID != "" {
		f.Identity.Owned, f.Identity.Requested = known.Remote, ""
		f.Identity.Proven = f.Identity.Proven && w.Annotations[v1alpha1.WebhookIDAnnotation] == known.Remote.ID
	}
	r.observeRefusals(&f, known)
	f.ContestedUntil, f.Modified, f.Secret.Sent = known.ContestedUntil(), known.Modified, known.Secret
	f.Secret.Refused = known.SecretRefused
	if target != nil {
		via[target.Fleet().Account()] = target
		observeTarget(&f, target)
		r.observeRequest(&f, target.Fleet())
	}
	if err := r.observeHolder(ctx, &f, via); err != nil {
		return f, nil, err
	}
	r.observeSpelling(&f, known)
	if known.Accepted && f.Presence == fleet.Present {
		r.ledger.Of(w).Wrote(f.Remote, known.TurnedOff)
		f.Modified = f.Remote.Modified
	}
	on := f.Presence == fleet.Present && f.Remote.Active
	if f.TurnedOff = known.TurnedOff && !on; known.TurnedOff && on {
		r.ledger.Of(w).SeenOn()
	}
	if err := r.observeOthers(ctx, &f, via); err != nil {
		return f, nil, err
	}
	if err := r.observeAttempt(ctx, &f, target, known); err != nil {
		return f, nil, err
	}
	if !w.DeletionTimestamp.IsZero() || w.Spec.Suspend {
		return f, via, r.observeRelease(ctx, &f)
	}
	if err := r.observeSecret(ctx, &f, known); err != nil {
		return f, nil, err
	}
	f.HoldSecret()
	if target != nil {
		r.observeAdoptionWait(&f, target.Fleet())
	}
	return f, via, nil
}

// observeSpelling notes how the platform spells the callback of the spec, as far as the status does not tell. What is
// seen after an update that the platform accepted without saying what came of it is its answer; and so is what a list
// shows of a remote webhook that has not changed since.
func (r *Reconciler) observeSpelling(f *plan.Facts, known ledger.Record) {
	wanted := f.Webhook.Spec.CallbackURL
	if known.Spelling.Sent != "" && (plan.SameURL(known.Spelling.Sent, wanted) || !plan.SameURL(f.Spelling.Sent, wanted)) {
		f.Spelling = known.Spelling
	}
	if f.Presence != fleet.Present {
		return
	}
	before := f.Spelling
	answered := known.SentCallback == wanted && (known.Accepted || plan.SameURL(wanted, f.Remote.CallbackURL))
	switch {
	case answered:
		f.LearnSpelling(known.CallbackBefore, f.Remote.CallbackURL)
	case plan.SameURL(wanted, f.Remote.CallbackURL):
		if f.Spelling.Sent != "" && !plan.SameURL(f.Spelling.Sent, wanted) {
			f.Spelling = plan.Spelling{} // that of an earlier spec
		}
	case !f.Pending() && f.UnchangedSinceWrite():
		f.LearnSpelling(plan.EarlierCallbacks{}, f.Remote.CallbackURL)
	}
	if answered || f.Spelling != before {
		r.ledger.Of(f.Webhook).CallbackAnswered(f.Spelling)
	}
}

// observeTarget notes what is known of the account that spec.connectionRef reaches.
func observeTarget(f *plan.Facts, target fleet.Reader) {
	account := target.Fleet()
	f.Connection.Account, f.ListCounts[account.Account()] = account.Account(), account.ListCount()
	f.Connection.Synced, f.Connection.Failure = account.Synced(), cmp.Or(target.Failure(), target.Outcome())
	if f.Identity.Owned.ID != "" && f.Identity.Owned.Account == "" {
		f.Identity.Owned.Account = account.Account()
	}
}

// observeHolder finds the connection to the account that owns the remote webhook, and looks the webhook up.
func (r *Reconciler) observeHolder(ctx context.Context, f *plan.Facts, via members) error {
	owned := f.Identity.Owned
	id, account := owned.ID, owned.Account
	if id == "" {
		id, account = f.Identity.Requested, f.Connection.Account
	}
	f.Holder.Moving = owned.ID != "" && f.Connection.Account != "" && account != f.Connection.Account
	member, how, err := r.reachable(ctx, f, account, via)
	if f.Holder.Reach = how; err != nil || member == nil {
		return err
	}
	f.Holder.Synced, f.Holder.Failure = member.Fleet().Synced(), member.Failure()
	f.Restless = member.Fleet().Restlessness()
	if id != "" {
		f.Remote, f.Presence = member.Fleet().Lookup(id)
		f.Confirmed = member.Fleet().Confirmed(id)
		f.Holder.CallbackForbidden, err = r.callbackForbidden(ctx, member, f.Presence, f.Remote)
	}
	return err
}

// observeOthers gathers what is known of the object's other remote webhooks, and of other Webhooks.
func (r *Reconciler) observeOthers(ctx context.Context, f *plan.Facts, via members) error {
	if err := r.observeFormer(ctx, f, via); err != nil {
		return err
	}
	if err := r.observeConflict(ctx, f); err != nil {
		return err
	}
	if err := r.observeMarked(ctx, f, via); err != nil {
		return err
	}
	return r.observeDuplicates(ctx, f)
}

// observeFormer looks up what the object gave up.
func (r *Reconciler) observeFormer(ctx context.Context, f *plan.Facts, via members) error {
	for _, given := range f.Identity.Former {
		former := plan.FormerFacts{Remote: given}
		member, how, err := r.reachable(ctx, f, given.Account, via)
		if err != nil {
			return err
		}
		if former.Reach = how; member != nil {
			former.Synced, former.Failure = member.Fleet().Synced(), member.Failure()
			former.Webhook, former.Presence = member.Fleet().Lookup(given.ID)
			if former.CallbackForbidden, err = r.callbackForbidden(ctx, member, former.Presence, former.Webhook); err != nil {
				return err
			}
		}
		if former.Taken, err = r.taken(ctx, f.Webhook, given); err != nil {
			return err
		}
		f.Former = append(f.Former, former)
	}
	return nil
}

// taken reports whether another Webhook owns what this one gave up. The list of former ones proves that it was this
// one's, not that it still is: an old list can be written again.
func (r *Reconciler) taken(ctx context.Context, w *v1alpha1.Webhook, former proof.Remote) (bool, error) {
	owners, err := r.owners(ctx, former)
	return slices.ContainsFunc(owners, func(other *v1alpha1.Webhook) bool {
		return other.UID != w.UID && identity.SameRemote(identity.Of(other, r.Key).Owned, former)
	}), err
}

// observeMarked finds the webhooks that creates of this object made, beside the one that it owns and those it gave up,
// in all accounts that it may use: connectionRef may have led elsewhere when they were sent.
func (r *Reconciler) observeMarked(ctx context.Context, f *plan.Facts, via members) error {
	owner := fleet.Owner(identity.MarkOf(f.Webhook))
	for _, account := range r.Fleets.Marked(owner) {
		for _, w := range account.Marked(owner) {
			found := proof.Remote{Account: account.Account(), ID: w.ID}
			if !plan.InScope(w, f.Webhook) || identity.SameRemote(found, f.Identity.Owned) || f.Identity.GaveUp(found) {
				continue
			}
			_, how, err := r.reachable(ctx, f, found.Account, via)
			if err != nil {
				return err
			}
			if how == plan.Reachable {
				f.Marked = append(f.Marked, plan.MarkedFacts{Account: found.Account, Webhook: w})
			}
		}
	}
	return nil
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
		if f.ID() == "" || precedes(other, f.Webhook, remote.ID) {
			f.ConflictingOwner = other.Namespace + "/" + other.Name
		}
	}
	return nil
}

// owners are the Webhooks that own a remote webhook, or gave it up and still have to remove it. What a status of
// version 0.1.0 names without its account counts where its connection reaches that account.
func (r *Reconciler) owners(ctx context.Context, remote proof.Remote) (owners []*v1alpha1.Webhook, err error) {
	for _, key := range []string{identity.ClaimKey(remote), identity.ClaimKey(proof.Remote{ID: remote.ID})} {
		var claims v1alpha1.WebhookList
		err := r.Kube.List(ctx, &claims, client.MatchingFields{kube.ByClaim: key}, client.UnsafeDisableDeepCopy)
		if err != nil {
			return nil, err
		}
		for i := range claims.Items {
			other := &claims.Items[i]
			if owned := identity.Of(other, r.Key).Owned; owned.Account == "" && platform.SameID(owned.ID, remote.ID) {
				member := r.Fleets.Member(kube.ConnectionOf(other))
				if member == nil || member.Fleet().Account() != remote.Account {
					continue
				}
			}
			owners = append(owners, other)
		}
	}
	return owners, nil
}

// precedes reports whether a has the better claim to a remote webhook that both own: by its status, then the older one;
// of two from the same second the one that has the id written down.
func precedes(a, b *v1alpha1.Webhook, id string) bool {
	reports := func(w *v1alpha1.Webhook) bool { return platform.SameID(w.Status.WebhookID, id) }
	records := func(w *v1alpha1.Webhook) bool {
		return platform.SameID(w.Annotations[v1alpha1.WebhookIDAnnotation], id)
	}
	switch {
	case reports(a) != reports(b):
		return reports(a)
	case !a.CreationTimestamp.Equal(&b.CreationTimestamp):
		return a.CreationTimestamp.Before(&b.CreationTimestamp)
	case records(a) != records(b):
		return records(a)
	}
	return a.UID < b.UID
}

// observeRequest starts the wait for a list that reconcile-requested-at asks for.
func (r *Reconciler) observeRequest(f *plan.Facts, account *fleet.Fleet) {
	if !f.ReconcileRequested() {
		return
	}
	value := f.Webhook.Annotations[v1alpha1.ReconcileRequestedAtAnnotation]
	since := r.ledger.Of(f.Webhook).RequestedSince(value, f.Now)
	if !account.ListedSince(since) {
		f.RefreshSince = since
	}
}

// observeAttempt finds out whether an earlier create may have left a webhook behind, and looks for one to adopt.
func (r *Reconciler) observeAttempt(
	ctx context.Context, f *plan.Facts, target fleet.Reader, known ledger.Record,
) (err error) {
	f.Attempt.WarmUp = r.ledger.WarmUp(f.Now)
	if f.ID() != "" {
		// What it owns was created, and its id written down: no create is in flight.
		f.Attempt.NoneInFlight = true
	} else {
		if f.Finalized() && !known.NoneInFlight {
			known = r.ledger.Of(f.Webhook).Meet()
		}
		unsent := !f.Finalized() && !known.UnknownOutcome
		f.Attempt.NoneInFlight, f.Attempt.SettledAfter = known.NoneInFlight || unsent, known.SettledAfter
		f.Attempt.Settled = target != nil && target.Fleet().ListedSince(known.SettledAfter)
	}
	lost := f.ID() == "" || f.Presence == fleet.Gone || f.Holder.Moving
	if target == nil || !lost || !f.Connection.Adoption || f.Webhook.Spec.AdoptionPolicy != v1alpha1.AdoptMatching {
		return nil
	}
	f.Adoptable, err = r.adoptable(ctx, f, target.Fleet())
	return err
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

// observeAdoptionWait starts the wait for a list before an object that would rather adopt creates: the webhook to adopt
// may be younger than the snapshot.
func (r *Reconciler) observeAdoptionWait(f *plan.Facts, account *fleet.Fleet) {
	lost := f.ID() == "" && f.Identity.Requested == "" || f.Presence == fleet.Gone || f.Holder.Moving
	if !lost || f.Secret.Problem != nil || !f.Connection.Adoption ||
		f.Webhook.Spec.AdoptionPolicy != v1alpha1.AdoptMatching {
		return
	}
	since := r.ledger.Of(f.Webhook).AdoptingSince(f.Generation, f.Now)
	if !account.ListedSince(since) {
		f.AdoptionWaitSince = since
	}
}

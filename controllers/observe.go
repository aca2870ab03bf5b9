package controllers

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/kube"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/internal/proof"
)

// observe gathers the facts about a Webhook: from the cache, from the snapshots of the accounts, and from the signing
// Secret when its value may differ. It makes no remote call.
func (r *WebhookReconciler) observe(ctx context.Context, w *v1alpha1.Webhook) (facts, members, error) {
	f := facts{
		now: r.Clock.Now(), webhook: w, generation: w.Generation, requests: maps.Clone(w.Annotations),
		identity: identityOf(w, r.Key), spelling: spellingOf(&w.Status),
	}
	f.listCounts = map[string]uint64{}
	via, target := members{}, r.Fleets.Member(kube.ConnectionOf(w))
	if err := r.observeConnection(ctx, &f, target); err != nil {
		return f, nil, err
	}
	known := r.memory.of(client.ObjectKeyFromObject(w), w.UID)
	if known.remote.ID != "" {
		f.identity.owned, f.identity.requested = known.remote, ""
		f.identity.proven = f.identity.proven && w.Annotations[v1alpha1.WebhookIDAnnotation] == known.remote.ID
	}
	r.observeRefusals(&f, known)
	f.contestedUntil, f.modified, f.secret.sent = known.contestedUntil(), known.modified, known.secret
	f.secret.refused = known.secretRefused
	if target != nil {
		via[target.Fleet().Account()] = target
		f.observeTarget(target)
		r.observeRequest(&f, target.Fleet())
	}
	if err := r.observeHolder(ctx, &f, via); err != nil {
		return f, nil, err
	}
	r.observeSpelling(&f, known)
	if known.accepted && f.presence == fleet.Present {
		r.memory.wrote(objectKey(w), w.UID, f.remote, known.turnedOff)
		f.modified = f.remote.Modified
	}
	on := f.presence == fleet.Present && f.remote.Active
	if f.turnedOff = known.turnedOff && !on; known.turnedOff && on {
		r.memory.seenOn(objectKey(w), w.UID)
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
	f.holdSecret()
	if target != nil {
		r.observeAdoptionWait(&f, target.Fleet())
	}
	return f, via, nil
}

// observeSpelling notes how the platform spells the callback of the spec, as far as the status does not tell. What is
// seen after an update that the platform accepted without saying what came of it is its answer; and so is what a list
// shows of a remote webhook that has not changed since.
func (r *WebhookReconciler) observeSpelling(f *facts, known attempt) {
	wanted := f.webhook.Spec.CallbackURL
	if known.spelling.sent != "" && (sameURL(known.spelling.sent, wanted) || !sameURL(f.spelling.sent, wanted)) {
		f.spelling = known.spelling
	}
	if f.presence != fleet.Present {
		return
	}
	before := f.spelling
	answered := known.sentCallback == wanted && (known.accepted || sameURL(wanted, f.remote.CallbackURL))
	switch {
	case answered:
		f.learnSpelling(known.callbackBefore, f.remote.CallbackURL)
	case sameURL(wanted, f.remote.CallbackURL):
		if f.spelling.sent != "" && !sameURL(f.spelling.sent, wanted) {
			f.spelling = spelling{} // that of an earlier spec
		}
	case !f.pending() && f.unchangedSinceWrite():
		f.learnSpelling(earlier{}, f.remote.CallbackURL)
	}
	if answered || f.spelling != before {
		r.memory.callbackAnswered(objectKey(f.webhook), f.webhook.UID, f.spelling)
	}
}

// observeTarget notes what is known of the account that spec.connectionRef reaches.
func (f *facts) observeTarget(target *fleet.Member) {
	account := target.Fleet()
	f.connection.account, f.listCounts[account.Account()] = account.Account(), account.ListCount()
	f.connection.synced, f.connection.failure = account.Synced(), cmp.Or(target.Failure(), target.Outcome())
	if f.identity.owned.ID != "" && f.identity.owned.Account == "" {
		f.identity.owned.Account = account.Account()
	}
}

// observeHolder finds the connection to the account that owns the remote webhook, and looks the webhook up.
func (r *WebhookReconciler) observeHolder(ctx context.Context, f *facts, via members) error {
	owned := f.identity.owned
	id, account := owned.ID, owned.Account
	if id == "" {
		id, account = f.identity.requested, f.connection.account
	}
	f.holder.moving = owned.ID != "" && f.connection.account != "" && account != f.connection.account
	member, how, err := r.reachable(ctx, f, account, via)
	if f.holder.reach = how; err != nil || member == nil {
		return err
	}
	f.holder.synced, f.holder.failure = member.Fleet().Synced(), member.Failure()
	f.restless = member.Fleet().Restlessness()
	if id != "" {
		f.remote, f.presence = member.Fleet().Lookup(id)
		f.confirmed = member.Fleet().Confirmed(id)
		f.holder.callbackForbidden, err = r.callbackForbidden(ctx, member, f.presence, f.remote)
	}
	return err
}

// observeOthers gathers what is known of the object's other remote webhooks, and of other Webhooks.
func (r *WebhookReconciler) observeOthers(ctx context.Context, f *facts, via members) error {
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
func (r *WebhookReconciler) observeFormer(ctx context.Context, f *facts, via members) error {
	for _, given := range f.identity.former {
		former := formerFacts{Remote: given}
		member, how, err := r.reachable(ctx, f, given.Account, via)
		if err != nil {
			return err
		}
		if former.reach = how; member != nil {
			former.synced, former.failure = member.Fleet().Synced(), member.Failure()
			former.webhook, former.presence = member.Fleet().Lookup(given.ID)
			if former.callbackForbidden, err = r.callbackForbidden(ctx, member, former.presence, former.webhook); err != nil {
				return err
			}
		}
		if former.taken, err = r.taken(ctx, f.webhook, given); err != nil {
			return err
		}
		f.former = append(f.former, former)
	}
	return nil
}

// taken reports whether another Webhook owns what this one gave up. The list of former ones proves that it was this
// one's, not that it still is: an old list can be written again.
func (r *WebhookReconciler) taken(ctx context.Context, w *v1alpha1.Webhook, former proof.Remote) (bool, error) {
	owners, err := r.owners(ctx, former)
	return slices.ContainsFunc(owners, func(other *v1alpha1.Webhook) bool {
		return other.UID != w.UID && sameRemote(identityOf(other, r.Key).owned, former)
	}), err
}

// observeMarked finds the webhooks that creates of this object made, beside the one that it owns and those it gave up,
// in all accounts that it may use: connectionRef may have led elsewhere when they were sent.
func (r *WebhookReconciler) observeMarked(ctx context.Context, f *facts, via members) error {
	owner := fleet.Owner(markOf(f.webhook))
	for _, account := range r.Fleets.Marked(owner) {
		for _, w := range account.Marked(owner) {
			found := proof.Remote{Account: account.Account(), ID: w.ID}
			if !inScope(w, f.webhook) || sameRemote(found, f.identity.owned) || f.identity.gaveUp(found) {
				continue
			}
			_, how, err := r.reachable(ctx, f, found.Account, via)
			if err != nil {
				return err
			}
			if how == reachable {
				f.marked = append(f.marked, markedFacts{account: found.Account, webhook: w})
			}
		}
	}
	return nil
}

// observeConflict finds a Webhook with a better claim to the same remote webhook.
func (r *WebhookReconciler) observeConflict(ctx context.Context, f *facts) error {
	remote := f.identity.owned
	if remote.ID == "" {
		remote = proof.Remote{Account: f.connection.account, ID: f.identity.requested}
	}
	if remote.ID == "" || remote.Account == "" {
		return nil
	}
	owners, err := r.owners(ctx, remote)
	if err != nil {
		return err
	}
	for _, other := range owners {
		if other.UID == f.webhook.UID {
			continue
		}
		if f.id() == "" || precedes(other, f.webhook, remote.ID) {
			f.conflictingOwner = other.Namespace + "/" + other.Name
		}
	}
	return nil
}

// owners are the Webhooks that own a remote webhook, or gave it up and still have to remove it. What a status of
// version 0.1.0 names without its account counts where its connection reaches that account.
func (r *WebhookReconciler) owners(ctx context.Context, remote proof.Remote) (owners []*v1alpha1.Webhook, err error) {
	for _, key := range []string{claimKey(remote), claimKey(proof.Remote{ID: remote.ID})} {
		var claims v1alpha1.WebhookList
		err := r.List(ctx, &claims, client.MatchingFields{kube.ByClaim: key}, client.UnsafeDisableDeepCopy)
		if err != nil {
			return nil, err
		}
		for i := range claims.Items {
			other := &claims.Items[i]
			if owned := identityOf(other, r.Key).owned; owned.Account == "" && platform.SameID(owned.ID, remote.ID) {
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
func (r *WebhookReconciler) observeRequest(f *facts, account *fleet.Fleet) {
	if !f.reconcileRequested() {
		return
	}
	value := f.webhook.Annotations[v1alpha1.ReconcileRequestedAtAnnotation]
	since := r.memory.requested(client.ObjectKeyFromObject(f.webhook), f.webhook.UID, value, f.now)
	if !account.ListedSince(since) {
		f.refreshSince = since
	}
}

// observeAttempt finds out whether an earlier create may have left a webhook behind, and looks for one to adopt.
func (r *WebhookReconciler) observeAttempt(
	ctx context.Context, f *facts, target *fleet.Member, known attempt,
) (err error) {
	f.attempt.warmUp = r.memory.warmUp(f.now)
	if f.id() != "" {
		// What it owns was created, and its id written down: no create is in flight.
		f.attempt.noneInFlight = true
	} else {
		if f.finalized() && !known.noneInFlight {
			known = r.memory.meet(client.ObjectKeyFromObject(f.webhook), f.webhook.UID)
		}
		unsent := !f.finalized() && !known.unknownOutcome
		f.attempt.noneInFlight, f.attempt.settledAfter = known.noneInFlight || unsent, known.settledAfter
		f.attempt.settled = target != nil && target.Fleet().ListedSince(known.settledAfter)
	}
	lost := f.id() == "" || f.presence == fleet.Gone || f.holder.moving
	if target == nil || !lost || !f.connection.adoption || f.webhook.Spec.AdoptionPolicy != v1alpha1.AdoptMatching {
		return nil
	}
	f.adoptable, err = r.adoptable(ctx, f, target.Fleet())
	return err
}

// adoptable is the oldest webhook with the callback and scope of the spec that no Webhook claims. A create in flight
// has made none of them: its callback carries a mark, which that of the spec does not.
func (r *WebhookReconciler) adoptable(ctx context.Context, f *facts, account *fleet.Fleet) (*platform.Webhook, error) {
	candidates := account.Unowned(func(w platform.Webhook) bool {
		return inScope(w, f.webhook) && f.sameCallback(w.CallbackURL)
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
func (r *WebhookReconciler) observeAdoptionWait(f *facts, account *fleet.Fleet) {
	lost := f.id() == "" && f.identity.requested == "" || f.presence == fleet.Gone || f.holder.moving
	if !lost || f.secret.problem != nil || !f.connection.adoption ||
		f.webhook.Spec.AdoptionPolicy != v1alpha1.AdoptMatching {
		return
	}
	since := r.memory.adopting(client.ObjectKeyFromObject(f.webhook), f.webhook.UID, f.generation, f.now)
	if !account.ListedSince(since) {
		f.adoptionWaitSince = since
	}
}

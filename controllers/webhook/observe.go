package webhook

import (
	"cmp"
	"context"
	"maps"

	corev1 "k8s.io/api/core/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/identity"
	"webhook-operator.io/itwin/controllers/kube"
	"webhook-operator.io/itwin/controllers/webhook/ledger"
	"webhook-operator.io/itwin/controllers/webhook/plan"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/proof"
)

// observation is what a reconcile gathered: the facts to decide from, and what the steps act through.
type observation struct {
	facts plan.Facts
	// known is what this process knows beyond the cache.
	known ledger.Record
	// target is the membership of the connection that spec.connectionRef names; nil while it is not connected.
	target fleet.Reader
	// via are the connections that the facts were gathered by.
	via members
	// secret is the Secret that the value of the signing secret was read from; nil while it was not read.
	secret *corev1.Secret
	// complete is true when all facts were gathered.
	complete bool
}

// observe gathers the facts about a Webhook: from the cache, from the snapshots of the accounts, and from the signing
// Secret when its value may differ. It calls no platform. After an error the observation is not complete.
func (r *Reconciler) observe(ctx context.Context, w *itwinv1alpha1.Webhook) (*observation, error) {
	o := &observation{
		facts: plan.Facts{
			Now: r.Clock.Now(), Webhook: w, Generation: w.Generation, Requests: maps.Clone(w.Annotations),
			Identity: identity.Of(w, r.Key), Spelling: plan.SpellingOf(&w.Status), ListCounts: map[string]uint64{},
		},
		known: r.ledger.Of(w).Record(), target: r.Fleets.Member(kube.ConnectionOf(w)), via: members{},
	}
	if err := r.observeConnection(ctx, o); err != nil {
		return o, err
	}
	r.observeLedger(o)
	if !r.waitsForFirstList(&o.facts) {
		for _, gather := range []func(context.Context, *observation) error{
			r.observeHolder, r.observeRemote, r.observeOthers, r.observeAttempt, r.observeSigningSecret,
		} {
			if err := gather(ctx, o); err != nil {
				return o, err
			}
		}
	}
	o.complete = true
	return o, nil
}

// waitsForFirstList reports whether the object waits for the first list of its account whatever the other facts are. At
// a start that is nearly every Webhook.
func (r *Reconciler) waitsForFirstList(f *plan.Facts) bool {
	account := f.Identity.Owned.Account
	return f.WaitsForFirstList() && (account == f.Connection.Account || r.Fleets.Account(account) == nil)
}

// observeLedger takes over what this process knows beyond the cache, and notes what is known of the account.
func (r *Reconciler) observeLedger(o *observation) {
	f, known := &o.facts, o.known
	if known.Remote.ID != "" {
		f.Identity.Owned, f.Identity.Requested = known.Remote, ""
		f.Identity.Proven = f.Identity.Proven && f.Webhook.Annotations[itwinv1alpha1.WebhookIDAnnotation] == known.Remote.ID
	}
	r.observeRefusals(f, known)
	f.ContestedUntil, f.Modified, f.Secret.Sent = known.ContestedUntil(), known.Modified, known.Secret
	f.Secret.Refused, f.Secret.Unsent = known.SecretRefused, known.SecretNoted && known.Secret == ""
	if o.target != nil {
		o.via[o.target.Fleet().Account()] = o.target
		observeTarget(f, o.target)
		r.observeRequest(f, o.target.Fleet())
	}
}

// observeRemote compares what is seen of the remote webhook with what this process did to it last.
func (r *Reconciler) observeRemote(_ context.Context, o *observation) error {
	f, entry := &o.facts, r.ledger.Of(o.facts.Webhook)
	r.observeSpelling(f, o.known)
	if o.known.Accepted && f.Presence == fleet.Present {
		entry.Wrote(f.Remote, o.known.TurnedOff)
		f.Modified = f.Remote.Modified
	}
	on := f.Presence == fleet.Present && f.Remote.Active
	if f.TurnedOff = o.known.TurnedOff && !on; o.known.TurnedOff && on {
		entry.SeenOn()
	}
	return nil
}

// observeSigningSecret gathers what is known of the signing secret, as far as the object still needs one.
func (r *Reconciler) observeSigningSecret(ctx context.Context, o *observation) error {
	if w := o.facts.Webhook; !w.DeletionTimestamp.IsZero() || w.Spec.Suspend {
		return r.observeRelease(ctx, &o.facts)
	}
	if err := r.observeSecret(ctx, o); err != nil {
		return err
	}
	o.facts.HoldSecret()
	if o.target != nil {
		r.observeAdoptionWait(&o.facts, o.target.Fleet())
	}
	return nil
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
func (r *Reconciler) observeHolder(ctx context.Context, o *observation) error {
	f, via := &o.facts, o.via
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
func (r *Reconciler) observeOthers(ctx context.Context, o *observation) error {
	f, via := &o.facts, o.via
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

// observeRequest starts the wait for a list that reconcile-requested-at asks for.
func (r *Reconciler) observeRequest(f *plan.Facts, account *fleet.Fleet) {
	if !f.ReconcileRequested() {
		return
	}
	value := f.Webhook.Annotations[itwinv1alpha1.ReconcileRequestedAtAnnotation]
	since := r.ledger.Of(f.Webhook).RequestedSince(value, f.Now)
	if !account.ListedSince(since) {
		f.RefreshSince = since
	}
}

// observeAttempt finds out whether an earlier create may have left a webhook behind, and looks for one to adopt.
func (r *Reconciler) observeAttempt(ctx context.Context, o *observation) (err error) {
	f, target, known := &o.facts, o.target, o.known
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
	if target == nil || !lost || !f.Connection.Adoption || f.Webhook.Spec.AdoptionPolicy != itwinv1alpha1.AdoptMatching {
		return nil
	}
	f.Adoptable, err = r.adoptable(ctx, f, target.Fleet())
	return err
}

// observeAdoptionWait starts the wait for a list before an object that would rather adopt creates: the webhook to adopt
// may be younger than the snapshot.
func (r *Reconciler) observeAdoptionWait(f *plan.Facts, account *fleet.Fleet) {
	lost := f.ID() == "" && f.Identity.Requested == "" || f.Presence == fleet.Gone || f.Holder.Moving
	if !lost || f.Secret.Problem != nil || !f.Connection.Adoption ||
		f.Webhook.Spec.AdoptionPolicy != itwinv1alpha1.AdoptMatching {
		return
	}
	since := r.ledger.Of(f.Webhook).AdoptingSince(f.Generation, f.Now)
	if !account.ListedSince(since) {
		f.AdoptionWaitSince = since
	}
}

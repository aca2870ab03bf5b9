package controllers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/internal/proof"
)

const (
	// remoteBudget bounds all remote calls of one reconcile, from its start: what was decided long ago, by a process
	// that was stopped in between, must not be sent any more.
	remoteBudget = 15 * time.Second
	// recordBudget bounds the write of a new id, which survives a shutdown.
	recordBudget = 10 * time.Second
	// undoBudget bounds the removal of a webhook whose object went while it was created.
	undoBudget = time.Minute
	// quietPause is how long the operator's own pacing may hold a change back before the status tells of it.
	quietPause = time.Minute
)

// executor carries out one plan. It is the only place with remote calls.
type executor struct {
	*WebhookReconciler
	log   logr.Logger
	facts facts
	plan  plan
	// via are the connections that the facts were gathered by.
	via members
	// described is the webhook as the platform last described it; nil when that is not known, or it is not the object's.
	described *platform.Webhook
	// created is true when this run made the remote webhook.
	created bool
	// updated is true when this run updated the remote webhook, and secretSent when it sent the Secret's value.
	updated, secretSent bool
	// observed is true when the facts were gathered in full.
	observed bool
	// noted is true when this run noted that the platform turned the webhook off.
	noted bool
	// reactivated is true when this run turned on what was turned off on the platform.
	reactivated bool
	// unwritten is true when the API server kept a step of this run from being carried out.
	unwritten bool
}

// newExecutor returns the executor of one plan.
func newExecutor(r *WebhookReconciler, log logr.Logger, f facts, p plan, via members) *executor {
	e := &executor{WebhookReconciler: r, log: log, facts: f, plan: p, via: via, observed: via != nil}
	if f.id() != "" && f.presence == fleet.Present && f.conflictingOwner == "" {
		e.described = &e.facts.remote
	}
	return e
}

// execute carries out the steps of the plan in their order. A step that the platform did not allow turns into an
// outcome; an error of the API server is returned and retried.
func (r *executor) execute(ctx context.Context) error {
	// Remote calls outlive the manager's shutdown, which waits for them: their outcome would be unknown otherwise.
	remote, cancel := context.WithTimeout(context.WithoutCancel(ctx), remoteBudget)
	defer cancel()
	if backoff := r.backoff(); backoff > 0 && slices.ContainsFunc(r.plan.steps, step.remote) {
		r.plan.outcome = status.Outcome{Silent: true, Retry: backoff}
		return nil
	}
	if err := r.ready(remote); err != nil {
		return r.fail(createRemote, err)
	}
	for _, s := range r.plan.steps {
		if wait := r.held(s); wait > 0 {
			r.plan.outcome = status.Outcome{Silent: true, Retry: wait}
			return nil
		}
		if err := r.do(ctx, remote, s); err != nil {
			return r.fail(s, err)
		}
		if s.remote() && s != confirmRemote {
			r.memory.recovered(r.key(), r.object().UID)
		}
	}
	return nil
}

// fail ends the run at a step, with an outcome if the platform is why.
func (r *executor) fail(s step, err error) error {
	v, ok := r.classify(s, err)
	if !ok {
		v, ok = r.classifyKubernetes(s, err)
	}
	if !ok {
		return fmt.Errorf("%s: %w", s, err)
	}
	r.plan.outcome = v
	return nil
}

// ready asks before a creation whether its request would be sent: thousands that wait for one connection must not keep
// the API server from others with what comes before the request. What gives up an old id does so before it waits.
func (r *executor) ready(remote context.Context) error {
	if !slices.Contains(r.plan.steps, createRemote) || slices.Contains(r.plan.steps, giveUpID) {
		return nil
	}
	return r.target().Ready(platform.WithTurn(remote, r.turn()))
}

// backoff is how long the object is left alone after calls that the platform did not answer as documented. A change of
// the spec ends it.
func (r *executor) backoff() time.Duration {
	known := r.memory.of(r.key(), r.object().UID)
	if known.generation != r.facts.generation {
		return 0
	}
	return known.backoffUntil.Sub(r.now())
}

// turn is the priority of the next call among those of the account.
func (r *executor) turn() platform.Turn {
	return platform.Turn{Lane: lane(r.facts, r.plan), Caller: string(r.owner()), Group: r.object().Namespace}
}

// lane lets what a person asked for overtake what the operator does by itself, and what is half done both.
func lane(f facts, p plan) platform.Lane {
	if f.createdUnreported() {
		return platform.Finishing
	}
	byItself := p.cause == causeReactivate || p.cause == causeDrift || p.cause == causeNone
	if byItself && f.webhook.DeletionTimestamp.IsZero() && !f.pending() {
		return platform.Routine
	}
	return platform.Urgent
}

func (r *executor) do(ctx, remote context.Context, s step) error {
	remote = platform.WithTurn(remote, r.turn())
	switch s {
	case addFinalizer:
		return r.addFinalizer(ctx)
	case storeSecret:
		return r.storeSecret(ctx, &r.facts)
	case ownSecret:
		return r.ownSecret(ctx, &r.facts)
	case releaseSecret:
		return r.releaseSecret(ctx, &r.facts)
	case confirmRemote:
		return r.confirm(remote)
	case giveUpID:
		return r.giveUpID(ctx)
	case createRemote:
		return r.create(remote)
	case adoptRemote:
		return r.adopt()
	case recordID:
		return r.recordID(ctx)
	case noteDeactivation:
		return r.noteDeactivation(ctx)
	case noteTurningOff:
		return r.noteTurningOff(ctx)
	case updateRemote:
		return r.update(remote)
	case deleteRemote:
		return r.delete(remote)
	case removeOther:
		return r.removeOther(remote)
	case dropFormer:
		return r.dropFormer(ctx)
	case removeFinalizer:
		return r.removeFinalizer(ctx)
	}
	return fmt.Errorf("unknown step %q", s)
}

func (r *executor) owner() fleet.Owner { return fleet.Owner(markOf(r.facts.webhook)) }

func (r *executor) key() client.ObjectKey { return objectKey(r.facts.webhook) }

func objectKey(w *v1alpha1.Webhook) client.ObjectKey { return client.ObjectKeyFromObject(w) }

func (r *executor) now() time.Time { return r.Clock.Now() }

func (r *executor) object() *v1alpha1.Webhook { return r.facts.webhook }

// target is the connection that spec.connectionRef names; nil while it is not connected.
func (r *executor) target() *fleet.Member { return r.via[r.facts.connection.account] }

// holder is the connection to the account of the remote webhook that the object owns, or asks to import.
func (r *executor) holder() *fleet.Member {
	if r.facts.id() == "" {
		return r.target()
	}
	return r.via[r.facts.identity.owned.Account]
}

// next says when to look again, and asks the fleet to enqueue the object.
func (r *executor) next() ctrl.Result {
	v, member := r.plan.outcome, r.target()
	if h := r.holder(); h != nil && (member == nil || r.facts.holder.moving && !r.object().DeletionTimestamp.IsZero()) {
		member = h
	}
	if h := r.via[r.plan.other.Account]; h != nil {
		member = h
	}
	switch {
	case member == nil:
	case !v.Since.IsZero():
		member.Fleet().AwaitSince(v.Since, r.key().String())
	case v.Await && !member.Fleet().Await(r.key().String(), r.facts.listCounts[member.Fleet().Account()]):
		return ctrl.Result{RequeueAfter: status.Again}
	}
	if v.Retry == 0 && (v.Await || !v.Since.IsZero()) {
		v.Retry = status.Jittered(longestAwait)
	}
	return ctrl.Result{RequeueAfter: v.Retry}
}

// longestAwait is when an object that waits for a list is looked at even if no list enqueued it: no wait may depend on
// one event alone.
const longestAwait = 5 * time.Minute

// confirm reads a webhook that the lists lack. What it finds is in the snapshot; deciding again is up to the next run.
func (r *executor) confirm(remote context.Context) error {
	id, member := cmp.Or(r.facts.id(), r.facts.identity.requested), r.holder()
	if other := r.plan.other; other.ID != "" {
		id, member = other.ID, r.via[other.Account]
	}
	if err := member.Confirm(remote, id); err != nil {
		return err
	}
	r.plan.outcome = status.Outcome{Silent: true, Retry: status.Again}
	return nil
}

func (r *executor) create(remote context.Context) error {
	request := createRequest(r.object())
	request.Secret = r.facts.secret.value
	request.CallbackURL = r.facts.markedCallback()
	created, err := r.target().Create(remote, r.owner(), request)
	if refusesMark(err) {
		request.CallbackURL = r.object().Spec.CallbackURL
		created, err = r.target().Create(remote, r.owner(), request)
	}
	if err != nil {
		if platform.MayHaveHappened(err) {
			r.memory.unknown(r.key(), r.object().UID, r.now())
		}
		return err
	}
	r.owns(created.ID)
	r.described, r.created = &created, true
	if r.plan.cause == causeDrift {
		r.warn("Drifted", "Recreate", "The remote webhook was found changed: %s", r.plan.drift)
	}
	r.event("Created", "Create", "Created remote webhook %s", created.ID)
	return nil
}

// owns makes a webhook of the connection's account the object's own.
func (r *executor) owns(id string) {
	r.facts.identity.owned = proof.Remote{Account: r.facts.connection.account, ID: id}
	r.facts.identity.requested, r.facts.holder.moving = "", false
	r.memory.made(r.key(), r.object().UID, r.facts.identity.owned)
}

var errTaken = errors.New("the remote webhook was claimed by another Webhook meanwhile")

func (r *executor) adopt() error {
	if !r.target().Fleet().Claim(r.plan.target, r.owner()) {
		return errTaken
	}
	r.owns(r.plan.target)
	if w, presence := r.target().Fleet().Lookup(r.plan.target); presence == fleet.Present {
		r.described = &w
	}
	switch {
	case r.plan.cause == causeCreation:
		r.event("Created", "Create", "Found remote webhook %s, which an interrupted create had made", r.facts.id())
	case !slices.Contains(r.plan.steps, updateRemote):
		r.event("Adopted", "Adopt", "Took over remote webhook %s as it is", r.facts.id())
	}
	return nil
}

func (r *executor) update(remote context.Context) error {
	patch := r.plan.patch
	if !r.plan.withoutSecret {
		patch.Secret = r.facts.secret.value
	}
	var before earlier
	if patch.CallbackURL != "" {
		before = r.memory.sendingCallback(r.key(), r.object().UID, patch.CallbackURL, r.callbackBefore())
	}
	updated, err := r.send(remote, patch)
	if platform.IsAccepted(err) {
		r.memory.accepted(r.key(), r.object().UID, patch.Active != nil && !*patch.Active)
		r.secretSent, r.reactivated = !r.plan.withoutSecret, r.plan.cause == causeReactivate
		if r.failures() == 0 { // the same again is no news: nothing came of it
			r.announceUpdate()
		}
	}
	if err != nil {
		return err
	}
	r.described, r.updated = &updated, true
	r.memory.wrote(r.key(), r.object().UID, updated, patch.Active != nil && !*patch.Active)
	r.secretSent = !r.plan.withoutSecret
	r.reactivated = r.plan.cause == causeReactivate
	r.announceUpdate()
	if patch.CallbackURL != "" {
		r.facts.learnSpelling(before, updated.CallbackURL)
		r.memory.callbackAnswered(r.key(), r.object().UID, r.facts.spelling)
	}
	return r.compare(patch, updated)
}

// callbackBefore is what the remote webhook had before the spec's callback was first sent to it.
func (r *executor) callbackBefore() earlier {
	switch {
	case r.created:
		return earlier{had: []string{r.facts.markedCallback()}}
	case slices.Contains(r.plan.steps, adoptRemote) && r.described != nil:
		return earlier{had: []string{r.described.CallbackURL}}
	}
	return r.facts.callbackBefore()
}

// send sends an update, and keeps in mind which secret the platform has because of it.
func (r *executor) send(remote context.Context, patch platform.Patch) (platform.Webhook, error) {
	if patch.Secret == "" {
		return r.holder().Update(remote, r.facts.id(), patch)
	}
	before := r.memory.sending(r.key(), r.object().UID)
	updated, err := r.holder().Update(remote, r.facts.id(), patch)
	switch {
	case err == nil || platform.IsAccepted(err):
		r.memory.sent(r.key(), r.object().UID, r.facts.secret.fingerprint)
	case !platform.MayHaveHappened(err):
		r.memory.sent(r.key(), r.object().UID, before)
	}
	return updated, err
}

// compare looks at what is left to do after an update. The snapshot has the answer already, so no list will tell of it:
// what the update did not speak of, but another client had changed since the last list, is decided on at once.
func (r *executor) compare(patch platform.Patch, updated platform.Webhook) error {
	if r.facts.generation != r.object().Generation {
		return nil // there is more to come anyway
	}
	if patch.Active != nil && updated.Active != *patch.Active {
		return errIgnored
	}
	left := r.facts.difference(updated)
	if !left.Empty() && (patch.CallbackURL != "" || patch.EventTypes != nil) {
		return keptError(left, updated)
	}
	turned := patch.Active == nil && r.facts.presence == fleet.Present && updated.Active != r.facts.remote.Active ||
		patch.Active == nil && r.created && updated.Active != r.object().WantsActive()
	if turned || !left.Empty() {
		r.plan.outcome = status.Outcome{Silent: true, Retry: status.Again}
	}
	return nil
}

// errIgnored is an activation, or the opposite, that the platform accepted without doing it: it may do it later.
var errIgnored = errors.New("the platform accepted the change of active but has not made it yet")

var errKept = errors.New("the platform accepted the change but kept another value")

// keptError says what the platform kept.
func keptError(left platform.Patch, updated platform.Webhook) error {
	var kept []string
	if left.CallbackURL != "" {
		kept = append(kept, fmt.Sprintf("callbackUrl %q instead of %q",
			platform.WithoutQueries(updated.CallbackURL), platform.WithoutQueries(left.CallbackURL)))
	}
	if left.EventTypes != nil {
		kept = append(kept, fmt.Sprintf("eventTypes %q instead of %q", updated.EventTypes, left.EventTypes))
	}
	return fmt.Errorf("%w: %s", errKept, strings.Join(kept, ", and "))
}

func (r *executor) delete(remote context.Context) error {
	id := r.facts.id()
	if err := r.holder().Delete(remote, id); err != nil {
		if platform.IsAccepted(err) && r.failures() == 0 {
			r.log.Info("The platform accepted the deletion of a remote webhook", "webhookId", id)
		}
		return err
	}
	r.event("Deleted", "Delete", "Deleted remote webhook %s", id)
	return nil
}

// removeOther deletes a webhook that the object made and no longer wants, or turns it off.
func (r *executor) removeOther(remote context.Context) error {
	other := r.plan.other
	member := r.via[other.Account]
	if other.turnOff {
		updated, err := member.Update(remote, other.ID, platform.Patch{Active: new(false)})
		if err == nil && updated.Active {
			return errIgnored
		}
		if err == nil {
			r.event("Updated", "Update", "Turned remote webhook %s off: %s, and no connection allows its deletion",
				other.ID, other.why)
		}
		return err
	}
	if err := member.Delete(remote, other.ID); err != nil {
		return err
	}
	member.Fleet().Release(other.ID, r.owner())
	r.event("Deleted", "Delete", "Deleted remote webhook %s: %s", other.ID, other.why)
	return nil
}

// undoCreate removes a webhook that this run created but that has no owner. One that was taken over is left alone.
func (r *executor) undoCreate(ctx context.Context, why string) error {
	id, account := r.facts.id(), r.holder().Fleet()
	r.memory.forget(r.key())
	defer account.Release(id, r.owner())
	if !r.created {
		return errTaken
	}
	// No object will come back for it: it is worth waiting for a place within the rate limit.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoBudget)
	defer cancel()
	if err := r.deleteAtOnce(ctx, id); err != nil {
		return fmt.Errorf("the webhook %s, created just now, is left over, because %s and deleting it failed: %w",
			id, why, err)
	}
	return fmt.Errorf("deleted the webhook created just now, because %s", why)
}

// deleteAtOnce waits for a place within the rate limit: no object will come back for this webhook.
func (r *executor) deleteAtOnce(ctx context.Context, id string) error {
	ctx = platform.WithTurn(ctx, platform.Turn{
		Lane: platform.Finishing, Caller: string(r.owner()), Group: r.object().Namespace,
	})
	for {
		err := r.holder().Delete(ctx, id)
		if platform.IsNotFound(err) {
			return nil
		}
		wait, limited := platform.IsRateLimited(err)
		if !limited {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

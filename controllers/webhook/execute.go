package webhook

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/identity"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/controllers/webhook/ledger"
	"webhook-operator.io/itwin/controllers/webhook/plan"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/internal/proof"
)

const (
	// RemoteBudget bounds all remote calls of one reconcile, from its start: what was decided long ago, by a process
	// that was stopped in between, must not be sent any more.
	RemoteBudget = 15 * time.Second
	// recordBudget bounds the write of a new id, which survives a shutdown.
	recordBudget = 10 * time.Second
	// undoBudget bounds the removal of a webhook whose object went while it was created.
	undoBudget = time.Minute
	// quietPause is how long the operator's own pacing may hold a change back before the status tells of it.
	quietPause = time.Minute
)

// executor carries out one plan. It is the only place with remote calls.
type executor struct {
	reconciler *Reconciler
	// kube is the API server, and live reads it past the cache.
	kube     client.Client
	live     client.Reader
	recorder events.EventRecorder
	clock    clock.PassiveClock
	// entry is what this process knows of the object.
	entry ledger.Entry
	// operatorKey proves ownership.
	operatorKey proof.Key
	log         logr.Logger

	plan plan.Plan
	// via are the connections that the facts were gathered by, by account.
	via map[string]fleet.Writer
	// observed is true when the facts were gathered in full.
	observed bool

	// What follows is what the steps so far have come to. facts and outcome begin with what was decided from, and with
	// what was decided; both are copies.
	facts   plan.Facts
	outcome status.Outcome
	// described is the webhook as the platform last described it; nil when that is not known, or it is not the object's.
	described *platform.Webhook
	// created is true when a step made the remote webhook.
	created bool
	// updated is true when a step updated the remote webhook, and secretSent when it sent the Secret's value.
	updated, secretSent bool
	// noted is true when it was noted that the platform turned the webhook off.
	noted bool
	// reactivated is true when what was turned off on the platform was turned on.
	reactivated bool
	// unwritten is true when the API server kept a step from being carried out.
	unwritten bool
}

// newExecutor returns the executor of one plan.
func newExecutor(r *Reconciler, log logr.Logger, f plan.Facts, p plan.Plan, via members) *executor {
	e := &executor{
		reconciler: r, kube: r.Kube, live: r.Live, recorder: r.Recorder, clock: r.Clock, entry: r.ledger.Of(f.Webhook),
		operatorKey: r.Key, log: log, plan: p, via: map[string]fleet.Writer{}, observed: via != nil,
	}
	for account, member := range via {
		e.via[account] = fleet.WriterOf(member)
	}
	e.facts, e.outcome = f, p.Outcome
	if f.ID() != "" && f.Presence == fleet.Present && f.ConflictingOwner == "" {
		e.described = &e.facts.Remote
	}
	return e
}

// execute carries out the steps of the plan in their order. A step that the platform did not allow turns into an
// outcome; an error of the API server is returned and retried.
func (e *executor) execute(ctx context.Context) error {
	// remote calls outlive the manager's shutdown, which waits for them: their outcome would be unknown otherwise.
	remote, cancel := context.WithTimeout(context.WithoutCancel(ctx), RemoteBudget)
	defer cancel()
	if backoff := e.backoff(); backoff > 0 && slices.ContainsFunc(e.plan.Steps, plan.Step.Remote) {
		e.outcome = status.RequeueAfter(backoff, "calls about this Webhook failed; backing off")
		return nil
	}
	if err := e.ready(); err != nil {
		return e.fail(plan.CreateRemote, err)
	}
	for _, s := range e.plan.Steps {
		if wait := e.held(s); wait > 0 {
			e.outcome = status.RequeueAfter(wait, "the platform refused this request a short while ago")
			return nil
		}
		if err := e.do(ctx, remote, s); err != nil {
			return e.fail(s, err)
		}
		if s.Remote() && s != plan.ConfirmRemote {
			e.entry.Recovered()
		}
	}
	return nil
}

// fail ends the run at a step, with an outcome if the platform is why.
func (e *executor) fail(s plan.Step, err error) error {
	v, ok := e.classify(s, err)
	if !ok {
		v, ok = e.classifyKubernetes(s, err)
	}
	if !ok {
		return fmt.Errorf("%s: %w", s, err)
	}
	e.outcome = v
	return nil
}

// ready asks before a creation whether its request would be sent: thousands that wait for one connection must not keep
// the API server from others with what comes before the request. What gives up an old id does so before it waits.
func (e *executor) ready() error {
	if !slices.Contains(e.plan.Steps, plan.CreateRemote) || slices.Contains(e.plan.Steps, plan.GiveUpID) {
		return nil
	}
	return e.target().Ready(e.priority())
}

// backoff is how long the object is left alone after calls that the platform did not answer as documented. A change of
// the spec ends it.
func (e *executor) backoff() time.Duration {
	known := e.entry.Record()
	if known.Generation != e.facts.Generation {
		return 0
	}
	return known.BackoffUntil.Sub(e.now())
}

// priority is that of the next call among those of the account.
func (e *executor) priority() platform.Priority {
	return platform.Priority{Class: class(e.facts, e.plan), Caller: string(e.owner()), Group: e.object().Namespace}
}

// class lets what a person asked for overtake what the operator does by itself, and what is half done both.
func class(f plan.Facts, p plan.Plan) platform.Class {
	if f.CreatedUnreported() {
		return platform.Finishing
	}
	byItself := p.Cause == plan.CauseReactivate || p.Cause == plan.CauseDrift || p.Cause == plan.CauseNone
	if byItself && f.Webhook.DeletionTimestamp.IsZero() && !f.Pending() {
		return platform.Routine
	}
	return platform.Urgent
}

func (e *executor) do(ctx, remote context.Context, s plan.Step) error {
	switch s {
	case plan.AddFinalizer:
		return e.addFinalizer(ctx)
	case plan.StoreSecret:
		return e.storeSecret(ctx)
	case plan.OwnSecret:
		return e.ownSecret(ctx)
	case plan.ReleaseSecret:
		return e.releaseSecret(ctx)
	case plan.ConfirmRemote:
		return e.confirm(remote)
	case plan.GiveUpID:
		return e.giveUpID(ctx)
	case plan.CreateRemote:
		return e.create(remote)
	case plan.AdoptRemote:
		return e.adopt()
	case plan.RecordID:
		return e.recordID(ctx)
	case plan.NoteDeactivation:
		return e.noteDeactivation(ctx)
	case plan.NoteTurningOff:
		return e.noteTurningOff(ctx)
	case plan.UpdateRemote:
		return e.update(remote)
	case plan.DeleteRemote:
		return e.delete(remote)
	case plan.RemoveOther:
		return e.removeOther(remote)
	case plan.DropFormer:
		return e.dropFormer(ctx)
	case plan.RemoveFinalizer:
		return e.removeFinalizer(ctx)
	}
	return fmt.Errorf("unknown step %q", s)
}

func (e *executor) owner() fleet.Owner { return fleet.Owner(identity.MarkOf(e.facts.Webhook)) }

func (e *executor) key() client.ObjectKey { return objectKey(e.facts.Webhook) }

func objectKey(w *v1alpha1.Webhook) client.ObjectKey { return client.ObjectKeyFromObject(w) }

func (e *executor) now() time.Time { return e.clock.Now() }

func (e *executor) object() *v1alpha1.Webhook { return e.facts.Webhook }

// target is the connection that spec.connectionRef names; nil while it is not connected.
func (e *executor) target() fleet.Writer { return e.via[e.facts.Connection.Account] }

// holder is the connection to the account of the remote webhook that the object owns, or asks to import.
func (e *executor) holder() fleet.Writer {
	if e.facts.ID() == "" {
		return e.target()
	}
	return e.via[e.facts.Identity.Owned.Account]
}

// next says when to look again, and asks the fleet to enqueue the object.
func (e *executor) next() ctrl.Result {
	v, member := e.outcome, e.target()
	if h := e.holder(); h != nil && (member == nil || e.facts.Holder.Moving && !e.object().DeletionTimestamp.IsZero()) {
		member = h
	}
	if h := e.via[e.plan.Other.Account]; h != nil {
		member = h
	}
	switch {
	case member == nil:
	case !v.Since.IsZero():
		member.Fleet().AwaitSince(v.Since, e.key().String())
	case v.Await && !member.Fleet().Await(e.key().String(), e.facts.ListCounts[member.Fleet().Account()]):
		return ctrl.Result{RequeueAfter: status.Again}
	}
	if v.Retry == 0 && (v.Await || !v.Since.IsZero()) {
		v.Retry = status.Jittered(LongestAwait)
	}
	return ctrl.Result{RequeueAfter: v.Retry}
}

// LongestAwait is when an object that waits for a list is looked at even if no list enqueued it: no wait may depend on
// one event alone.
const LongestAwait = 5 * time.Minute

// confirm reads a webhook that the lists lack. What it finds is in the snapshot; deciding again is up to the next run.
func (e *executor) confirm(remote context.Context) error {
	id, member := cmp.Or(e.facts.ID(), e.facts.Identity.Requested), e.holder()
	if other := e.plan.Other; other.ID != "" {
		id, member = other.ID, e.via[other.Account]
	}
	if err := member.Confirm(remote, e.priority(), id); err != nil {
		return err
	}
	e.outcome = status.RequeueAfter(status.Again, "deciding again with what was read")
	return nil
}

func (e *executor) create(remote context.Context) error {
	request := plan.CreateRequest(e.object())
	request.Secret = e.facts.Secret.Value
	request.CallbackURL = e.facts.MarkedCallback()
	created, err := e.target().Create(remote, e.priority(), e.owner(), request)
	if refusesMark(err) {
		request.CallbackURL = e.object().Spec.CallbackURL
		created, err = e.target().Create(remote, e.priority(), e.owner(), request)
	}
	if err != nil {
		if platform.MayHaveHappened(err) {
			e.entry.CreateUnknown(e.now())
		}
		return err
	}
	e.owns(created.ID)
	e.described, e.created = &created, true
	if e.plan.Cause == plan.CauseDrift {
		e.warn("Drifted", "Recreate", "The remote webhook was found changed: %s", e.plan.Drift)
	}
	e.event("Created", "Create", "Created remote webhook %s", created.ID)
	return nil
}

// owns makes a webhook of the connection's account the object's own.
func (e *executor) owns(id string) {
	e.facts.Identity.Owned = proof.Remote{Account: e.facts.Connection.Account, ID: id}
	e.facts.Identity.Requested, e.facts.Holder.Moving = "", false
	e.entry.Owns(e.facts.Identity.Owned)
}

var errTaken = errors.New("the remote webhook was claimed by another Webhook meanwhile")

func (e *executor) adopt() error {
	if !e.target().Fleet().Claim(e.plan.Target, e.owner()) {
		return errTaken
	}
	e.owns(e.plan.Target)
	if w, presence := e.target().Fleet().Lookup(e.plan.Target); presence == fleet.Present {
		e.described = &w
	}
	switch {
	case e.plan.Cause == plan.CauseCreation:
		e.event("Created", "Create", "Found remote webhook %s, which an interrupted create had made", e.facts.ID())
	case !slices.Contains(e.plan.Steps, plan.UpdateRemote):
		e.event("Adopted", "Adopt", "Took over remote webhook %s as it is", e.facts.ID())
	}
	return nil
}

func (e *executor) update(remote context.Context) error {
	patch := e.plan.Patch
	if !e.plan.WithoutSecret {
		patch.Secret = e.facts.Secret.Value
	}
	var before plan.EarlierCallbacks
	if patch.CallbackURL != "" {
		before = e.entry.SendingCallback(patch.CallbackURL, e.callbackBefore())
	}
	updated, err := e.send(remote, patch)
	if platform.IsAccepted(err) {
		e.entry.AcceptedUpdate(patch.Active != nil && !*patch.Active)
		e.secretSent, e.reactivated = !e.plan.WithoutSecret, e.plan.Cause == plan.CauseReactivate
		if e.failures() == 0 { // the same again is no news: nothing came of it
			e.announceUpdate()
		}
	}
	if err != nil {
		return err
	}
	e.described, e.updated = &updated, true
	e.entry.Wrote(updated, patch.Active != nil && !*patch.Active)
	e.secretSent = !e.plan.WithoutSecret
	e.reactivated = e.plan.Cause == plan.CauseReactivate
	e.announceUpdate()
	if patch.CallbackURL != "" {
		e.facts.LearnSpelling(before, updated.CallbackURL)
		e.entry.CallbackAnswered(e.facts.Spelling)
	}
	return e.compare(patch, updated)
}

// callbackBefore is what the remote webhook had before the spec's callback was first sent to it.
func (e *executor) callbackBefore() plan.EarlierCallbacks {
	switch {
	case e.created:
		return plan.EarlierCallbacks{Had: []string{e.facts.MarkedCallback()}}
	case slices.Contains(e.plan.Steps, plan.AdoptRemote) && e.described != nil:
		return plan.EarlierCallbacks{Had: []string{e.described.CallbackURL}}
	}
	return e.facts.CallbackBefore()
}

// send sends an update, and keeps in mind which secret the platform has because of it.
func (e *executor) send(remote context.Context, patch platform.Patch) (platform.Webhook, error) {
	if patch.Secret == "" {
		return e.holder().Update(remote, e.priority(), e.facts.ID(), patch)
	}
	before := e.entry.SendingSecret()
	updated, err := e.holder().Update(remote, e.priority(), e.facts.ID(), patch)
	switch {
	case err == nil || platform.IsAccepted(err):
		e.entry.SecretSent(e.facts.Secret.Fingerprint)
	case !platform.MayHaveHappened(err):
		e.entry.SecretSent(before)
	}
	return updated, err
}

// compare looks at what is left to do after an update. The snapshot has the answer already, so no list will tell of it:
// what the update did not speak of, but another client had changed since the last list, is decided on at once.
func (e *executor) compare(patch platform.Patch, updated platform.Webhook) error {
	if e.facts.Generation != e.object().Generation {
		return nil // there is more to come anyway
	}
	if patch.Active != nil && updated.Active != *patch.Active {
		return errIgnored
	}
	left := e.facts.Difference(updated)
	if !left.Empty() && (patch.CallbackURL != "" || patch.EventTypes != nil) {
		return keptError(left, updated)
	}
	turned := patch.Active == nil && e.facts.Presence == fleet.Present && updated.Active != e.facts.Remote.Active ||
		patch.Active == nil && e.created && updated.Active != e.object().WantsActive()
	if turned || !left.Empty() {
		e.outcome = status.RequeueAfter(status.Again, "the update left differences; deciding again")
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

func (e *executor) delete(remote context.Context) error {
	id := e.facts.ID()
	if err := e.holder().Delete(remote, e.priority(), id); err != nil {
		if platform.IsAccepted(err) && e.failures() == 0 {
			e.log.Info("The platform accepted the deletion of a remote webhook", "webhookId", id)
		}
		return err
	}
	e.event("Deleted", "Delete", "Deleted remote webhook %s", id)
	return nil
}

// removeOther deletes a webhook that the object made and no longer wants, or turns it off.
func (e *executor) removeOther(remote context.Context) error {
	other := e.plan.Other
	member := e.via[other.Account]
	if other.TurnOff {
		updated, err := member.Update(remote, e.priority(), other.ID, platform.Patch{Active: new(false)})
		if err == nil && updated.Active {
			return errIgnored
		}
		if err == nil {
			e.event("Updated", "Update", "Turned remote webhook %s off: %s, and no connection allows its deletion",
				other.ID, other.Why)
		}
		return err
	}
	if err := member.Delete(remote, e.priority(), other.ID); err != nil {
		return err
	}
	member.Fleet().Release(other.ID, e.owner())
	e.event("Deleted", "Delete", "Deleted remote webhook %s: %s", other.ID, other.Why)
	return nil
}

// undoCreate removes a webhook that this run created but that has no owner. One that was taken over is left alone.
func (e *executor) undoCreate(ctx context.Context, why string) error {
	id, account := e.facts.ID(), e.holder().Fleet()
	e.entry.Forget()
	defer account.Release(id, e.owner())
	if !e.created {
		return errTaken
	}
	// No object will come back for it: it is worth waiting for a slot within the rate limit.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoBudget)
	defer cancel()
	if err := e.deleteAtOnce(ctx, id); err != nil {
		return fmt.Errorf("the webhook %s, created just now, is left over, because %s and deleting it failed: %w",
			id, why, err)
	}
	return fmt.Errorf("deleted the webhook created just now, because %s", why)
}

// deleteAtOnce waits for a slot within the rate limit: no object will come back for this webhook.
func (e *executor) deleteAtOnce(ctx context.Context, id string) error {
	priority := e.priority()
	priority.Class = platform.Finishing
	for {
		err := e.holder().Delete(ctx, priority, id)
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

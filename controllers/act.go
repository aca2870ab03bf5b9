package controllers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

const (
	// remoteBudget bounds all remote calls of one reconcile, from its start: what was decided long ago, by a process
	// that was stopped in between, must not be sent any more.
	remoteBudget = 15 * time.Second
	// recordBudget bounds the write of a new id, which survives a shutdown.
	recordBudget = 10 * time.Second
	// quietPause is how long pacing by ourselves may hold a change back before the status tells of it.
	quietPause = time.Minute
)

// run carries out one plan. It is the only place with remote calls.
type run struct {
	*WebhookReconciler
	log   logr.Logger
	facts facts
	plan  plan
	fleet *fleet.Fleet
	// remote is the webhook as the platform last described it; nil when that is not known.
	remote *platform.Webhook
	// created is true when this run made the remote webhook.
	created bool
	// secretSent is true when the platform has the Secret's current version because of this run.
	secretSent bool
	// reactivated is true when this run turned on what the platform had turned off.
	reactivated bool
}

// act carries out the steps of the plan in their order. A step that the platform did not allow turns into a verdict; an
// error of the API server is returned and retried.
func (r *run) act(ctx context.Context) error {
	// Remote calls outlive the manager's shutdown, which waits for them: their outcome would be unknown otherwise.
	remote, cancel := context.WithTimeout(context.WithoutCancel(ctx), remoteBudget)
	defer cancel()
	if rest := r.rest(); rest > 0 && slices.ContainsFunc(r.plan.steps, step.remote) {
		r.plan.verdict = verdict{silent: true, retry: rest}
		return nil
	}
	if err := r.ready(remote); err != nil {
		return r.fail(ctx, createRemote, err)
	}
	for _, s := range r.plan.steps {
		if err := r.do(ctx, remote, s); err != nil {
			return r.fail(ctx, s, err)
		}
		if s.remote() {
			r.memory.recovered(r.key(), r.object().UID)
		}
	}
	return nil
}

// fail ends the run at a step, with a verdict if the platform is why.
func (r *run) fail(ctx context.Context, s step, err error) error {
	v, ok := r.judge(s, err)
	if !ok {
		return fmt.Errorf("%s: %w", s, err)
	}
	r.plan.verdict = v
	if s == createRemote && v.reason == v1alpha1.RefusedReason {
		return r.withdraw(ctx)
	}
	return nil
}

// ready asks before a creation whether its request would be sent: thousands that wait for one connection must not keep
// the API server from others with what comes before the request. What gives up an old id does so before it waits.
func (r *run) ready(remote context.Context) error {
	if !slices.Contains(r.plan.steps, createRemote) || slices.Contains(r.plan.steps, forgetID) {
		return nil
	}
	return r.fleet.Ready(platform.WithTurn(remote, r.turn()))
}

// rest is how long the object is left alone after calls that the platform did not answer as documented. A change of the
// spec ends it.
func (r *run) rest() time.Duration {
	known := r.memory.of(r.key(), r.object().UID)
	if known.generation != r.facts.generation {
		return 0
	}
	return known.rest.Sub(r.now())
}

// turn is how the next call stands among those of the connection.
func (r *run) turn() platform.Turn {
	return platform.Turn{Lane: lane(r.facts, r.plan), Caller: string(r.owner())}
}

// lane lets what a person asked for overtake what the operator does of its own accord, and what is half done both.
func lane(f facts, p plan) platform.Lane {
	if f.begun() {
		return platform.Finishing
	}
	byItself := p.cause == causeReactivate || p.cause == causeDrift || p.cause == causeNone
	if byItself && f.webhook.DeletionTimestamp.IsZero() && !f.specChanged() {
		return platform.Routine
	}
	return platform.Urgent
}

func (r *run) do(ctx, remote context.Context, s step) error {
	remote = platform.WithTurn(remote, r.turn())
	switch s {
	case addFinalizer:
		return r.addFinalizer(ctx)
	case storeSecret:
		return r.storeSecret(ctx, &r.facts)
	case confirmAbsence:
		return r.confirm(remote)
	case forgetID:
		return r.forgetID(ctx)
	case recordIntent:
		return r.patchMetadata(ctx, declare)
	case createRemote:
		return r.create(remote)
	case adoptRemote:
		return r.adopt()
	case recordID:
		return r.recordID(ctx)
	case noteDeactivation:
		return r.noteDeactivation(ctx)
	case updateRemote:
		return r.update(remote)
	case deleteRemote:
		return r.delete(remote)
	case removeFinalizer:
		return r.removeFinalizer(ctx)
	}
	return fmt.Errorf("unknown step %q", s)
}

func (r *run) owner() fleet.Owner { return fleet.Owner(r.facts.webhook.UID) }

func (r *run) key() client.ObjectKey { return client.ObjectKeyFromObject(r.facts.webhook) }

func (r *run) now() time.Time { return r.Clock.Now() }

func (r *run) object() *v1alpha1.Webhook { return r.facts.webhook }

// patchMetadata changes the object's metadata if nobody has changed the object since it was read.
func (r *run) patchMetadata(ctx context.Context, change func(*v1alpha1.Webhook)) error {
	before := r.object().DeepCopy()
	change(r.object())
	err := r.Patch(ctx, r.object(), client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
	if err == nil {
		r.writes.note(r.object())
	}
	return err
}

// declare writes down what is going to be created.
func declare(w *v1alpha1.Webhook) {
	metav1.SetMetaDataAnnotation(&w.ObjectMeta, v1alpha1.CreatingAnnotation, intent(w))
}

func (r *run) addFinalizer(ctx context.Context) error {
	err := r.patchMetadata(ctx, func(w *v1alpha1.Webhook) {
		controllerutil.AddFinalizer(w, v1alpha1.WebhookFinalizer)
		if slices.Contains(r.plan.steps, createRemote) {
			declare(w)
		}
	})
	if err == nil && r.facts.id == "" {
		r.memory.begin(r.key(), r.object().UID)
	}
	return err
}

// withdraw takes the finalizer off again after a create that was refused. It was sent only because no earlier one can
// have left anything behind, so the object may go without asking the platform, whoever serves it then.
func (r *run) withdraw(ctx context.Context) error {
	return r.patchMetadata(ctx, func(w *v1alpha1.Webhook) {
		controllerutil.RemoveFinalizer(w, v1alpha1.WebhookFinalizer)
		delete(w.Annotations, v1alpha1.CreatingAnnotation)
	})
}

// forgetID gives up the id of a webhook that is gone, to create another.
func (r *run) forgetID(ctx context.Context) error {
	err := r.patchMetadata(ctx, func(w *v1alpha1.Webhook) {
		delete(w.Annotations, v1alpha1.WebhookIDAnnotation)
		declare(w)
	})
	if err == nil {
		r.memory.begin(r.key(), r.object().UID)
		r.fleet.Release(r.facts.id, r.owner())
		r.facts.id = ""
	}
	return err
}

// confirm reads a webhook that the lists lack. What it finds is in the picture; deciding again is up to the next round.
func (r *run) confirm(remote context.Context) error {
	if err := r.fleet.Confirm(remote, r.facts.id); err != nil {
		return err
	}
	r.plan.verdict = verdict{silent: true, retry: again}
	return nil
}

func (r *run) create(remote context.Context) error {
	request := createRequest(r.object())
	request.Secret = r.facts.secret.value
	created, err := r.fleet.Create(remote, r.owner(), request)
	if err != nil {
		r.doubt(err)
		return err
	}
	r.memory.made(r.key(), r.object().UID, created.ID)
	r.facts.id, r.remote, r.created, r.secretSent = created.ID, &created, true, true
	if r.plan.cause == causeDrift {
		r.warn("Drifted", "Recreate", "The remote webhook was found changed: %s", r.plan.drift)
	}
	r.event("Created", "Create", "Created remote webhook %s", created.ID)
	return nil
}

// doubt remembers that a write failed in a way that does not tell whether it happened.
func (r *run) doubt(err error) {
	if platform.MayHaveHappened(err) {
		r.memory.doubt(r.key(), r.object().UID, r.now())
	}
}

var errTaken = errors.New("the remote webhook was claimed by another Webhook meanwhile")

func (r *run) adopt() error {
	if !r.fleet.Claim(r.plan.target, r.owner()) {
		return errTaken
	}
	r.memory.made(r.key(), r.object().UID, r.plan.target)
	r.facts.id = r.plan.target
	if r.plan.cause == causeCreation {
		r.event("Created", "Create", "Found remote webhook %s, which an interrupted create had made", r.facts.id)
	}
	return nil
}

// recordID writes the identity down. If the object was changed meanwhile, the id is more important than the change.
func (r *run) recordID(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordBudget)
	defer cancel()
	id := r.facts.id
	if r.object().Annotations[v1alpha1.WebhookIDAnnotation] == id {
		return nil
	}
	record := func(w *v1alpha1.Webhook) {
		metav1.SetMetaDataAnnotation(&w.ObjectMeta, v1alpha1.WebhookIDAnnotation, id)
		delete(w.Annotations, v1alpha1.CreatingAnnotation)
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
func (r *run) reread(ctx context.Context) error {
	var live v1alpha1.Webhook
	err := r.APIReader.Get(ctx, r.key(), &live)
	other := live.Annotations[v1alpha1.WebhookIDAnnotation]
	switch {
	case apierrors.IsNotFound(err) || err == nil && live.UID != r.object().UID:
		return r.undoCreate(ctx, "the Webhook is gone")
	case err != nil:
		return err
	case other != "" && other != r.facts.id:
		return r.undoCreate(ctx, "the Webhook owns "+other+" already")
	}
	r.facts.webhook = &live
	return nil
}

// errOutdated ends a run that was decided on from an object that has changed since: what is left is decided on anew.
var errOutdated = errors.New("the Webhook has changed meanwhile")

// undoCreate removes a webhook that this run created but nobody owns. One that was taken over is left alone.
func (r *run) undoCreate(ctx context.Context, why string) error {
	r.memory.forget(r.key())
	defer r.fleet.Release(r.facts.id, r.owner())
	if !r.created {
		return errTaken
	}
	if err := r.deleteAtOnce(ctx, r.remote.ID); err != nil {
		return fmt.Errorf("the webhook %s, created just now, is left over, because %s and deleting it failed: %w",
			r.remote.ID, why, err)
	}
	return fmt.Errorf("deleted the webhook created just now, because %s", why)
}

// deleteAtOnce waits for a place within the rate limit: nobody will come back for this webhook.
func (r *run) deleteAtOnce(ctx context.Context, id string) error {
	ctx = platform.WithTurn(ctx, platform.Turn{Lane: platform.Finishing, Caller: string(r.owner())})
	for {
		err := r.fleet.Delete(ctx, id)
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

func (r *run) update(remote context.Context) error {
	patch := r.plan.patch
	if r.plan.sendSecret {
		patch.Secret = r.facts.secret.value
	}
	if patch.Empty() {
		return nil
	}
	if r.plan.sendSecret {
		r.memory.sending(r.key(), r.object().UID)
	}
	updated, err := r.fleet.Update(remote, r.facts.id, patch)
	if err != nil {
		r.doubt(err)
		return err
	}
	r.remote = &updated
	r.secretSent = r.secretSent || r.plan.sendSecret
	r.reactivated = r.plan.cause == causeReactivate
	r.announceUpdate()
	return r.compare(patch, updated)
}

// compare looks at what is left to do after an update. The picture has the answer already, so no list will tell of it:
// what the update did not speak of, but somebody had changed since the last list, is decided on at once.
func (r *run) compare(patch platform.Patch, updated platform.Webhook) error {
	if r.facts.generation != r.object().Generation {
		return nil // there is more to come anyway
	}
	if patch.Active != nil && updated.Active != *patch.Active {
		return errIgnored
	}
	left := difference(r.object(), updated)
	if !left.Empty() && (patch.CallbackURL != "" || patch.EventTypes != nil) {
		return errKept
	}
	turned := patch.Active == nil && r.facts.presence == fleet.Present && updated.Active != r.facts.remote.Active
	if turned || !left.Empty() {
		r.plan.verdict = verdict{silent: true, retry: again}
	}
	return nil
}

// errIgnored is an activation, or the opposite, that the platform accepted without doing it: it may do it later.
var errIgnored = errors.New("the platform accepted the change of active but has not made it yet")

var errKept = errors.New("the platform accepted the change but kept another callbackUrl or other eventTypes")

func (r *run) delete(remote context.Context) error {
	if r.plan.target != r.facts.id {
		return r.deleteOrphan(remote)
	}
	return r.deleteTarget(remote)
}

// deleteOrphan deletes what an interrupted create left behind, if nobody else took it for theirs since it was found: of
// several that look alike each is deleted by one object, or one of them would be left over.
func (r *run) deleteOrphan(remote context.Context) error {
	if !r.fleet.Claim(r.plan.target, r.owner()) {
		return errTaken
	}
	err := errTaken
	if _, presence := r.fleet.Lookup(r.plan.target); presence == fleet.Present {
		err = r.deleteTarget(remote)
	}
	if err != nil {
		r.fleet.Release(r.plan.target, r.owner())
	}
	return err
}

func (r *run) deleteTarget(remote context.Context) error {
	if err := r.fleet.Delete(remote, r.plan.target); err != nil {
		return err
	}
	r.event("Deleted", "Delete", "Deleted remote webhook %s", r.plan.target)
	return nil
}

func (r *run) removeFinalizer(ctx context.Context) error {
	err := r.patchMetadata(ctx, func(w *v1alpha1.Webhook) {
		controllerutil.RemoveFinalizer(w, v1alpha1.WebhookFinalizer)
	})
	if client.IgnoreNotFound(err) != nil {
		return err
	}
	r.memory.forget(r.key())
	if r.fleet != nil {
		r.fleet.Release(r.facts.id, r.owner())
		r.fleet.Release(r.plan.target, r.owner())
	}
	return nil
}

package webhook

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
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
	// secret is the Secret that the value of the signing secret was read from; nil while it was not read.
	secret *corev1.Secret
	// observed is true when all facts were gathered.
	observed bool
	// replacesUnknownSecret is true when the first secret that is sent replaces one that receivers verify with.
	replacesUnknownSecret bool
	// suspended is true when the spec that was decided about suspends the object. A deletion is carried out all the same.
	suspended bool

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
func newExecutor(r *Reconciler, log logr.Logger, o *observation, p plan.Plan) *executor {
	f := o.facts
	e := &executor{
		reconciler: r, kube: r.Kube, live: r.Live, recorder: r.Recorder, clock: r.Clock, entry: r.ledger.Of(f.Webhook),
		operatorKey: r.Key, log: log, plan: p, via: map[string]fleet.Writer{},
		secret: o.secret, observed: o.complete, replacesUnknownSecret: f.ReplacesUnknownSecret(),
		suspended: f.Webhook.Spec.Suspend && f.Webhook.DeletionTimestamp.IsZero(),
	}
	for account, member := range o.via {
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
	// Remote calls outlive the manager's shutdown, which waits for them: their outcome would be unknown otherwise.
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
	if e.outcome.Suspended {
		// Ready stays as it was: nothing would change it again before the object is resumed.
		v.Suspended, v.Why = true, cmp.Or(v.Why, v.Message)
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
	return platform.Priority{
		Class: class(e.facts, e.plan), Caller: string(e.owner()), Edit: e.facts.Generation, Group: e.object().Namespace,
	}
}

// class lets what a person asked for overtake what the operator does by itself, and what is half done both.
func class(f plan.Facts, p plan.Plan) platform.Class {
	if f.CreatedUnreported() {
		return platform.Finishing
	}
	byItself := p.Cause == plan.CauseReactivation || p.Cause == plan.CauseDrift || p.Cause == plan.CauseNone
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
	case plan.WriteSecretMetadata:
		return e.writeSecretMetadata(ctx)
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
	case plan.NoteSecret:
		return e.noteSecret(ctx)
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

func objectKey(w *itwinv1alpha1.Webhook) client.ObjectKey { return client.ObjectKeyFromObject(w) }

func (e *executor) now() time.Time { return e.clock.Now() }

func (e *executor) object() *itwinv1alpha1.Webhook { return e.facts.Webhook }

// target is the connection that spec.connectionRef names; nil while it is not connected.
func (e *executor) target() fleet.Writer { return e.via[e.facts.Connection.Account] }

// holder is the connection to the account of the remote webhook that the object owns, or asks to import.
func (e *executor) holder() fleet.Writer {
	if e.facts.ID() == "" {
		return e.target()
	}
	return e.via[e.facts.Identity.Owned.Account]
}

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

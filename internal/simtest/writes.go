package simtest

import (
	"fmt"
	"strings"
	"time"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/webhook/plan"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

// writeChecker checks each write of a status by a process, when it is made: whatever happens next, or to whom, what it
// says was true when it was found out.
type writeChecker struct {
	simulation *simulation
	process    *process
	// found are the writes that broke an invariant, each with how.
	found *[]string
	name  string
}

// writeStatus writes a status as a process does.
func (p *process) writeStatus(o client.Object, patch client.Patch) error {
	c := p.simulation.cluster
	before := c.read(refOf(o))
	if err := c.patch(o, patch, true); err != nil {
		return err
	}
	check := writeChecker{
		simulation: p.simulation, process: p, found: &p.simulation.lies, name: kindOf(o) + " " + o.GetName(),
	}
	switch now := c.read(refOf(o)).(type) {
	case *itwinv1alpha1.Webhook:
		check.webhook(before.(*itwinv1alpha1.Webhook), now)
	case itwinv1alpha1.ConnectionObject:
		check.conditions(now, now.ConnectionStatus().ObservedGeneration, now.ConnectionStatus().Conditions)
	}
	return nil
}

func (c *writeChecker) violated(format string, args ...any) {
	*c.found = append(*c.found, fmt.Sprintf("%s at %s: ", c.name, time.Now().Format("15:04:05.000"))+
		fmt.Sprintf(format, args...))
}

func (c *writeChecker) webhook(before, now *itwinv1alpha1.Webhook) {
	c.conditions(now, now.Status.ObservedGeneration, now.Status.Conditions)
	if now.Status.ObservedGeneration < before.Status.ObservedGeneration {
		c.violated("observedGeneration fell from %d to %d", before.Status.ObservedGeneration, now.Status.ObservedGeneration)
	}
	if now.Status.Deactivations < before.Status.Deactivations {
		c.violated("deactivations fell from %d to %d", before.Status.Deactivations, now.Status.Deactivations)
	}
	if now.Status.WebhookID != before.Status.WebhookID {
		c.ownership(now)
	}
	c.remote(before, now)
}

// conditions checks what holds for the conditions of each kind.
func (c *writeChecker) conditions(o client.Object, observed int64, conditions []metav1.Condition) {
	is := func(name string) bool { return apimeta.IsStatusConditionTrue(conditions, name) }
	ready, stalled := is(itwinv1alpha1.ReadyCondition), is(itwinv1alpha1.StalledCondition)
	reconciling := is(itwinv1alpha1.ReconcilingCondition)
	if ready && (reconciling || stalled) || reconciling && stalled {
		c.violated("Ready, Reconciling and Stalled are %t, %t and %t", ready, reconciling, stalled)
	}
	if observed > o.GetGeneration() {
		c.violated("observedGeneration is %d of %d", observed, o.GetGeneration())
	}
	for _, condition := range conditions {
		if condition.ObservedGeneration > o.GetGeneration() {
			c.violated("observedGeneration of %s is %d of %d", condition.Type, condition.ObservedGeneration, o.GetGeneration())
		}
	}
	r, s := apimeta.FindStatusCondition(conditions, itwinv1alpha1.ReadyCondition),
		apimeta.FindStatusCondition(conditions, itwinv1alpha1.SuspendedCondition)
	if ready && r.ObservedGeneration != observed && s == nil && observed == o.GetGeneration() {
		c.violated("Ready is of generation %d, and the status of %d", r.ObservedGeneration, observed)
	}
	if s != nil && (reconciling || stalled || s.ObservedGeneration != observed) {
		c.violated("Suspended is of generation %d, the status of %d, and Reconciling and Stalled are %t and %t",
			s.ObservedGeneration, observed, reconciling, stalled)
	}
}

// ownership checks that a status names no remote webhook that another Webhook has, or that no Webhook may touch.
func (c *writeChecker) ownership(now *itwinv1alpha1.Webhook) {
	id := platform.CanonicalID(now.Status.WebhookID)
	if id == "" {
		return
	}
	for foreign := range c.simulation.foreignWebhooks {
		if platform.CanonicalID(foreign) == id {
			c.violated("webhookId is the foreign %s", id)
		}
	}
	for _, other := range c.simulation.cluster.webhooks() {
		if other.UID != now.UID && platform.SameID(other.Status.WebhookID, id) && other.Status.Account == now.Status.Account {
			c.violated("webhookId is %s, which %s has", id, other.Name)
		}
	}
}

// remote compares what a status says of the remote webhook with what that has been since the process that writes was
// told of it.
func (c *writeChecker) remote(before, now *itwinv1alpha1.Webhook) {
	id, since := now.Status.WebhookID, c.process.toldSince(now)
	history := c.simulation.remoteHistory
	ready := apimeta.FindStatusCondition(now.Status.Conditions, itwinv1alpha1.ReadyCondition)
	inSync := ready != nil && ready.Status == metav1.ConditionTrue && ready.ObservedGeneration == now.Generation
	if inSync && !history.ever(id, since, func(r remoteState) bool { return carriesOut(r, now) }) {
		c.violated("Ready is True, and since %s remote webhook %s was never as the spec says",
			since.Format("15:04:05.000"), id)
	}
	if inSync && saysActive(now) && !now.WantsActive() {
		c.violated("Ready and Active are True, and the spec's active is false")
	}
	// A write about something else leaves Active as it is, though the platform may not have answered since.
	said := inSync || before.Status.WebhookID != id || !saysActive(before)
	if said && saysActive(now) && !history.ever(id, since, func(r remoteState) bool { return r.Active }) {
		c.violated("Active is True, and since %s remote webhook %s was never active", since.Format("15:04:05.000"), id)
	}
}

func saysActive(w *itwinv1alpha1.Webhook) bool {
	return apimeta.IsStatusConditionTrue(w.Status.Conditions, itwinv1alpha1.ActiveCondition)
}

// carriesOut reports whether a remote webhook is as a spec says.
func carriesOut(r remoteState, w *itwinv1alpha1.Webhook) bool {
	spelled := r.CallbackURL == w.Spec.CallbackURL || plan.SameURL(r.CallbackURL, w.Spec.CallbackURL) ||
		w.Status.SentCallbackURL == w.Spec.CallbackURL && plan.SameURL(r.CallbackURL, w.Status.CallbackURL)
	return spelled && r.Active == w.WantsActive() && plan.SameSet(r.EventTypes, w.Spec.EventTypes) &&
		r.Scope == string(w.Spec.Scope) && r.ScopeID == w.Spec.ScopeID
}

// maxAnswer is how long an answer may be on its way: what a process knows may be that much older than the list that did
// not overrule it.
const maxAnswer = platform.DefaultRequestTimeout

// toldSince is when the oldest answer was given that a process may still go by when it reports of a Webhook.
func (p *process) toldSince(w *itwinv1alpha1.Webhook) time.Time {
	known := p.known[item{webhookController, client.ObjectKeyFromObject(w)}]
	since, listed := known[w.Status.Account]
	if !listed {
		since = p.started
	}
	return since.Add(-maxAnswer)
}

// noteKnown notes, when a reconcile begins, when the snapshot of each account began.
func (p *process) noteKnown(i item) {
	known := map[string]time.Time{}
	p.webhooks.Fleets.EachAccount(func(f *fleet.Fleet) {
		if age := f.Age(); age >= 0 {
			known[f.Account()] = time.Now().Add(-age)
		}
	})
	p.known[i] = known
}

// story is the writes of an object's status, for a test that fails.
func (w *simulation) story() string {
	var text strings.Builder
	for _, c := range w.cluster.history {
		o, is := c.changed.(*itwinv1alpha1.Webhook)
		if !is {
			continue
		}
		fmt.Fprintf(&text, "%s %s generation %d, observed %d, webhook %q, deactivations %d: %s\n", o.ResourceVersion, o.Name,
			o.Generation, o.Status.ObservedGeneration, o.Status.WebhookID, o.Status.Deactivations, said(o.Status.Conditions))
	}
	for id, states := range w.remoteHistory {
		for _, s := range states {
			fmt.Fprintf(&text, "remote %s from %s: exists %t, active %t, %s, %v\n", id, s.from.Format("15:04:05.000"), s.exists,
				s.Active, s.CallbackURL, s.EventTypes)
		}
	}
	return text.String()
}

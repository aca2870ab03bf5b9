package simtest

import (
	"fmt"
	"reflect"

	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/webhook/plan"
	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/simulator"
)

// violations tells what of the operator's promises does not hold now, when all should have settled.
func (w *simulation) violations() []string {
	c := &checker{simulation: w, remote: map[string]simulator.Webhook{}}
	for _, r := range w.remotes() {
		c.remote[platform.CanonicalID(r.ID)] = r
	}
	objects := w.cluster.webhooks()
	for _, o := range objects {
		c.webhook(o)
	}
	for id, r := range c.remote {
		if !r.Active {
			c.violated("inactive remote webhook %s to %s belongs to no Webhook", id, r.CallbackURL)
			continue
		}
		c.violated("remote webhook %s to %s belongs to no Webhook", id, r.CallbackURL)
	}
	c.foreignWebhooks()
	c.connection(len(objects))
	return c.found
}

// checker collects what is wrong. Remote webhooks that were found to belong to an object are struck off.
type checker struct {
	simulation *simulation
	remote     map[string]simulator.Webhook
	found      []string
}

func (c *checker) violated(format string, args ...any) {
	c.found = append(c.found, fmt.Sprintf(format, args...))
}

// same reports two things that should be equal.
func (c *checker) same(what string, got, want any) {
	if !reflect.DeepEqual(got, want) {
		c.violated("%s is %v, not %v", what, got, want)
	}
}

func (c *checker) webhook(w *itwinv1alpha1.Webhook) {
	if !w.DeletionTimestamp.IsZero() {
		c.violated("%s was not let go: %s", w.Name, said(w.Status.Conditions))
		return
	}
	id := platform.CanonicalID(w.Status.WebhookID)
	r, found := c.remote[id]
	if !found {
		c.violated("%s has no remote webhook of its own (%q): %s", w.Name, id, said(w.Status.Conditions))
		return
	}
	delete(c.remote, id)
	c.spec(w, r)
	c.status(w)
	c.secret(w, r)
}

// spec compares the remote webhook with what is wanted.
func (c *checker) spec(w *itwinv1alpha1.Webhook, r simulator.Webhook) {
	c.same("callbackUrl of "+w.Name, r.CallbackURL, w.Spec.CallbackURL)
	c.same("eventTypes of "+w.Name, plan.SameSet(r.EventTypes, w.Spec.EventTypes), true)
	c.same("scope of "+w.Name, r.Scope+" "+r.ScopeID, string(w.Spec.Scope)+" "+w.Spec.ScopeID)
	c.same("active of "+w.Name, r.Active, w.WantsActive())
}

func (c *checker) status(w *itwinv1alpha1.Webhook) {
	active := "False/" + itwinv1alpha1.InactiveReason
	if w.WantsActive() {
		active = "True/" + itwinv1alpha1.ActiveReason
	}
	c.same("conditions of "+w.Name, said(w.Status.Conditions), "Active="+active+" Ready=True/"+itwinv1alpha1.InSyncReason)
	c.same("observedGeneration of "+w.Name, w.Status.ObservedGeneration, w.Generation)
	c.same("status.active of "+w.Name, w.Status.Active != nil && *w.Status.Active, w.WantsActive())
	c.same("annotation of "+w.Name, platform.CanonicalID(w.Annotations[itwinv1alpha1.WebhookIDAnnotation]),
		platform.CanonicalID(w.Status.WebhookID))
	c.same("finalizers of "+w.Name, w.Finalizers, []string{itwinv1alpha1.WebhookFinalizer})
}

// said is the conditions in one line, in the order of the alphabet.
func said(conditions []metav1.Condition) (text string) {
	types := []string{
		itwinv1alpha1.ActiveCondition,
		itwinv1alpha1.ReadyCondition,
		itwinv1alpha1.ReconcilingCondition,
		itwinv1alpha1.StalledCondition,
		itwinv1alpha1.SuspendedCondition,
	}
	for _, t := range types {
		if found := apimeta.FindStatusCondition(conditions, t); found != nil {
			if text != "" {
				text += " "
			}
			text += fmt.Sprintf("%s=%s/%s", t, found.Status, found.Reason)
		}
	}
	return text
}

// secret compares the signing secret of both sides, and what the status says of it.
func (c *checker) secret(w *itwinv1alpha1.Webhook, r simulator.Webhook) {
	used := w.SigningSecret()
	key := client.ObjectKey{Namespace: w.Namespace, Name: used.Name}
	secret, found := c.simulation.cluster.read(ref{kindSecret, key}).(*corev1.Secret)
	if known := c.simulation.importedSecrets[r.ID]; known != "" && w.GeneratesSecret() && w.Status.SecretName == "" {
		c.same("secret of the untouched import "+w.Name, r.Secret, known)
		return
	}
	if !found {
		c.violated("%s has no Secret", w.Name)
		return
	}
	c.same("secret of "+w.Name, r.Secret, string(secret.Data[used.Key]))
	c.same("secretName of "+w.Name, w.Status.SecretName, secret.Name)
	c.same("secretVersion of "+w.Name, w.Status.SecretVersion, secret.ResourceVersion)
	if w.GeneratesSecret() {
		c.same("owner of the Secret of "+w.Name, metav1.IsControlledBy(secret, w), true)
	}
}

// foreignWebhooks must be as they were.
func (c *checker) foreignWebhooks() {
	now := map[string]simulator.Webhook{}
	for _, r := range c.simulation.platform.Webhooks() {
		now[r.ID] = r
	}
	for id, before := range c.simulation.foreignWebhooks {
		if c.simulation.restless {
			before.Modified = now[id].Modified
		}
		c.same("foreign "+id, now[id], before)
	}
}

// connection must have counted everything.
func (c *checker) connection(webhooks int) {
	name := ref{kindConnection, keyed(crashConnection)}
	status := c.simulation.cluster.read(name).(*itwinv1alpha1.Connection).Status
	c.same("conditions of the connection", said(status.Conditions), "Ready=True/"+itwinv1alpha1.ConnectedReason)
	c.same("webhooks of the connection", counted(status.Webhooks), webhooks)
	c.same("unmanagedWebhooks of the connection", counted(status.UnmanagedWebhooks), len(c.simulation.foreignWebhooks))
}

func counted(n *int32) int {
	if n == nil {
		return -1
	}
	return int(*n)
}

package chaos

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/simulator"
)

// state is what both sides hold at one moment.
type state struct {
	webhooks []*itwinv1alpha1.Webhook
	// secrets by name.
	secrets map[string]corev1.Secret
	remotes []simulator.Webhook
}

// difference is one thing that is not as it should be.
type difference struct {
	// about is the name of a Webhook, or the id of a remote webhook that belongs to none.
	about, what string
}

func (d difference) String() string { return d.about + ": " + d.what }

// look reads both sides.
func (w *scene) look(ctx context.Context) (*state, error) {
	var webhooks itwinv1alpha1.WebhookList
	if err := plane.Client.List(ctx, &webhooks, client.InNamespace(w.namespace)); err != nil {
		return nil, err
	}
	var secrets corev1.SecretList
	if err := plane.Client.List(ctx, &secrets, client.InNamespace(w.namespace)); err != nil {
		return nil, err
	}
	remotes, err := w.platform.Webhooks(ctx)
	if err != nil {
		return nil, err
	}
	s := &state{
		webhooks: webhooks.Items, secrets: map[string]corev1.Secret{}, remotes: slices.DeleteFunc(remotes, w.foreign),
	}
	for _, secret := range secrets.Items {
		s.secrets[secret.Name] = secret
	}
	return s, nil
}

// differences are all that keeps the two sides from being one: every Webhook has its own remote webhook, equal to its
// spec and signed with its Secret, says so, and there are no others.
func (s *state) differences() (all []difference) {
	remotes := map[string]*simulator.Webhook{}
	for i := range s.remotes {
		remotes[s.remotes[i].ID] = &s.remotes[i]
	}
	owners := map[string]string{}
	for _, w := range s.webhooks {
		remote := remotes[w.Status.WebhookID]
		found := append(problemsOf(w), s.mismatches(w, remote)...)
		if other := owners[w.Status.WebhookID]; other != "" {
			found = append(found, "has the same remote webhook as "+other)
		}
		owners[w.Status.WebhookID] = w.Name
		for _, what := range found {
			all = append(all, difference{w.Name, what})
		}
	}
	for id, remote := range remotes {
		if owners[id] == "" {
			all = append(all, difference{id, "belongs to no Webhook; it was created at " + remote.Created.UTC().Format("15:04:05.000") +
				" for " + remote.CallbackURL})
		}
	}
	slices.SortFunc(all, func(a, b difference) int { return strings.Compare(a.String(), b.String()) })
	return all
}

// problemsOf are what a Webhook itself says is not well, or should say and does not.
func problemsOf(w *itwinv1alpha1.Webhook) (found []string) {
	if !w.DeletionTimestamp.IsZero() {
		found = append(found, "is still being deleted")
	}
	if w.Status.ObservedGeneration != w.Generation {
		found = append(found, fmt.Sprintf("is at generation %d but was observed at %d", w.Generation, w.Status.ObservedGeneration))
	}
	ready := apimeta.FindStatusCondition(w.Status.Conditions, itwinv1alpha1.ReadyCondition)
	switch {
	case ready == nil:
		found = append(found, "has no condition Ready")
	case ready.Status != metav1.ConditionTrue:
		found = append(found, fmt.Sprintf("is not ready: %s: %s", ready.Reason, ready.Message))
	case ready.ObservedGeneration != w.Generation:
		found = append(found, fmt.Sprintf("was ready at generation %d, not %d", ready.ObservedGeneration, w.Generation))
	}
	if written := w.Annotations[itwinv1alpha1.WebhookIDAnnotation]; written != w.Status.WebhookID {
		found = append(found, fmt.Sprintf("has %q written down but %q in its status", written, w.Status.WebhookID))
	}
	return found
}

// mismatches are in what a Webhook and its remote webhook differ.
func (s *state) mismatches(w *itwinv1alpha1.Webhook, remote *simulator.Webhook) (found []string) {
	if remote == nil {
		return []string{fmt.Sprintf("has no remote webhook %q", w.Status.WebhookID)}
	}
	compare := func(what string, got, want any) {
		if got != want {
			found = append(found, fmt.Sprintf("%s of %s is %v, not %v", what, remote.ID, got, want))
		}
	}
	compare("callbackUrl", remote.CallbackURL, w.Spec.CallbackURL)
	compare("scope", remote.Scope, string(w.Spec.Scope))
	if w.Spec.Scope == itwinv1alpha1.ITwinScope {
		compare("scopeId", remote.ScopeID, w.Spec.ScopeID)
	}
	compare("eventTypes", sorted(remote.EventTypes), sorted(w.Spec.EventTypes))
	compare("active", remote.Active, w.WantsActive())
	if w.Status.Active == nil {
		found = append(found, "does not know whether it is active")
	} else {
		compare("status.active", *w.Status.Active, remote.Active)
	}
	ref := w.SigningSecret()
	compare("secret", remote.Secret, string(s.secrets[ref.Name].Data[ref.Key]))
	return found
}

func sorted(s []string) string { return strings.Join(slices.Sorted(slices.Values(s)), " ") }

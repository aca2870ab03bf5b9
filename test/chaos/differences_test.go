package chaos

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/simulator"
)

// settled is a state in which all is well.
func settled() *state {
	w := itwinv1alpha1.Webhook{
		ObjectMeta: metav1.ObjectMeta{
			Name: "one", Generation: 2, Annotations: map[string]string{itwinv1alpha1.WebhookIDAnnotation: "id-1"},
		},
		Spec: itwinv1alpha1.WebhookSpec{
			CallbackURL: "https://example.com", Scope: itwinv1alpha1.ITwinScope, ScopeID: iTwin, EventTypes: []string{"a", "b"},
			SecretRef: &itwinv1alpha1.SecretKeyReference{Name: "own", Key: "secret"},
		},
		Status: itwinv1alpha1.WebhookStatus{
			ObservedGeneration: 2, WebhookID: "id-1", Active: new(true),
			Conditions: []metav1.Condition{{
				Type: itwinv1alpha1.ReadyCondition, Status: metav1.ConditionTrue, ObservedGeneration: 2,
			}},
		},
	}
	remote := simulator.Webhook{
		ID: "id-1", Scope: "iTwin", ScopeID: iTwin, Active: true, CallbackURL: "https://example.com",
		EventTypes: []string{"b", "a"}, Secret: "test-secret",
	}
	own := corev1.Secret{Data: map[string][]byte{"secret": []byte("test-secret")}}
	return &state{
		webhooks: []*itwinv1alpha1.Webhook{&w}, remotes: []simulator.Webhook{remote},
		secrets: map[string]corev1.Secret{"own": own},
	}
}

func TestSettledStateHasNoDifferences(t *testing.T) {
	if found := settled().differences(); len(found) > 0 {
		t.Error(found)
	}
}

func TestEveryDifferenceIsFound(t *testing.T) {
	for want, spoil := range map[string]func(s *state){
		"one: has no remote webhook":       func(s *state) { s.remotes = nil },
		"id-2: belongs to no Webhook":      func(s *state) { s.remotes = append(s.remotes, simulator.Webhook{ID: "id-2"}) },
		"id-1: belongs to no Webhook":      func(s *state) { s.webhooks = nil },
		"one: has the same remote":         func(s *state) { s.webhooks = append(s.webhooks, s.webhooks[0]) },
		"one: callbackUrl of id-1":         func(s *state) { s.remotes[0].CallbackURL = "https://example.org" },
		"one: scope of id-1":               func(s *state) { s.remotes[0].Scope = "Account" },
		"one: scopeId of id-1":             func(s *state) { s.remotes[0].ScopeID = "another" },
		"one: eventTypes of id-1":          func(s *state) { s.remotes[0].EventTypes = []string{"a"} },
		"one: active of id-1":              func(s *state) { s.remotes[0].Active = false },
		"one: status.active of id-1":       func(s *state) { s.webhooks[0].Status.Active = new(false) },
		"one: does not know whether":       func(s *state) { s.webhooks[0].Status.Active = nil },
		"one: secret of id-1":              func(s *state) { s.remotes[0].Secret = "other" },
		"one: is at generation 3":          func(s *state) { s.webhooks[0].Generation = 3 },
		"one: was ready at generation 2":   func(s *state) { s.webhooks[0].Generation = 3 },
		"one: has no condition Ready":      func(s *state) { s.webhooks[0].Status.Conditions = nil },
		"one: is not ready":                func(s *state) { s.webhooks[0].Status.Conditions[0].Status = metav1.ConditionFalse },
		"one: is still being deleted":      func(s *state) { s.webhooks[0].DeletionTimestamp = &metav1.Time{Time: time.Now()} },
		`one: has "" written down but "id`: func(s *state) { s.webhooks[0].Annotations = nil },
	} {
		t.Run(want, func(t *testing.T) {
			s := settled()
			spoil(s)
			for _, d := range s.differences() {
				if strings.HasPrefix(d.String(), want) {
					return
				}
			}
			t.Errorf("found only %v", s.differences())
		})
	}
}

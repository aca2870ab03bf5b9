package status

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/advice"
)

// webhook is one that is in sync, but for changes.
func webhook(changes ...func(*itwinv1alpha1.Webhook)) *itwinv1alpha1.Webhook {
	w := &itwinv1alpha1.Webhook{
		ObjectMeta: metav1.ObjectMeta{Namespace: "digital-twin", Name: "model-events", Generation: 2},
		Spec:       itwinv1alpha1.WebhookSpec{CallbackURL: "https://hooks.example.com:8443/itwin?token=hidden"},
		Status: itwinv1alpha1.WebhookStatus{
			ObservedGeneration: 2,
			Conditions: []metav1.Condition{
				{Type: "Ready", Status: "True", Reason: "InSync"}, {Type: "Active", Status: "True", Reason: "Active"},
			},
		},
	}
	for _, change := range changes {
		change(w)
	}
	return w
}

func ready(reason string) func(*itwinv1alpha1.Webhook) {
	return func(w *itwinv1alpha1.Webhook) {
		w.Status.Conditions[0] = metav1.Condition{Type: "Ready", Status: "False", Reason: reason}
	}
}

func active(reason string) func(*itwinv1alpha1.Webhook) {
	return func(w *itwinv1alpha1.Webhook) {
		w.Status.Conditions[1] = metav1.Condition{
			Type: "Active", Status: "False", Reason: reason, LastTransitionTime: metav1.NewTime(time.Unix(100, 0)),
		}
	}
}

func TestTheNextStepIsThatOfTheConditionThatMattersMost(t *testing.T) {
	left := func(w *itwinv1alpha1.Webhook) {
		w.Status.Conditions = append(w.Status.Conditions, metav1.Condition{
			Type: "LeftBehind", Status: "True", Reason: "LeftBehind",
		})
	}
	suspended := func(w *itwinv1alpha1.Webhook) { w.Spec.Suspend = true }
	deleted := func(w *itwinv1alpha1.Webhook) { w.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)} }
	for name, c := range map[string]struct {
		webhook           *itwinv1alpha1.Webhook
		condition, reason string
	}{
		"in sync":                          {webhook(), "Ready", "InSync"},
		"off because the spec says so":     {webhook(active("Inactive")), "Ready", "InSync"},
		"not ready":                        {webhook(ready("Refused"), active("Inactive")), "Ready", "Refused"},
		"not ready and turned off":         {webhook(ready("SecretInvalid"), active("Deactivated")), "Ready", "SecretInvalid"},
		"ready and turned off":             {webhook(active("Deactivated")), "Active", "Deactivated"},
		"ready with a webhook left":        {webhook(left), "LeftBehind", "LeftBehind"},
		"suspended and not ready":          {webhook(suspended, ready("Refused")), "Suspended", "Suspended"},
		"suspended and being deleted":      {webhook(suspended, deleted), "Ready", "Deleting"},
		"ready for the spec of before":     {webhook(func(w *itwinv1alpha1.Webhook) { w.Generation = 3 }), "Ready", ""},
		"without any condition":            {webhook(func(w *itwinv1alpha1.Webhook) { w.Status.Conditions = nil }), "Ready", ""},
		"with a reason of a later version": {webhook(ready("FromTheFuture")), "Ready", "FromTheFuture"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			a := adviceOn(c.webhook)
			g.Expect(a).To(Equal(advice.About(advice.Webhook, c.condition, c.reason)))
			row := RowOf(c.webhook)
			if a.Next == "" {
				g.Expect(row.NextStep).To(Equal("InSync"))
				g.Expect(row.Commands).To(BeEmpty())
				return
			}
			g.Expect(row.NextStep).NotTo(Or(BeEmpty(), Equal("InSync")))
			g.Expect(row.Commands).NotTo(BeEmpty())
		})
	}
}

func TestARowShowsTheHostOfTheCallbackAlone(t *testing.T) {
	g := NewWithT(t)
	g.Expect(RowOf(webhook()).CallbackHost).To(Equal("hooks.example.com:8443"))
}

func TestOffSinceIsThePlatformsTimeOrTheOperators(t *testing.T) {
	g := NewWithT(t)
	g.Expect(RowOf(webhook()).OffSince).To(BeNil())
	g.Expect(RowOf(webhook(active("Inactive"))).OffSince).To(HaveValue(Equal(time.Unix(100, 0).UTC())))
	noticed := webhook(active("Deactivated"), func(w *itwinv1alpha1.Webhook) {
		w.Status.LastDeactivationTime = &metav1.MicroTime{Time: time.Unix(50, 0)}
	})
	g.Expect(RowOf(noticed).OffSince).To(HaveValue(Equal(time.Unix(50, 0).UTC())))
}

func TestCommandsNameTheObject(t *testing.T) {
	g := NewWithT(t)
	row := RowOf(webhook(ready("SecretNotFound"), func(w *itwinv1alpha1.Webhook) {
		w.Spec.SecretRef = &itwinv1alpha1.SecretKeyReference{Name: "hmac", Key: "value"}
	}))
	g.Expect(row.NextStep).To(ContainSubstring("Secret hmac with key value"))
	g.Expect(row.Commands).To(ConsistOf(
		`kubectl -n digital-twin create secret generic hmac --from-literal=value="$(openssl rand -hex 32)"`))
}

package status

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/advice"
)

var now = time.Unix(10000, 0)

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
			a := adviceOn(c.webhook, now)
			g.Expect(a).To(Equal(advice.About(advice.Webhook, c.condition, c.reason)))
			row := RowOf(c.webhook, now)
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
	g.Expect(RowOf(webhook(), now).CallbackHost).To(Equal("hooks.example.com:8443"))
}

func TestOffSinceIsOfWebhooksThatWereTurnedOffOnThePlatform(t *testing.T) {
	g := NewWithT(t)
	g.Expect(RowOf(webhook(), now).OffSince).To(BeNil())
	g.Expect(RowOf(webhook(active("Inactive")), now).OffSince).To(BeNil())
	g.Expect(RowOf(webhook(active("Deactivated")), now).OffSince).To(HaveValue(Equal(time.Unix(100, 0).UTC())))
	noticed := webhook(active("Deactivated"), func(w *itwinv1alpha1.Webhook) {
		w.Status.LastDeactivationTime = &metav1.MicroTime{Time: time.Unix(50, 0)}
	})
	g.Expect(RowOf(noticed, now).OffSince).To(HaveValue(Equal(time.Unix(50, 0).UTC())))
}

func TestCommandsNameTheObject(t *testing.T) {
	g := NewWithT(t)
	row := RowOf(webhook(ready("SecretNotFound"), func(w *itwinv1alpha1.Webhook) {
		w.Spec.SecretRef = &itwinv1alpha1.SecretKeyReference{Name: "hmac", Key: "value"}
	}), now)
	g.Expect(row.NextStep).To(ContainSubstring("Secret hmac with key value"))
	g.Expect(row.Commands).To(ConsistOf(
		`kubectl -n digital-twin create secret generic hmac --from-literal=value="$(openssl rand -hex 32)"`))
}

// The receivers of an import have a secret already: another one would make them refuse every event.
func TestTheSecretOfAnImportIsThatOfItsReceivers(t *testing.T) {
	g := NewWithT(t)
	row := RowOf(webhook(ready("SecretNotFound"), func(w *itwinv1alpha1.Webhook) {
		w.Spec.WebhookID = "e6989b43-53ab-45e2-a610-560c6f7e879e"
		w.Spec.SecretRef = &itwinv1alpha1.SecretKeyReference{Name: "hmac", Key: "value"}
	}), now)
	g.Expect(row.NextStep).To(Equal("Create Secret hmac with the secret that the receivers have as key value"))
	g.Expect(row.Commands).To(ConsistOf(
		"kubectl -n digital-twin create secret generic hmac --from-file=value=secret-of-the-receivers.txt"))
}

// requested asks for a reconciliation at a time.
func requested(at string) func(*itwinv1alpha1.Webhook) {
	return func(w *itwinv1alpha1.Webhook) {
		w.Annotations = map[string]string{itwinv1alpha1.ReconcileRequestedAtAnnotation: at}
		w.Status.LastHandledReconcileAt = now.Add(-time.Hour).Format(time.RFC3339Nano)
	}
}

func TestANextStepOfItsOwn(t *testing.T) {
	ago := func(d time.Duration) string { return now.Add(-d).Format(time.RFC3339Nano) }
	imported := func(w *itwinv1alpha1.Webhook) { w.Status.WebhookID = "e6989b43-53ab-45e2-a610-560c6f7e879e" }
	referring := func(w *itwinv1alpha1.Webhook) { w.Spec.SecretRef = &itwinv1alpha1.SecretKeyReference{Name: "hmac"} }
	suspended := func(w *itwinv1alpha1.Webhook) { w.Spec.Suspend = true }
	for name, c := range map[string]struct {
		webhook *itwinv1alpha1.Webhook
		step    string
	}{
		"a request of a minute ago":              {webhook(requested(ago(time.Minute))), "has not answered"},
		"a request of another form":              {webhook(requested("now")), "has not answered"},
		"a request of a moment ago":              {webhook(requested(ago(time.Second))), "InSync"},
		"a request that was answered":            {webhook(requested(ago(time.Hour))), "InSync"},
		"a request to one that is off":           {webhook(ready("Deactivated"), requested("now")), "has not answered"},
		"a request to one that waits":            {webhook(ready("RateLimited"), requested("now")), "Wait"},
		"a request to a suspended one":           {webhook(suspended, requested("now")), "Set spec.suspend: false to go on"},
		"an import that is off":                  {webhook(ready("Deactivated"), imported), "Set secretRef to a Secret with the receivers'"},
		"an import with a secretRef that is off": {webhook(ready("Deactivated"), imported, referring), "Run `kubectl itwin test"},
		"suspended with a secretRef":             {webhook(suspended, referring), "when Secret hmac with key secret is in place"},
	} {
		t.Run(name, func(t *testing.T) {
			row := RowOf(c.webhook, now)
			NewWithT(t).Expect(row.NextStep).To(ContainSubstring(c.step))
			NewWithT(t).Expect(row.NextStep + strings.Join(row.Commands, "\n")).NotTo(MatchRegexp(`<[a-z]+>`))
		})
	}
}

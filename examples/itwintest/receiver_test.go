package receiver_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"

	receiver "example.com/receiver"
	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/itwintest"
	"webhook-operator.io/itwin/signature"
	"webhook-operator.io/itwin/simulator"
)

// newOperator starts an API server and the operator. envtest needs KUBEBUILDER_ASSETS, which names a folder with
// kube-apiserver and etcd.
func newOperator(t *testing.T) *itwintest.Operator {
	environment := &envtest.Environment{CRDs: itwintest.CRDs()}
	config, err := environment.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = environment.Stop() })
	// Time on the platform passes only when the test says so.
	return itwintest.Start(t, config, itwintest.Options{Platform: simulator.Options{StoppedClock: true}})
}

// apply makes the Webhook of our manifest, with the address of the test's receiver, and waits until it is Ready.
func apply(t *testing.T, operator *itwintest.Operator, callback string) *itwinv1alpha1.Webhook {
	manifest, err := os.ReadFile("manifests/webhook.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var webhook itwinv1alpha1.Webhook
	if err := yaml.UnmarshalStrict(manifest, &webhook); err != nil {
		t.Fatal(err)
	}
	webhook.Namespace, webhook.Spec.CallbackURL = "default", callback
	if err := operator.Client.Create(t.Context(), &webhook); err != nil {
		t.Fatal(err)
	}
	operator.AwaitReady(&webhook)
	return &webhook
}

// secretOf returns the signing secret that the operator keeps for a Webhook.
func secretOf(t *testing.T, operator *itwintest.Operator, webhook *itwinv1alpha1.Webhook) string {
	var secret corev1.Secret
	key := client.ObjectKey{Namespace: webhook.Namespace, Name: webhook.Status.SecretName}
	if err := operator.Client.Get(t.Context(), key, &secret); err != nil {
		t.Fatal(err)
	}
	return string(secret.Data["secret"])
}

// publish lets an iModel be deleted on the platform, and time pass.
func publish(t *testing.T, operator *itwintest.Operator, webhook *itwinv1alpha1.Webhook, passed time.Duration) {
	_, err := operator.Platform.Publish(simulator.Event{
		EventType: "iModels.iModelDeleted.v1", ITwinID: webhook.Spec.ScopeID,
	})
	if err != nil {
		t.Fatal(err)
	}
	// It returns when all that is due by then has been delivered.
	if _, err := operator.Platform.Advance(passed); err != nil {
		t.Fatal(err)
	}
}

func TestEventIsCounted(t *testing.T) {
	operator := newOperator(t)
	operator.Connect("default", "default")
	ours := &receiver.Receiver{}
	server := httptest.NewTLSServer(ours)
	t.Cleanup(server.Close)
	webhook := apply(t, operator, server.URL+"/itwin")
	ours.Secrets = signature.Static(secretOf(t, operator, webhook))

	publish(t, operator, webhook, 0)

	if got := ours.Deleted(); got != 1 {
		t.Errorf("%d deletions are counted: %+v", got, operator.Platform.Deliveries())
	}
}

func TestWebhookComesBackAfterThreeDaysOfFailures(t *testing.T) {
	operator := newOperator(t)
	operator.Connect("default", "default")
	ours := &receiver.Receiver{}
	handler := http.NotFoundHandler()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	webhook := apply(t, operator, server.URL+"/itwin")
	ours.Secrets = signature.Static(secretOf(t, operator, webhook))

	publish(t, operator, webhook, 72*time.Hour)
	operator.RequestReconcile(webhook)
	operator.Await(webhook, "reactivated after a deactivation", func() bool {
		return webhook.Status.Deactivations == 1 && webhook.Status.LastReactivationTime != nil
	})
	operator.AwaitReady(webhook)
	handler = ours
	publish(t, operator, webhook, 0)

	if got := ours.Deleted(); got != 1 {
		t.Errorf("%d deletions are counted: %+v", got, operator.Platform.Deliveries())
	}
}

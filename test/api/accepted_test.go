package api

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"testing"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

func TestAcceptance(t *testing.T) {
	every := table(t, "accepted", "every_connection")
	for _, kind := range []struct {
		name, base string
		rows       []row
	}{
		{"Webhook", webhook, slices.Concat(table(t, "accepted", "webhook"), longAcceptedWebhooks)},
		{"Connection", connection, every},
		{"ClusterConnection", clusterConnection, slices.Concat(every, table(t, "accepted", "clusterconnection"))},
	} {
		for _, row := range kind.rows {
			t.Run(kind.name+"/"+row.Name, func(t *testing.T) {
				object := manifest(t, kind.base, row.Before, row.Change)
				if err := k8s.Create(t.Context(), object, client.DryRunAll); err != nil {
					t.Fatal(err)
				}
				// What the API server accepts, the operator must be able to read.
				readable(t, object)
			})
		}
	}
}

// readable tells that the operator's own types and parsers take the object.
func readable(t *testing.T, object *unstructured.Unstructured) {
	t.Helper()
	g := NewWithT(t)
	parses := func(text string) {
		u, err := url.Parse(text)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(u.Hostname()).NotTo(BeEmpty())
		g.Expect(u.User).To(BeNil())
		g.Expect(u.Fragment).To(BeEmpty())
	}
	switch object.GetKind() {
	case "Webhook":
		typed := convert(t, object, &itwinv1alpha1.Webhook{})
		parses(typed.Spec.CallbackURL)
	default:
		typed := convert(t, object, &itwinv1alpha1.ClusterConnection{})
		parses(typed.Spec.APIURL)
		parses(typed.Spec.TokenURL)
		g.Expect(typed.Spec.PollInterval.Seconds()).To(And(BeNumerically(">=", 10), BeNumerically("<=", 24*60*60)))
		_, err := metav1.LabelSelectorAsSelector(typed.Spec.AllowedNamespaces)
		g.Expect(err).NotTo(HaveOccurred())
	}
}

func convert[T any](t *testing.T, object *unstructured.Unstructured, into T) T {
	t.Helper()
	converter := runtime.DefaultUnstructuredConverter
	if err := converter.FromUnstructuredWithValidation(object.Object, into, true); err != nil {
		t.Fatal(err)
	}
	return into
}

// TestDefaults compares whole objects, so that a default added or lost shows.
func TestDefaults(t *testing.T) {
	webhookSpec := map[string]any{
		"connectionRef":      map[string]any{"kind": "Connection", "name": "default"},
		"callbackUrl":        "https://hooks.example.com/itwin",
		"scope":              "Account",
		"eventTypes":         []any{"iModels.iModelDeleted.v1"},
		"active":             true,
		"reactivationPolicy": "Always",
		"deletionPolicy":     "Delete",
		"adoptionPolicy":     "Never",
		"suspend":            false,
	}
	connectionSpec := map[string]any{
		"apiUrl":               "https://api.bentley.com",
		"tokenUrl":             "https://ims.bentley.com/connect/token",
		"credentialsSecretRef": map[string]any{"name": "itwin-service-app"},
		"oauthScope":           "itwin-platform",
		"pollInterval":         "1m",
	}
	for _, c := range []struct{ name, base, given, adds string }{
		{"Webhook", webhook, "", ""},
		{"connectionRef in part", webhook,
			"connectionRef: {kind: ClusterConnection}", "connectionRef: {kind: ClusterConnection, name: default}"},
		{"secretRef in part", webhook, "secretRef: {name: hmac}", "secretRef: {name: hmac, key: secret}"},
		{"values that are like none", webhook, "active: false, suspend: null", "active: false"},
		{"Connection", connection, "", ""},
		{"rateLimit in part", connection,
			"rateLimit: {requestsPerHour: 5000}", "rateLimit: {requestsPerHour: 5000}"},
		{"caBundleSecretRef in part", connection,
			"caBundleSecretRef: {name: ca}", "caBundleSecretRef: {name: ca, key: ca.crt}"},
		{"ClusterConnection", clusterConnection, "", "credentialsSecretRef: {namespace: default}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			object := manifest(t, c.base, manifest(t, "spec: {"+c.given+"}").Object)
			want := connectionSpec
			if object.GetKind() == "Webhook" {
				want = webhookSpec
			}
			spec := MatchJSON(asJSON(t, merge(want, manifest(t, c.adds).Object)))
			// Only the operator reports: a status that comes with a manifest is dropped.
			g.Expect(unstructured.SetNestedField(object.Object, int64(7), "status", "observedGeneration")).To(Succeed())
			create(t, object)
			g.Expect(asJSON(t, object.Object["spec"])).To(spec)

			g.Expect(k8s.Get(t.Context(), client.ObjectKeyFromObject(object), object)).To(Succeed())
			g.Expect(asJSON(t, object.Object["spec"])).To(spec)
			g.Expect(object.Object["status"]).To(Equal(map[string]any{"observedGeneration": int64(-1)}))
		})
	}
}

func asJSON(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestDefaultsFromGo: an object that a program makes with the Go types is the same as the shortest manifest.
func TestDefaultsFromGo(t *testing.T) {
	g := NewWithT(t)
	scheme := runtime.NewScheme()
	g.Expect(itwinv1alpha1.AddToScheme(scheme)).To(Succeed())
	typed, err := client.New(plane.Config, client.Options{Scheme: scheme})
	g.Expect(err).NotTo(HaveOccurred())

	ctx := context.WithoutCancel(t.Context())
	cleanup := func(object client.Object) {
		t.Cleanup(func() { g.Expect(typed.Delete(ctx, object)).To(Succeed()) })
	}

	w := &itwinv1alpha1.Webhook{
		ObjectMeta: metav1.ObjectMeta{Name: "from-go", Namespace: "default"},
		Spec: itwinv1alpha1.WebhookSpec{CallbackURL: "https://hooks.example.com/itwin", Scope: itwinv1alpha1.AccountScope,
			EventTypes: []string{"iModels.iModelDeleted.v1"}},
	}
	g.Expect(typed.Create(t.Context(), w)).To(Succeed())
	cleanup(w)
	g.Expect(w.Spec).To(Equal(itwinv1alpha1.WebhookSpec{
		ConnectionRef: itwinv1alpha1.ConnectionReference{Kind: itwinv1alpha1.ConnectionKindNamespaced, Name: "default"},
		CallbackURL:   "https://hooks.example.com/itwin", Scope: itwinv1alpha1.AccountScope,
		EventTypes: []string{"iModels.iModelDeleted.v1"}, Active: new(true),
		ReactivationPolicy: itwinv1alpha1.ReactivateAlways, DeletionPolicy: itwinv1alpha1.DeleteRemote, AdoptionPolicy: itwinv1alpha1.AdoptNever,
	}))
	g.Expect(typed.Get(t.Context(), client.ObjectKeyFromObject(w), w)).To(Succeed())
	g.Expect(w.Status.ObservedGeneration).To(BeEquivalentTo(-1))

	c := &itwinv1alpha1.Connection{
		ObjectMeta: metav1.ObjectMeta{Name: "from-go", Namespace: "default"},
		Spec:       itwinv1alpha1.ConnectionSpec{CredentialsSecretRef: itwinv1alpha1.CredentialsReference{Name: "itwin-service-app"}},
	}
	g.Expect(typed.Create(t.Context(), c)).To(Succeed())
	cleanup(c)
	g.Expect(c.Spec.PollInterval.Duration.String()).To(Equal("1m0s"))
	g.Expect(c.Spec.RateLimit).To(BeZero(), "what the platform grants is not known")

	// A program that writes back what it read is not refused, and changes no Webhook.
	generation := w.Generation
	g.Expect(typed.Update(t.Context(), w)).To(Succeed())
	g.Expect(w.Generation).To(Equal(generation))
	g.Expect(typed.Update(t.Context(), c)).To(Succeed())
}

func TestUpdates(t *testing.T) {
	for _, row := range slices.Concat(table(t, "updates"), longUpdates) {
		t.Run(row.Name, func(t *testing.T) {
			object := manifest(t, webhook, row.Before)
			create(t, object)
			object.Object = merge(object.Object, row.Change)
			err := k8s.Update(t.Context(), object)
			switch {
			case row.Says == nil:
				NewWithT(t).Expect(err).NotTo(HaveOccurred())
			case !apierrors.IsInvalid(err):
				t.Errorf("the API server does not refuse the update: %v", err)
			default:
				NewWithT(t).Expect(complaints(err)).To(ConsistOf(row.Says))
			}
		})
	}
}

// TestAppliersShareEventTypes: eventTypes is a set, so that two appliers can each own some.
func TestAppliersShareEventTypes(t *testing.T) {
	g := NewWithT(t)
	apply := func(owner, eventType string) *unstructured.Unstructured {
		object := manifest(t, webhook, specOf("eventTypes", []any{eventType}))
		configuration := client.ApplyConfigurationFromUnstructured(object)
		g.Expect(k8s.Apply(t.Context(), configuration, client.FieldOwner(owner))).To(Succeed())
		return object
	}
	apply("one", "a.b.v1")
	object := apply("two", "c.d.v1")
	deleteAfter(t, object)
	g.Expect(k8s.Get(t.Context(), client.ObjectKeyFromObject(object), object)).To(Succeed())
	eventTypes, _, err := unstructured.NestedStringSlice(object.Object, "spec", "eventTypes")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(eventTypes).To(ConsistOf("a.b.v1", "c.d.v1"))
}

// create makes the object for the time of a test.
func create(t *testing.T, object *unstructured.Unstructured) {
	t.Helper()
	if err := k8s.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	deleteAfter(t, object)
}

// deleteAfter deletes the object when the test is over, and with it the test's own context.
func deleteAfter(t *testing.T, object client.Object) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	t.Cleanup(func() {
		if err := client.IgnoreNotFound(k8s.Delete(ctx, object)); err != nil {
			t.Error(err)
		}
	})
}

package api

import (
	"context"
	"encoding/json"
	"maps"
	"net/url"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwin "webhook-operator.io/itwin/api/v1alpha1"
)

// accepted is a good manifest. Where a rule has an edge, it stands right inside it.
type accepted struct{ name, patch string }

func spec(name, field, value string) accepted {
	encoded, err := json.Marshal(map[string]any{"spec": map[string]string{field: value}})
	if err != nil {
		panic(err)
	}
	return accepted{field + " " + name, string(encoded)}
}

var acceptedWebhooks = []accepted{
	{"the smallest", ""},
	spec("with a port, a path and a query", "callbackUrl", "https://hooks.example.com:8443/a/b;c=d/%20?x=1&y[]=2&z=@:"),
	spec("with an at sign in the path", "callbackUrl", "https://hooks.example.com/@team"),
	spec("with a name of one label", "callbackUrl", "https://hooks/itwin"),
	spec("in upper case after the scheme", "callbackUrl", "https://HOOKS.Example.COM/Itwin"),
	spec("with a trailing dot", "callbackUrl", "https://hooks.example.com./"),
	spec("with labels of digits", "callbackUrl", "https://1.2.3.4.example.com/"),
	spec("with a name in xn-- form", "callbackUrl", "https://xn--hoks-5qa.example.com/"),
	spec("with a label of 63 characters", "callbackUrl", "https://"+strings.Repeat("a", 63)+".example.com/"),
	spec("with an IPv4 address", "callbackUrl", "https://127.0.0.1:9443/"),
	spec("with an IPv6 address", "callbackUrl", "https://[2001:db8::1]"),
	spec("with an IPv6 address and a port", "callbackUrl", "https://[::1]:9443/itwin"),
	spec("with port 1", "callbackUrl", "https://hooks.example.com:1"),
	spec("with port 65535", "callbackUrl", "https://hooks.example.com:65535?a"),
	spec("of 2048 characters", "callbackUrl", "https://h/"+strings.Repeat("a", 2038)),
	{"scopeId of an iTwin", "spec: {scope: iTwin, scopeId: 5c9d64cf-d22f-4149-ad08-c24ff395c3a0}"},
	{"100 eventTypes", "spec: {eventTypes: [" + strings.Join(numbered("a.b.v%d", 100), ", ") + "]}"},
	{"an eventType nobody knows yet", "spec: {eventTypes: [quantum3D.thingTwisted.v12]}"},
	{"an eventType of 200 characters", "spec: {eventTypes: [a.b.v" + strings.Repeat("1", 195) + "]}"},
	{"a ClusterConnection", "spec: {connectionRef: {kind: ClusterConnection, name: organization.example}}"},
	{"a Secret with dots", "spec: {secretRef: {name: a.b-c, key: Hmac_1.key}}"},
	{"a Secret's key that begins with a dot", "spec: {secretRef: {name: hmac, key: .secret}}"},
	{"the longest name with a generated Secret", "metadata: {name: " + strings.Repeat("a", 238) + "}"},
	{"the longest name with a Secret of its own", "{metadata: {name: " + strings.Repeat("a", 253) + "}, spec: {secretRef: {name: hmac}}}"},
	{"an import", "spec: {webhookId: e6989b43-53ab-45e2-a610-560c6f7e879e}"},
	{"everything turned round", "spec: {active: false, suspend: true, reactivationPolicy: OnRequest, deletionPolicy: Retain, adoptionPolicy: Matching}"},
}

// acceptedSpecs hold for a Connection and a ClusterConnection alike.
var acceptedSpecs = []accepted{
	{"the smallest", ""},
	spec("with a slash", "apiUrl", "https://api.bentley.com/"),
	spec("with a path", "apiUrl", "https://gateway.example.com:8443/itwin/api"),
	spec("of http on localhost", "apiUrl", "http://localhost:8090"),
	spec("of http on 127.0.0.1", "apiUrl", "http://127.0.0.1:8090/"),
	spec("of http on 127.255.255.254", "apiUrl", "http://127.255.255.254"),
	spec("of http on ::1", "apiUrl", "http://[::1]:8090"),
	spec("of http on loopback", "tokenUrl", "http://127.0.0.1:8090/connect/token"),
	spec("elsewhere", "tokenUrl", "https://login.example.com/oauth2/token"),
	spec("of two", "oauthScope", "webhooks:read webhooks:modify"),
	spec("at the floor", "pollInterval", "10s"),
	spec("at the ceiling", "pollInterval", "24h"),
	spec("in all units", "pollInterval", "1h2m3.5s400ms"),
	spec("in fractions of an hour", "pollInterval", "1.5h"),
	spec("in milliseconds", "pollInterval", "10000ms"),
	spec("as Go writes it", "pollInterval", "1h0m0s"),
	{"rateLimit at the floor", "spec: {rateLimit: {requestsPerMinute: 4, requestsPerHour: 120}}"},
	{"caBundleSecretRef", "spec: {caBundleSecretRef: {name: company-ca, key: tls_bundle.pem}}"},
	{"allowedCallbackHosts", "spec: {allowedCallbackHosts: [hooks.example.com, '*.example.com', '*.com', localhost, xn--hoks-5qa.example.com, 3com.example]}"},
}

var acceptedClusterConnections = []accepted{
	{"allowedNamespaces of all", "spec: {allowedNamespaces: {}}"},
	{"allowedNamespaces by labels", "spec: {allowedNamespaces: {matchLabels: {example.com/team: a, itwin: ''}}}"},
	{"allowedNamespaces by expressions", `spec: {allowedNamespaces: {matchExpressions: [{key: team, operator: In, values: [a, b]},
		{key: team, operator: NotIn, values: [c]}, {key: team, operator: Exists}, {key: paused, operator: DoesNotExist, values: []}]}}`},
}

func TestAcceptance(t *testing.T) {
	for _, kind := range []struct {
		name, base string
		manifests  []accepted
	}{
		{"Webhook", webhook, acceptedWebhooks},
		{"Connection", connection, acceptedSpecs},
		{"ClusterConnection", clusterConnection, acceptedSpecs},
		{"ClusterConnection", clusterConnection, acceptedClusterConnections},
	} {
		for _, manifest := range kind.manifests {
			t.Run(kind.name+"/"+manifest.name, func(t *testing.T) {
				object := merged(t, kind.base, manifest.patch)
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
		typed := convert(t, object, &itwin.Webhook{})
		parses(typed.Spec.CallbackURL)
	default:
		typed := convert(t, object, &itwin.ClusterConnection{})
		parses(typed.Spec.APIURL)
		parses(typed.Spec.TokenURL)
		g.Expect(typed.Spec.PollInterval.Seconds()).To(And(BeNumerically(">=", 10), BeNumerically("<=", 24*60*60)))
		_, err := metav1.LabelSelectorAsSelector(typed.Spec.AllowedNamespaces)
		g.Expect(err).NotTo(HaveOccurred())
	}
}

func convert[T any](t *testing.T, object *unstructured.Unstructured, into T) T {
	t.Helper()
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, into, true); err != nil {
		t.Fatal(err)
	}
	return into
}

// TestDefaults compares whole objects, so that a default added or lost shows.
func TestDefaults(t *testing.T) {
	connectionSpec := map[string]any{
		"apiUrl":       "https://api.bentley.com",
		"tokenUrl":     "https://ims.bentley.com/connect/token",
		"oauthScope":   "itwin-platform",
		"pollInterval": "1m",
		"rateLimit":    map[string]any{"requestsPerMinute": int64(500)},
	}
	with := func(base map[string]any, name string, value any) map[string]any {
		all := maps.Clone(base)
		all[name] = value
		return all
	}
	for _, c := range []struct {
		name, base, patch string
		want              map[string]any
	}{
		{"Webhook", webhook, "", map[string]any{
			"connectionRef":      map[string]any{"kind": "Connection", "name": "default"},
			"callbackUrl":        "https://hooks.example.com/itwin",
			"scope":              "Account",
			"eventTypes":         []any{"iModels.iModelDeleted.v1"},
			"active":             true,
			"reactivationPolicy": "Always",
			"deletionPolicy":     "Delete",
			"adoptionPolicy":     "Never",
			"suspend":            false,
		}},
		{"Webhook with parts given", webhook,
			"spec: {connectionRef: {kind: ClusterConnection}, secretRef: {name: hmac}, active: false, suspend: null}", map[string]any{
				"connectionRef":      map[string]any{"kind": "ClusterConnection", "name": "default"},
				"callbackUrl":        "https://hooks.example.com/itwin",
				"scope":              "Account",
				"eventTypes":         []any{"iModels.iModelDeleted.v1"},
				"active":             false,
				"secretRef":          map[string]any{"name": "hmac", "key": "secret"},
				"reactivationPolicy": "Always",
				"deletionPolicy":     "Delete",
				"adoptionPolicy":     "Never",
				"suspend":            false,
			}},
		{"Connection", connection, "", with(connectionSpec, "credentialsSecretRef", map[string]any{"name": "itwin-service-app"})},
		{"Connection with parts given", connection, "spec: {rateLimit: {requestsPerHour: 5000}, caBundleSecretRef: {name: ca}}",
			with(with(with(connectionSpec,
				"credentialsSecretRef", map[string]any{"name": "itwin-service-app"}),
				"caBundleSecretRef", map[string]any{"name": "ca", "key": "ca.crt"}),
				"rateLimit", map[string]any{"requestsPerMinute": int64(500), "requestsPerHour": int64(5000)})},
		{"ClusterConnection", clusterConnection, "",
			with(connectionSpec, "credentialsSecretRef", map[string]any{"name": "itwin-service-app", "namespace": "default"})},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			object := merged(t, c.base, c.patch)
			// Nobody but the operator reports: a status that comes with a manifest is dropped.
			g.Expect(unstructured.SetNestedField(object.Object, int64(7), "status", "observedGeneration")).To(Succeed())
			create(t, object)
			g.Expect(object.Object["spec"]).To(Equal(c.want))

			g.Expect(k8s.Get(t.Context(), client.ObjectKeyFromObject(object), object)).To(Succeed())
			g.Expect(object.Object["spec"]).To(Equal(c.want))
			g.Expect(object.Object["status"]).To(Equal(map[string]any{"observedGeneration": int64(-1)}))
		})
	}
}

// TestDefaultsFromGo: an object that a program makes with the Go types is the same as the shortest manifest.
func TestDefaultsFromGo(t *testing.T) {
	g := NewWithT(t)
	scheme := runtime.NewScheme()
	g.Expect(itwin.AddToScheme(scheme)).To(Succeed())
	typed, err := client.New(config, client.Options{Scheme: scheme})
	g.Expect(err).NotTo(HaveOccurred())

	ctx := context.WithoutCancel(t.Context())
	cleanup := func(object client.Object) {
		t.Cleanup(func() { g.Expect(typed.Delete(ctx, object)).To(Succeed()) })
	}

	w := &itwin.Webhook{
		ObjectMeta: metav1.ObjectMeta{Name: "from-go", Namespace: "default"},
		Spec: itwin.WebhookSpec{CallbackURL: "https://hooks.example.com/itwin", Scope: itwin.AccountScope,
			EventTypes: []string{"iModels.iModelDeleted.v1"}},
	}
	g.Expect(typed.Create(t.Context(), w)).To(Succeed())
	cleanup(w)
	g.Expect(w.Spec).To(Equal(itwin.WebhookSpec{
		ConnectionRef: itwin.ConnectionReference{Kind: itwin.ConnectionKindNamespaced, Name: "default"},
		CallbackURL:   "https://hooks.example.com/itwin", Scope: itwin.AccountScope,
		EventTypes: []string{"iModels.iModelDeleted.v1"}, Active: ptr.To(true),
		ReactivationPolicy: itwin.ReactivateAlways, DeletionPolicy: itwin.DeleteRemote, AdoptionPolicy: itwin.AdoptNever,
	}))
	g.Expect(typed.Get(t.Context(), client.ObjectKeyFromObject(w), w)).To(Succeed())
	g.Expect(w.Status.ObservedGeneration).To(BeEquivalentTo(-1))

	c := &itwin.Connection{
		ObjectMeta: metav1.ObjectMeta{Name: "from-go", Namespace: "default"},
		Spec:       itwin.ConnectionSpec{CredentialsSecretRef: itwin.CredentialsReference{Name: "itwin-service-app"}},
	}
	g.Expect(typed.Create(t.Context(), c)).To(Succeed())
	cleanup(c)
	g.Expect(c.Spec.PollInterval.Duration.String()).To(Equal("1m0s"))
	g.Expect(c.Spec.RateLimit).To(Equal(itwin.RateLimit{RequestsPerMinute: 500}))

	// A program that writes back what it read is not refused, and changes no Webhook.
	generation := w.Generation
	g.Expect(typed.Update(t.Context(), w)).To(Succeed())
	g.Expect(w.Generation).To(Equal(generation))
	g.Expect(typed.Update(t.Context(), c)).To(Succeed())
}

func TestUpdates(t *testing.T) {
	const (
		account = ""
		iTwin   = "spec: {scope: iTwin, scopeId: 5c9d64cf-d22f-4149-ad08-c24ff395c3a0}"
		imports = "spec: {webhookId: e6989b43-53ab-45e2-a610-560c6f7e879e}"

		scope     = `spec.scope: Invalid value: %q: scope is immutable: create another Webhook for another scope`
		scopeID   = `spec.scopeId: Invalid value: "11111111-d22f-4149-ad08-c24ff395c3a0": scopeId is immutable: create another Webhook for another iTwin`
		webhookID = `spec.webhookId: Invalid value: webhookId is immutable once set: create another Webhook to import another remote webhook`
	)
	for _, c := range []struct{ name, before, change, want string }{
		{"scope from Account to iTwin", account, iTwin, strings.Replace(scope, "%q", `"iTwin"`, 1)},
		{"scope from iTwin to Account", iTwin, "spec: {scope: Account, scopeId: null}", strings.Replace(scope, "%q", `"Account"`, 1)},
		{"scopeId to another", iTwin, "spec: {scopeId: 11111111-d22f-4149-ad08-c24ff395c3a0}", scopeID},
		{"scopeId removed", iTwin, "spec: {scopeId: null}",
			"spec.scopeId: Required value: scopeId must be the id of the iTwin when scope is iTwin"},
		{"scopeId added", account, "spec: {scopeId: 5c9d64cf-d22f-4149-ad08-c24ff395c3a0}",
			"spec.scopeId: Forbidden: scopeId must be absent when scope is Account: the platform knows the account"},
		{"webhookId to another", imports, "spec: {webhookId: 11111111-53ab-45e2-a610-560c6f7e879e}", webhookID},
		{"webhookId removed", imports, "spec: {webhookId: null}", webhookID},
		{"webhookId set later", account, imports, ""},
		{"webhookId set again to the same", imports, imports, ""},
		{"secretRef removed", "spec: {secretRef: {name: hmac}}", "spec: {secretRef: null}", ""},
		{"secretRef removed from a long name", "{metadata: {name: " + strings.Repeat("a", 239) + "}, spec: {secretRef: {name: hmac}}}",
			"spec: {secretRef: null}",
			"metadata: Invalid value: metadata.name must be at most 238 characters unless spec.secretRef is set: the generated Secret is named as the Webhook plus -webhook-secret"},
		{"callbackUrl to another", iTwin, "spec: {callbackUrl: 'https://other.example.com/itwin'}", ""},
		{"callbackUrl to http", iTwin, "spec: {callbackUrl: 'http://other.example.com/itwin'}",
			`spec.callbackUrl: Invalid value: "http://other.example.com/itwin": ` + callbackScheme},
		{"all that may change", iTwin, `spec: {connectionRef: {kind: ClusterConnection, name: organization}, eventTypes: [a.b.v1, c.d.v2],
			active: false, suspend: true, reactivationPolicy: OnRequest, deletionPolicy: Retain, adoptionPolicy: Matching}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			object := merged(t, webhook, c.before)
			create(t, object)
			document, err := object.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			err = k8s.Update(t.Context(), merged(t, string(document), c.change))
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && err == nil:
				t.Error("accepted")
			case c.want != "" && complaint(err) != c.want:
				t.Errorf("the API server says\n\t%s\nwant\n\t%s", complaint(err), c.want)
			}
		})
	}
}

// TestAppliersShareEventTypes: eventTypes is a set, so that two appliers can each own some.
func TestAppliersShareEventTypes(t *testing.T) {
	g := NewWithT(t)
	apply := func(owner, eventType string) *unstructured.Unstructured {
		object := merged(t, webhook, "{metadata: {name: shared}, spec: {eventTypes: ["+eventType+"]}}")
		g.Expect(k8s.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner(owner))).To(Succeed())
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

package controllers_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers"
	"webhook-operator.io/itwin/internal/buildinfo"
	"webhook-operator.io/itwin/internal/proof"
	kinds "webhook-operator.io/itwin/internal/scheme"
	"webhook-operator.io/itwin/simulator"
)

// gracePeriod is short here: the simulator carries out a request at once, unless a fault delays it.
const gracePeriod = 2 * time.Second

var (
	environment *envtest.Environment
	restConfig  *rest.Config
	scheme      *runtime.Scheme
	// api reads and writes past every cache.
	api client.Client
)

func TestControllers(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Controllers")
}

var _ = BeforeSuite(func() {
	ctrl.SetLogger(zap.New(zap.WriteTo(GinkgoWriter), zap.UseDevMode(true)))
	SetDefaultEventuallyTimeout(30 * time.Second)
	SetDefaultEventuallyPollingInterval(50 * time.Millisecond)
	SetDefaultConsistentlyDuration(1500 * time.Millisecond)

	Expect(os.Getenv("KUBEBUILDER_ASSETS")).NotTo(BeEmpty(),
		"KUBEBUILDER_ASSETS must name a folder with etcd and kube-apiserver: run `make test`")
	environment = &envtest.Environment{
		CRDDirectoryPaths:     []string{filepath.Join("..", "config", "crd", "bases")},
		ErrorIfCRDPathMissing: true,
	}
	var err error
	restConfig, err = environment.Start()
	Expect(err).NotTo(HaveOccurred())
	restConfig.QPS = -1
	scheme = kinds.New()
	api, err = client.New(restConfig, client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())
})

var _ = AfterSuite(func() {
	if environment != nil {
		Expect(environment.Stop()).To(Succeed())
	}
})

// operator is a manager in this process.
type operator struct {
	writes *writeCounter
	stop   func()
}

type operatorOption func(*controllers.Options)

// startOperator runs a manager until the test ends or stop is called.
func startOperator(options ...operatorOption) *operator {
	GinkgoHelper()
	o := &operator{writes: &writeCounter{counts: map[string]int{}}}
	cfg := rest.CopyConfig(restConfig)
	cfg.Wrap(func(next http.RoundTripper) http.RoundTripper { return o.writes.wrap(next) })
	opts := controllers.Options{
		Cluster: true, Workers: 16, Build: buildinfo.Of("test", ""), GracePeriod: gracePeriod, AllowLoopback: true,
		Key: proof.NewKey([]byte("0123456789abcdef0123456789abcdef")),
	}
	for _, option := range options {
		option(&opts)
	}
	skip := true
	mgr, err := ctrl.NewManager(cfg, ctrl.Options{
		Scheme: scheme, Metrics: metricsserver.Options{BindAddress: "0"},
		Controller: config.Controller{SkipNameValidation: &skip},
		Cache:      opts.Cache(),
	})
	Expect(err).NotTo(HaveOccurred())
	ctx, cancel := context.WithCancel(context.Background())
	Expect(controllers.Add(ctx, mgr, opts)).To(Succeed())
	done := make(chan struct{})
	go func() {
		defer GinkgoRecover()
		defer close(done)
		Expect(mgr.Start(ctx)).To(Succeed())
	}()
	o.stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	DeferCleanup(o.stop)
	return o
}

func withSelector(selector string) operatorOption {
	return func(o *controllers.Options) {
		parsed, err := labels.Parse(selector)
		Expect(err).NotTo(HaveOccurred())
		o.Selector = parsed
	}
}

// writeCounter counts the writes of an operator by method and resource.
type writeCounter struct {
	mu     sync.Mutex
	counts map[string]int
}

func (w *writeCounter) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.Method != http.MethodGet {
			w.mu.Lock()
			w.counts[r.Method+" "+resourceOf(r.URL.Path)]++
			w.mu.Unlock()
		}
		return next.RoundTrip(r)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// resourceOf is "webhooks" or "webhooks/status" of an API path.
func resourceOf(path string) string {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	for i, part := range parts {
		if part == "namespaces" && i+2 < len(parts) {
			parts = parts[i+2:]
			break
		}
	}
	if len(parts) > 2 {
		return parts[0] + "/" + parts[2]
	}
	return parts[0]
}

func (w *writeCounter) of(what string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.counts[what]
}

func (w *writeCounter) total() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, count := range w.counts {
		n += count
	}
	return n
}

func (w *writeCounter) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.counts)
}

// simulation is a namespace with a platform of its own.
type simulation struct {
	*simulator.Simulator
	namespace string
	url       string
}

const clientID = "service-app"

func newSimulation() *simulation { return newSimulationWith(simulator.Options{}) }

func newSimulationWith(options simulator.Options) *simulation {
	GinkgoHelper()
	s, err := simulator.New(options)
	Expect(err).NotTo(HaveOccurred())
	server := httptest.NewServer(s)
	w := &simulation{Simulator: s, url: server.URL}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "simulation-"}}
	Expect(api.Create(context.Background(), namespace)).To(Succeed())
	w.namespace = namespace.Name
	DeferCleanup(func() {
		s.ClearFaults()
		w.clear()
		server.CloseClientConnections()
		// A call that a fault still delays would hold it.
		go server.Close()
		_ = s.Close()
	})
	return w
}

// clear removes the objects of the simulation, with or without an operator to help.
func (w *simulation) clear() {
	ctx := context.Background()
	var webhooks itwinv1alpha1.WebhookList
	Expect(api.List(ctx, &webhooks, client.InNamespace(w.namespace))).To(Succeed())
	for _, webhook := range webhooks.Items {
		Expect(client.IgnoreNotFound(api.Delete(ctx, webhook))).To(Succeed())
		patch := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`))
		Expect(client.IgnoreNotFound(api.Patch(ctx, webhook, patch))).To(Succeed())
	}
	Expect(api.DeleteAllOf(ctx, &itwinv1alpha1.Connection{}, client.InNamespace(w.namespace))).To(Succeed())
	Expect(api.DeleteAllOf(ctx, &corev1.Secret{}, client.InNamespace(w.namespace))).To(Succeed())
}

// connect makes the Connection "default" and the Secret with its credentials.
func (w *simulation) connect(change ...func(*itwinv1alpha1.ConnectionSpec)) *itwinv1alpha1.Connection {
	GinkgoHelper()
	w.credentials("credentials", clientID)
	connection := &itwinv1alpha1.Connection{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "default"}, Spec: w.connectionSpec(),
	}
	for _, c := range change {
		c(&connection.Spec)
	}
	Expect(api.Create(context.Background(), connection)).To(Succeed())
	return connection
}

func (w *simulation) connectionSpec() itwinv1alpha1.ConnectionSpec {
	return itwinv1alpha1.ConnectionSpec{
		APIURL: w.url, TokenURL: w.url + "/connect/token",
		CredentialsSecretRef: itwinv1alpha1.CredentialsReference{Name: "credentials"},
		PollInterval:         metav1.Duration{Duration: 10 * time.Second},
		RateLimit:            itwinv1alpha1.RateLimit{RequestsPerMinute: 1000000},
	}
}

func (w *simulation) credentials(name, id string) {
	GinkgoHelper()
	w.secret(name, map[string]string{"clientId": id, "clientSecret": "pair-of-" + id})
}

func (w *simulation) secret(name string, data map[string]string) *corev1.Secret {
	GinkgoHelper()
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name}, StringData: data,
	}
	Expect(api.Create(context.Background(), secret)).To(Succeed())
	return secret
}

const iTwinID = "5c9d64cf-d22f-4149-ad08-c24ff395c3a0"

// webhook is an object that is not created yet.
func (w *simulation) webhook(name string, change ...func(*itwinv1alpha1.WebhookSpec)) *itwinv1alpha1.Webhook {
	webhook := &itwinv1alpha1.Webhook{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name},
		Spec: itwinv1alpha1.WebhookSpec{
			CallbackURL: fmt.Sprintf("https://%s.example.com/itwin", name),
			Scope:       itwinv1alpha1.ITwinScope, ScopeID: iTwinID,
			EventTypes: []string{"iModels.iModelDeleted.v1"},
		},
	}
	for _, c := range change {
		c(&webhook.Spec)
	}
	return webhook
}

// apply creates a Webhook.
func (w *simulation) apply(name string, change ...func(*itwinv1alpha1.WebhookSpec)) *itwinv1alpha1.Webhook {
	GinkgoHelper()
	webhook := w.webhook(name, change...)
	Expect(api.Create(context.Background(), webhook)).To(Succeed())
	return webhook
}

// change edits a Webhook.
func change(webhook *itwinv1alpha1.Webhook, edit func(*itwinv1alpha1.Webhook)) {
	GinkgoHelper()
	before := webhook.DeepCopy()
	edit(webhook)
	Expect(api.Patch(context.Background(), webhook, client.MergeFrom(before))).To(Succeed())
}

func annotate(webhook *itwinv1alpha1.Webhook, annotation, value string) {
	GinkgoHelper()
	change(webhook, func(w *itwinv1alpha1.Webhook) { metav1.SetMetaDataAnnotation(&w.ObjectMeta, annotation, value) })
}

// seen reads a Webhook until it satisfies the matcher.
func seen(webhook *itwinv1alpha1.Webhook) AsyncAssertion {
	GinkgoHelper()
	return Eventually(func(g Gomega) *itwinv1alpha1.Webhook {
		g.Expect(api.Get(context.Background(), client.ObjectKeyFromObject(webhook), webhook)).To(Succeed())
		return webhook
	})
}

// still is seen for a while.
func still(webhook *itwinv1alpha1.Webhook) AsyncAssertion {
	GinkgoHelper()
	return Consistently(func(g Gomega) *itwinv1alpha1.Webhook {
		g.Expect(api.Get(context.Background(), client.ObjectKeyFromObject(webhook), webhook)).To(Succeed())
		return webhook
	})
}

func gone(object client.Object) AsyncAssertion {
	return Eventually(func() error {
		return api.Get(context.Background(), client.ObjectKeyFromObject(object), object)
	})
}

// conditions of an object, as "Type=Status/Reason", without those that are absent.
func conditions(object client.Object) map[string]string {
	var all []metav1.Condition
	var observed int64
	switch o := object.(type) {
	case *itwinv1alpha1.Webhook:
		all, observed = o.Status.Conditions, o.Status.ObservedGeneration
	case itwinv1alpha1.ConnectionObject:
		all, observed = o.ConnectionStatus().Conditions, o.ConnectionStatus().ObservedGeneration
	}
	if observed != object.GetGeneration() {
		return map[string]string{"observedGeneration": "behind"}
	}
	found := map[string]string{}
	for _, c := range all {
		found[c.Type] = string(c.Status) + "/" + c.Reason
	}
	return found
}

var haveConditions = func(conditions map[string]string) OmegaMatcher {
	return WithTransform(conditionsOf, Equal(conditions))
}

func conditionsOf(object client.Object) map[string]string { return conditions(object) }

// beReady matches a Webhook whose remote webhook is active and equal to it.
func beReady() OmegaMatcher {
	return haveConditions(map[string]string{"Ready": "True/InSync", "Active": "True/Active"})
}

func haveReady(want string) OmegaMatcher {
	return WithTransform(func(o client.Object) string { return conditions(o)["Ready"] }, Equal(want))
}

func readyMessage(w *itwinv1alpha1.Webhook) string {
	if ready := apimeta.FindStatusCondition(w.Status.Conditions, itwinv1alpha1.ReadyCondition); ready != nil {
		return ready.Message
	}
	return ""
}

// eventsOf are the reasons of the Events on an object, one for each, in the order of their names' times.
func eventsOf(object client.Object) func() []string {
	return func() []string {
		var list eventsv1.EventList
		Expect(api.List(context.Background(), &list, client.InNamespace(object.GetNamespace()))).To(Succeed())
		var reasons []string
		for _, e := range list.Items {
			if e.Regarding.UID == object.GetUID() {
				reasons = append(reasons, e.Reason)
			}
		}
		return reasons
	}
}

// remotes are the webhooks of the platform with a callback.
func (w *simulation) remotes(callback string) (found []simulator.Webhook) {
	for _, webhook := range w.Webhooks() {
		if webhook.CallbackURL == callback {
			found = append(found, webhook)
		}
	}
	return found
}

// remote is the one webhook of the platform with a callback.
func (w *simulation) remote(callback string) simulator.Webhook {
	GinkgoHelper()
	found := w.remotes(callback)
	Expect(found).To(HaveLen(1))
	return found[0]
}

func (w *simulation) count(route string) int { return w.Requests().Counts[route] }

// changes counts the calls that change the remote side.
func (w *simulation) changes() int {
	return w.count("POST /webhooks") + w.count("PATCH /webhooks/{id}") + w.count("DELETE /webhooks/{id}")
}

func objectMeta(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}

package controllers_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/yaml"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers"
	"webhook-operator.io/itwin/controllers/kube"
	"webhook-operator.io/itwin/internal/buildinfo"
	"webhook-operator.io/itwin/internal/proof"
)

const (
	// operatorUser is the user name of the operator of these tests: it has the shipped role, by namespace.
	operatorUser = "refused-operator"
	fullRole     = "refused-operator"
)

// apiCall is a request that the operator sent to the API server.
type apiCall struct {
	method, resource, namespace string
	at                          time.Time
}

// apiServer stands between the operator and the API server: it notes requests, and answers some of them itself.
type apiServer struct {
	mu     sync.Mutex
	calls  []apiCall
	faults map[string]http.RoundTripper
	log    bytes.Buffer
}

// key names the requests of a namespace that a fault is about.
func (c apiCall) key() string { return c.namespace + " " + c.method + " " + c.resource }

func (a *apiServer) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		call := apiCall{r.Method, resourceOf(r.URL.Path), namespaceOf(r.URL.Path), time.Now()}
		a.mu.Lock()
		a.calls = append(a.calls, call)
		fault := a.faults[call.key()]
		a.mu.Unlock()
		if fault != nil {
			return fault.RoundTrip(r)
		}
		return next.RoundTrip(r)
	})
}

func namespaceOf(path string) string {
	if _, rest, found := strings.Cut(path, "/namespaces/"); found {
		namespace, _, _ := strings.Cut(rest, "/")
		return namespace
	}
	return ""
}

// fault answers the requests of a kind until it is lifted.
func (a *apiServer) fault(namespace, request string, answer http.RoundTripper) (lift func()) {
	set := func(answer http.RoundTripper) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.faults[namespace+" "+request] = answer
	}
	set(answer)
	return func() { set(nil) }
}

// since counts the requests of a namespace since a time: all that change something, or those of one kind.
func (a *apiServer) since(namespace, request string, from time.Time) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, call := range a.calls {
		matches := request == "" && call.method != http.MethodGet && call.resource != "events" ||
			request == call.method+" "+call.resource
		if call.namespace == namespace && matches && call.at.After(from) {
			n++
		}
	}
	return n
}

// Write implements io.Writer for the log.
func (a *apiServer) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.log.Write(p)
}

// logged are the lines of the log about a namespace.
func (a *apiServer) logged(namespace string) (lines []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for line := range strings.Lines(a.log.String()) {
		if strings.Contains(line, namespace) {
			lines = append(lines, strings.ReplaceAll(line, `\"`, `"`))
		}
	}
	return lines
}

// answer is what an API server, or a proxy before it, says instead of doing what it was asked for.
func answer(status int, header, body string) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		response := &http.Response{
			StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
			Body: io.NopCloser(strings.NewReader(body)),
		}
		if name, value, found := strings.Cut(header, ": "); found {
			response.Header.Set(name, value)
		}
		return response, nil
	})
}

// hang never answers.
var hang = roundTripper(func(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
})

// startRefusedOperator runs a manager for some namespaces, as a user who has rights by their RoleBindings alone.
func startRefusedOperator(namespaces []string) *apiServer {
	GinkgoHelper()
	a := &apiServer{faults: map[string]http.RoundTripper{}}
	cfg := rest.CopyConfig(restConfig)
	cfg.Impersonate = rest.ImpersonationConfig{UserName: operatorUser}
	cfg.Wrap(a.wrap)
	bound := map[string]cache.Config{}
	for _, namespace := range namespaces {
		bound[namespace] = cache.Config{}
	}
	skip := true
	mgr, err := ctrl.NewManager(cfg, ctrl.Options{
		Scheme: scheme, Metrics: metricsserver.Options{BindAddress: "0"},
		Controller: config.Controller{SkipNameValidation: &skip},
		Logger:     zap.New(zap.WriteTo(io.MultiWriter(GinkgoWriter, a))),
		Cache: cache.Options{
			ReaderFailOnMissingInformer: true, DefaultTransform: kube.Transform(nil), DefaultNamespaces: bound,
			NewInformer: kube.NewInformer,
		},
	})
	Expect(err).NotTo(HaveOccurred())
	ctx, cancel := context.WithCancel(context.Background())
	Expect(controllers.Add(ctx, mgr, controllers.Options{
		Namespaces: namespaces, Workers: 16, Build: buildinfo.Of("test", ""), GracePeriod: gracePeriod, AllowLoopback: true,
		Key: proof.NewKey([]byte("0123456789abcdef0123456789abcdef")),
	})).To(Succeed())
	done := make(chan struct{})
	go func() {
		defer GinkgoRecover()
		defer close(done)
		Expect(mgr.Start(ctx)).To(Succeed())
	}()
	DeferCleanup(func() {
		cancel()
		<-done
	})
	return a
}

// shippedRules are those of config/rbac, without some verbs of a resource.
func shippedRules(resource string, without ...string) (rules []rbacv1.PolicyRule) {
	GinkgoHelper()
	data, err := os.ReadFile(filepath.Join("..", "config", "rbac", "role.yaml"))
	Expect(err).NotTo(HaveOccurred())
	var role rbacv1.ClusterRole
	Expect(yaml.Unmarshal(data, &role)).To(Succeed())
	for _, rule := range role.Rules {
		for _, of := range rule.Resources {
			one := *rule.DeepCopy()
			if one.Resources = []string{of}; of == resource {
				one.Verbs = nil
				for _, verb := range rule.Verbs {
					if !slices.Contains(without, verb) {
						one.Verbs = append(one.Verbs, verb)
					}
				}
			}
			if len(one.Verbs) > 0 {
				rules = append(rules, one)
			}
		}
	}
	return rules
}

func makeRole(name string, rules []rbacv1.PolicyRule) {
	GinkgoHelper()
	role := &rbacv1.ClusterRole{Rules: rules}
	role.Name = name
	Expect(api.Create(ctx, role)).To(Succeed())
}

// bind gives the operator a role in the namespace, until it is lifted.
func (w *simulation) bind(role string) (unbind func()) {
	GinkgoHelper()
	binding := &rbacv1.RoleBinding{
		ObjectMeta: objectMeta(w.namespace, role),
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: operatorUser}},
	}
	Expect(api.Create(ctx, binding)).To(Succeed())
	return func() { Expect(api.Delete(ctx, binding)).To(Succeed()) }
}

// counted is the value of a counter of refused status writes in a namespace.
func counted(name, namespace string) (n float64) {
	families, err := metrics.Registry.Gather()
	Expect(err).NotTo(HaveOccurred())
	for _, family := range families {
		for _, m := range family.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			if family.GetName() == name && strings.Contains(strings.Join(labels, " "), namespace) {
				n += m.GetCounter().GetValue()
			}
		}
	}
	return n
}

// messages are all that the conditions of the simulation's objects, their Events and the log say.
func (w *simulation) messages() (all []string) {
	GinkgoHelper()
	var webhooks itwinv1alpha1.WebhookList
	Expect(api.List(ctx, &webhooks, client.InNamespace(w.namespace))).To(Succeed())
	for _, w := range webhooks.Items {
		for _, c := range w.Status.Conditions {
			all = append(all, c.Message)
		}
		all = append(all, notesOf(w, itwinv1alpha1.KubernetesRefusedReason)()...)
	}
	return all
}

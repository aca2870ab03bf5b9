package controllers_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"webhook-operator.io/itwin/controllers"
	"webhook-operator.io/itwin/controllers/kube"
	"webhook-operator.io/itwin/internal/buildinfo"
	"webhook-operator.io/itwin/internal/proof"
)

// killableManager is an operator that can be killed: from then on nothing that it sends arrives.
type killableManager struct {
	name string
	dead atomic.Bool
	stop func()
}

var errDead = errors.New("this operator is dead")

func (m *killableManager) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if m.dead.Load() {
			return nil, errDead
		}
		return next.RoundTrip(r)
	})
}

// startKillable runs a manager that serves the simulation's namespace.
func (w *simulation) startKillable(name string) *killableManager {
	GinkgoHelper()
	m := &killableManager{name: name}
	cfg := rest.CopyConfig(restConfig)
	cfg.Wrap(m.wrap)
	skip := true
	mgr, err := ctrl.NewManager(cfg, ctrl.Options{
		Scheme: scheme, Metrics: metricsserver.Options{BindAddress: "0"},
		Controller: config.Controller{SkipNameValidation: &skip},
		Cache: cache.Options{
			ReaderFailOnMissingInformer: true, DefaultTransform: kube.Transform(nil),
			NewInformer:       kube.NewInformer,
			DefaultNamespaces: map[string]cache.Config{w.namespace: {}},
		},
	})
	Expect(err).NotTo(HaveOccurred())
	ctx, cancel := context.WithCancel(context.Background())
	Expect(controllers.Add(ctx, mgr, controllers.Options{
		AllowLoopback: true, Key: proof.NewKey([]byte("0123456789abcdef0123456789abcdef")),
		Namespaces: []string{w.namespace}, Workers: 4, Build: buildinfo.Of(name, ""), GracePeriod: time.Second,
	})).To(Succeed())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = mgr.Start(ctx)
	}()
	m.stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	DeferCleanup(m.stop)
	return m
}

// faultProxy stands before the platform and ends an operator at one of its requests.
type faultProxy struct {
	next   http.Handler
	victim atomic.Pointer[killableManager]
	route  string
	// after reports whether the request is carried out.
	after bool
}

var webhookPath = regexp.MustCompile(`/[0-9a-f-]{36}$`)

// ServeHTTP implements http.Handler.
func (p *faultProxy) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	victim := p.victim.Load()
	if victim == nil || !strings.HasSuffix(request.UserAgent(), "/"+victim.name) {
		p.next.ServeHTTP(w, request)
		return
	}
	route := request.Method + " " + webhookPath.ReplaceAllString(request.URL.Path, "/{id}")
	if route == p.route && !victim.dead.Load() {
		if p.after {
			p.next.ServeHTTP(httptest.NewRecorder(), request)
		}
		victim.dead.Store(true)
	}
	if victim.dead.Load() {
		panic(http.ErrAbortHandler)
	}
	p.next.ServeHTTP(w, request)
}

var _ = Describe("An operator that is killed at a request", func() {
	var w *simulation
	var proxy *faultProxy

	BeforeEach(func() {
		w = newSimulation()
		proxy = &faultProxy{next: w.Simulator}
		server := httptest.NewServer(proxy)
		DeferCleanup(server.Close)
		w.url = server.URL
	})

	// killAt starts an operator that is killed at a request, calls act, and starts the next operator after its end.
	killAt := func(route string, after bool, act func()) {
		proxy.route, proxy.after = route, after
		victim := w.startKillable("victim")
		proxy.victim.Store(victim)
		act()
		Eventually(victim.dead.Load).Should(BeTrue())
		victim.stop()
		w.startKillable("successor")
	}

	moment := func(route string, after bool) string {
		return fmt.Sprintf("%s, carried out: %t", route, after)
	}

	DescribeTable("leaves exactly one remote webhook of a Webhook that is created",
		func(route string, after bool) {
			webhook := w.webhook("unlucky")
			killAt(route, after, func() {
				w.connect()
				Expect(api.Create(ctx, webhook)).To(Succeed())
			})
			seen(webhook).Should(beReady())
			remote := w.remote(webhook.Spec.CallbackURL)
			Expect(remote.ID).To(Equal(webhook.Status.WebhookID))
			var secret corev1.Secret
			key := client.ObjectKey{Namespace: w.namespace, Name: webhook.SigningSecret().Name}
			Expect(api.Get(ctx, key, &secret)).To(Succeed())
			Expect(remote.Secret).To(Equal(string(secret.Data["secret"])))
		},
		Entry(moment, "POST /connect/token", false), Entry(moment, "POST /connect/token", true),
		Entry(moment, "GET /webhooks", false), Entry(moment, "GET /webhooks", true),
		Entry(moment, "POST /webhooks", false), Entry(moment, "POST /webhooks", true),
		Entry(moment, "PATCH /webhooks/{id}", false), Entry(moment, "PATCH /webhooks/{id}", true),
	)

	DescribeTable("leaves no remote webhook of a Webhook that is deleted",
		func(route string, after bool) {
			w.connect()
			webhook := w.webhook("doomed")
			killAt(route, after, func() {
				Expect(api.Create(ctx, webhook)).To(Succeed())
				if strings.HasPrefix(route, "POST") {
					Eventually(proxy.victim.Load().dead.Load).Should(BeTrue())
				} else {
					seen(webhook).Should(beReady())
				}
				Expect(api.Delete(ctx, webhook)).To(Succeed())
			})
			gone(webhook).Should(Satisfy(apierrors.IsNotFound))
			Expect(w.Webhooks()).To(BeEmpty())
		},
		Entry(moment, "POST /webhooks", true),
		Entry(moment, "DELETE /webhooks/{id}", false), Entry(moment, "DELETE /webhooks/{id}", true),
	)
})

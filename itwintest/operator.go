package itwintest

import (
	"context"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-logr/logr"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"webhook-operator.io/itwin/config/crd"
	"webhook-operator.io/itwin/controllers"
	"webhook-operator.io/itwin/internal/buildinfo"
	"webhook-operator.io/itwin/internal/proof"
	"webhook-operator.io/itwin/internal/scheme"
	"webhook-operator.io/itwin/simulator"
)

const (
	// workers is how many Webhooks are worked on at the same time.
	workers = 16
	// gracePeriod is short, because the simulator carries out a request at once unless a fault delays it.
	gracePeriod = 2 * time.Second
	// endTimeout bounds how long an operator may take to end.
	endTimeout = 30 * time.Second
)

// Options configures an operator. The zero value serves every namespace, and a platform without limits in real time.
type Options struct {
	// Namespaces that the operator serves; none is all.
	Namespaces []string
	// Selector bounds the Webhooks that it serves by their labels; nil serves all.
	Selector labels.Selector
	// Platform configures the simulator. Its InsecureCallbacks is always on, so that the URL of an httptest.NewTLSServer
	// can be a callbackUrl.
	Platform simulator.Options
	// Logger gets what the operator logs; the zero value is none.
	Logger logr.Logger
}

// Operator is an operator that runs inside a test, and the platform that its connections lead to.
type Operator struct {
	// Client reads and writes without a cache, with the rights of the config that Start got. It knows the kinds of the
	// operator and those of Kubernetes.
	Client client.Client
	// Platform is the simulated platform. It keeps its webhooks when the operator restarts.
	Platform *simulator.Simulator
	// URL is where the platform is served, on loopback: the apiUrl of a connection. Its tokenUrl is TokenURL.
	URL string

	t       testing.TB
	config  *rest.Config
	options Options
	end     func()
}

// CRDs returns the definitions of the kinds, for the field of this name of envtest.Environment.
func CRDs() []*apiextensionsv1.CustomResourceDefinition {
	definitions, err := crd.Definitions()
	if err != nil {
		panic(fmt.Sprintf("itwintest: the manifests of this module cannot be read: %v", err))
	}
	return definitions
}

// Start runs an operator on the API server of config until the test ends, with the kinds installed. It fails the test
// when the operator cannot start. Several may run on one API server when they serve different namespaces, or Webhooks
// with different labels.
//
// Webhooks that are still there when the operator ends keep their finalizer: delete them before, when other tests use
// the same API server and namespace.
func Start(t testing.TB, config *rest.Config, options Options) *Operator {
	t.Helper()
	o := &Operator{t: t, config: config, options: options, end: func() {}}
	options.Platform.InsecureCallbacks = true
	platform, err := simulator.New(options.Platform)
	o.must("start the simulator", err)
	server := httptest.NewServer(platform)
	t.Cleanup(func() {
		server.CloseClientConnections()
		// A call that a fault delays would hold it until then.
		go server.Close()
		if err := platform.Close(); err != nil {
			t.Errorf("close the simulator: %v", err)
		}
	})
	o.Platform, o.URL = platform, server.URL
	o.Client, err = client.New(config, client.Options{Scheme: scheme.New()})
	o.must("make a client", err)
	o.run()
	t.Cleanup(func() { o.end() })
	return o
}

// TokenURL is where the platform issues tokens: the tokenUrl of a connection.
func (o *Operator) TokenURL() string { return o.URL + "/connect/token" }

// Stop ends the operator and waits for its end, at most 30 seconds. The platform goes on.
func (o *Operator) Stop() {
	o.t.Helper()
	o.end()
}

// Restart stops the operator and runs it again, with nothing but what the API server and the platform hold.
func (o *Operator) Restart() {
	o.t.Helper()
	o.Stop()
	o.run()
}

// run starts a manager with the controllers of the operator, as the program does but for leader election, probes and
// the metrics endpoint.
func (o *Operator) run() {
	o.t.Helper()
	served := controllers.Options{
		Selector: o.options.Selector, Namespaces: o.options.Namespaces, Cluster: true, Workers: workers,
		Build: buildinfo.Of("itwintest", ""), GracePeriod: gracePeriod, AllowLoopback: true,
		// Proves ownership to the operators of tests alone, also after a restart.
		Key: proof.NewKey([]byte("the operator key of every itwintest")),
	}
	logger := o.options.Logger
	if logger.GetSink() == nil {
		logger = logr.Discard()
	}
	unlimited := rest.CopyConfig(o.config)
	unlimited.QPS = -1
	mgr, err := ctrl.NewManager(unlimited, ctrl.Options{
		Scheme: scheme.New(), Cache: served.Cache(), Logger: logger,
		Metrics: metricsserver.Options{BindAddress: "0"},
		// One process runs several operators, one after the other or beside each other.
		Controller: config.Controller{SkipNameValidation: new(true)},
	})
	o.must("make a manager", err)
	ctx, cancel := context.WithCancel(context.Background())
	if err := controllers.Add(ctx, mgr, served); err != nil {
		cancel()
		o.must("register the controllers", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	o.end = func() {
		o.t.Helper()
		o.end = func() {}
		cancel()
		select {
		case err := <-ended:
			o.report("the operator", err)
		case <-time.After(endTimeout):
			o.t.Errorf("itwintest: the operator has not ended within %s", endTimeout)
		}
	}
}

// must fails the test now because of an error.
func (o *Operator) must(what string, err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatalf("itwintest: %s: %v", what, err)
	}
}

// report fails the test because of an error, and lets it go on.
func (o *Operator) report(what string, err error) {
	o.t.Helper()
	if err != nil {
		o.t.Errorf("itwintest: %s: %v", what, err)
	}
}

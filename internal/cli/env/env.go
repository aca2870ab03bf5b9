// Package env is what the commands of kubectl-itwin share: streams, the flags of the kubeconfig, and clients of the
// cluster that these name.
package env

import (
	"os"
	"time"

	"golang.org/x/term"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"webhook-operator.io/itwin/internal/buildinfo"
	"webhook-operator.io/itwin/internal/scheme"
)

// Calls to the API server, as many as kubectl makes.
const (
	callsPerSecond = 50
	burst          = 300
)

// Env is where a command runs: its streams, and the cluster that its flags name.
type Env struct {
	genericiooptions.IOStreams

	// Flags are those of the kubeconfig, which every command has.
	Flags *genericclioptions.ConfigFlags
	// Build is what this program was built from.
	Build buildinfo.Info
	// Now is the clock.
	Now func() time.Time
}

// New returns the environment of one run.
func New(streams genericiooptions.IOStreams, build buildinfo.Info) *Env {
	flags := genericclioptions.NewConfigFlags(true)
	flags.CacheDir = nil // nothing is cached
	return &Env{IOStreams: streams, Flags: flags, Build: build, Now: time.Now}
}

// RESTConfig is how the API server is reached. Warnings of the API server are printed once each.
func (e *Env) RESTConfig() (*rest.Config, error) {
	if err := e.configured(); err != nil {
		return nil, err
	}
	config, err := e.Flags.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	config = rest.CopyConfig(config)
	config.QPS, config.Burst = callsPerSecond, burst
	config.UserAgent = "kubectl-itwin/" + e.Build.Version
	config.WarningHandler = rest.NewWarningWriter(e.ErrOut, rest.WarningWriterOptions{Deduplicate: true})
	return config, nil
}

// configured refuses a kubeconfig that names no cluster, for which the libraries take localhost.
func (e *Env) configured() error {
	raw, err := e.Flags.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return err
	}
	if len(raw.Clusters) == 0 && *e.Flags.APIServer == "" && os.Getenv("KUBERNETES_SERVICE_HOST") == "" {
		return clientcmd.ErrEmptyConfig
	}
	return nil
}

// Client returns a client of our kinds and of those of Kubernetes. It reads from the API server, not from a cache.
func (e *Env) Client() (client.WithWatch, error) {
	config, err := e.RESTConfig()
	if err != nil {
		return nil, err
	}
	return client.NewWithWatch(config, client.Options{Scheme: scheme.New()})
}

// Clientset returns a client for what Client has no methods for: versions, discovery, and the proxy to Pods.
func (e *Env) Clientset() (*kubernetes.Clientset, error) {
	config, err := e.RESTConfig()
	if err != nil {
		return nil, err
	}
	return kubernetes.NewForConfig(config)
}

// Namespace is that of the flag, of the kubeconfig's context, or "default".
func (e *Env) Namespace() (string, error) {
	namespace, _, err := e.Flags.ToRawKubeConfigLoader().Namespace()
	return namespace, err
}

// Interactive reports whether a person can answer a question: standard input is a terminal.
func (e *Env) Interactive() bool {
	file, ok := e.In.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

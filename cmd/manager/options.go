package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"
)

// options are the flags of the manager, beside those of zap and --kubeconfig.
type options struct {
	leaderElect    bool
	leaseNamespace string
	// keyNamespace is where the operator key is kept; "" leaves that to keyNamespaces.
	keyNamespace   string
	allowedHosts   allowedHosts
	allowLoopback  bool
	metricsAddress string
	metricsSecure  bool
	probeAddress   string
	namespaces     []string
	selector       labels.Selector
	workers        int
	// version asks for the version alone.
	version bool
}

func (o *options) bind(flags *flag.FlagSet) {
	flags.BoolVar(&o.leaderElect, "leader-elect", false,
		"Serve only while holding a lease, so that a standby can take over.")
	flags.StringVar(&o.leaseNamespace, "leader-election-namespace", "",
		"Where the lease lives; the pod's own namespace when empty.")
	flags.Func("operator-namespace", "The operator's own namespace, where the Secret "+keySecret+" is kept; when empty "+
		"the pod's, or else that of the lease, "+installNamespace+" or default.", o.setKeyNamespace)
	o.allowedHosts = defaultAllowedHosts()
	flags.Var(&o.allowedHosts, "allowed-api-hosts", "The hosts that apiUrl and tokenUrl of connections may name, "+
		"comma-separated: each a `host`, host:port or *.suffix. May be given more than once; replaces the default.")
	flags.BoolVar(&o.allowLoopback, "allow-loopback", false,
		"Allow loopback hosts in apiUrl and tokenUrl beside --allowed-api-hosts, for a simulated platform on this machine.")
	flags.StringVar(&o.metricsAddress, "metrics-bind-address", "0",
		"Where /metrics is served, for example :8443; 0 turns it off.")
	flags.BoolVar(&o.metricsSecure, "metrics-secure", true,
		"Serve /metrics over HTTPS, to those whom the API server authenticates and authorizes.")
	flags.StringVar(&o.probeAddress, "health-probe-bind-address", ":8081",
		"Where /healthz and /readyz are served; 0 turns them off.")
	flags.Func("watch-namespace", "Serve only this namespace; may be given more than once.", o.addNamespace)
	flags.Func("watch-label-selector", "Serve only the Webhooks whose labels match: a shard.", o.setSelector)
	flags.IntVar(&o.workers, "max-concurrent-reconciles", 256, "How many Webhooks are worked on at the same time.")
	flags.BoolVar(&o.version, "version", false, "Print the version and end.")
}

func (o *options) addNamespace(namespace string) error {
	o.namespaces = append(o.namespaces, namespace)
	return checkNamespace(namespace)
}

func (o *options) setKeyNamespace(namespace string) error {
	o.keyNamespace = namespace
	if namespace == "" {
		return nil
	}
	return checkNamespace(namespace)
}

// checkNamespace returns an error for what cannot be the name of a namespace.
func checkNamespace(namespace string) error {
	if problems := validation.IsDNS1123Label(namespace); len(problems) > 0 {
		return fmt.Errorf("%q is not the name of a namespace: %s", namespace, strings.Join(problems, "; "))
	}
	return nil
}

func (o *options) setSelector(text string) (err error) {
	o.selector, err = labels.Parse(text)
	return err
}

// configuration is what the flags say, as keys and values for the log. There is no secret among them.
func (o *options) configuration() []any {
	selector := "all"
	if o.selector != nil {
		selector = o.selector.String()
	}
	return []any{
		"leaderElect", o.leaderElect, "leaderElectionNamespace", o.leaseNamespace, "operatorNamespace", o.keyNamespace,
		"allowedAPIHosts", o.allowedHosts.patterns, "allowLoopback", o.allowLoopback,
		"metricsBindAddress", o.metricsAddress, "metricsSecure", o.metricsSecure, "healthProbeBindAddress", o.probeAddress,
		"watchNamespaces", o.namespaces, "watchLabelSelector", selector, "maxConcurrentReconciles", o.workers,
	}
}

// check returns an error for flags that cannot be served together where this process runs: podNamespaceFile is there in
// a pod only.
func (o *options) check(podNamespaceFile string) error {
	if !o.leaderElect || o.leaseNamespace != "" {
		return nil
	}
	if namespace, err := podNamespace(podNamespaceFile); err != nil || namespace != "" {
		return err
	}
	return errors.New("--leader-elect needs a namespace for its lease, which outside of a cluster is not known: " +
		"set --leader-election-namespace, for example to " + installNamespace)
}

// lease names the lease that the managers of one shard compete for.
func (o *options) lease() string {
	const name = "itwin.webhook-operator.io"
	if o.selector == nil && len(o.namespaces) == 0 {
		return name
	}
	shard := strings.Join(slices.Sorted(slices.Values(o.namespaces)), ",")
	if o.selector != nil {
		shard += ";" + o.selector.String()
	}
	sum := sha256.Sum256([]byte(shard))
	return name + "-" + hex.EncodeToString(sum[:4])
}

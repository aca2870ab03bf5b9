package export

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/tenancy"
	"webhook-operator.io/itwin/internal/cli/env"
	"webhook-operator.io/itwin/internal/cli/problem"
	"webhook-operator.io/itwin/internal/cli/remote"
	"webhook-operator.io/itwin/internal/platform"
)

// source is an account, and where the manifests of its remote webhooks are for.
type source struct {
	place

	options platform.Options
	// from says where the credentials are from.
	from string
	// also are further connections to the same account.
	also []string
}

// sources finds the accounts to export. Those that fail are the error; the others are returned all the same.
func (o *options) sources(ctx context.Context, e *env.Env, c client.Client) ([]*source, error) {
	credentials, given, err := remote.FromEnvironment(os.Getenv)
	switch {
	case err != nil:
		return nil, err
	case o.all && o.connection != "":
		return nil, problem.New("--all and --connection exclude each other", "leave out one of them")
	case o.all && (o.apiURL != "" || o.tokenURL != ""):
		return nil, problem.New("--all takes the URLs of the connections", "leave out --api-url and --token-url")
	case !o.all && o.connection == "" && !given:
		return nil, problem.New("no account is named", fmt.Sprintf("name a Connection by --connection, or all by --all, or "+
			"set %s and %s", remote.ClientIDVariable, remote.ClientSecretVariable))
	case !given && (o.apiURL != "" || o.tokenURL != ""):
		return nil, problem.New("--api-url and --token-url are for credentials of the environment", fmt.Sprintf(
			"set %s and %s", remote.ClientIDVariable, remote.ClientSecretVariable))
	case c == nil && !given:
		_, err := e.Client()
		return nil, err
	case o.all:
		return o.every(ctx, e, c)
	}
	in, err := o.place(e)
	if err != nil {
		return nil, err
	}
	s := &source{place: in}
	if given {
		err = o.fromEnvironment(ctx, e, c, s, credentials)
	} else {
		err = o.fromConnection(ctx, c, s)
	}
	if err != nil {
		return nil, err
	}
	return []*source{s}, nil
}

// place is what --connection names: NAME, NAMESPACE/NAME, or /NAME of a ClusterConnection.
func (o *options) place(e *env.Env) (place, error) {
	namespace, err := e.Namespace()
	if err != nil {
		return place{}, err
	}
	in := place{
		namespace: namespace, kind: itwinv1alpha1.ConnectionKindNamespaced, name: cmp.Or(o.connection, defaultConnection),
	}
	before, name, qualified := strings.Cut(o.connection, "/")
	switch {
	case !qualified:
		return in, nil
	case name == "" || strings.Contains(name, "/"):
		return in, problem.New(fmt.Sprintf("--connection %q names no connection", o.connection),
			"write NAME, NAMESPACE/NAME, or /NAME for a ClusterConnection")
	case before == "":
		in.kind = itwinv1alpha1.ConnectionKindCluster
	case *e.Flags.Namespace != "" && *e.Flags.Namespace != before:
		return in, problem.New(fmt.Sprintf("Connection %q is not in namespace %q", o.connection, *e.Flags.Namespace),
			"a Webhook is in the namespace of its Connection: leave out -n")
	default:
		in.namespace = before
	}
	in.name = name
	return in, nil
}

// read reads the connection of a place.
func read(ctx context.Context, c client.Client, in place) (itwinv1alpha1.ConnectionObject, error) {
	var connection itwinv1alpha1.ConnectionObject = &itwinv1alpha1.Connection{}
	key := client.ObjectKey{Namespace: in.namespace, Name: in.name}
	if in.kind == itwinv1alpha1.ConnectionKindCluster {
		connection, key.Namespace = &itwinv1alpha1.ClusterConnection{}, ""
	}
	err := c.Get(ctx, key, connection)
	if apierrors.IsNotFound(err) {
		return nil, &problem.Error{
			What: fmt.Sprintf("there is no %s", in), Do: "see \"kubectl get itwin -A\"", Cause: err,
		}
	}
	return connection, err
}

// fromConnection uses the connection that is named.
func (o *options) fromConnection(ctx context.Context, c client.Client, s *source) (err error) {
	if s.connection, err = read(ctx, c, s.place); err != nil {
		return err
	}
	return o.fromSecret(ctx, c, s)
}

// fromSecret uses the credentials of a connection's Secret. A connection may name any host: they are sent to those
// alone that the flag allows.
func (o *options) fromSecret(ctx context.Context, c client.Client, s *source) (err error) {
	s.options, err = remote.Options(ctx, c, s.connection)
	s.options.AllowHost = o.allowHost()
	s.from = fmt.Sprintf("Secret %s/%s", s.connection.CredentialsNamespace(),
		s.connection.ConnectionSpec().CredentialsSecretRef.Name)
	return err
}

func (o *options) allowHost() func(string) error {
	allow := tenancy.AllowHosts(o.allowedHosts, true)
	return func(host string) error {
		if allow(host) == nil {
			return nil
		}
		return fmt.Errorf("credentials are not sent to the host %q: add it by --allowed-api-hosts", host)
	}
}

// every returns the accounts of all connections.
func (o *options) every(ctx context.Context, e *env.Env, c client.Client) ([]*source, error) {
	namespace, err := e.Namespace()
	if err != nil {
		return nil, err
	}
	places, err := everyPlace(ctx, e, c, namespace)
	if err != nil {
		return nil, err
	}
	var sources []*source
	var failed []error
	known := map[string]*source{}
	for _, in := range places {
		s := &source{place: in}
		if err := o.fromSecret(ctx, c, s); err != nil {
			failed = append(failed, about(in, err))
			continue
		}
		account := remote.AccountOf(s.options)
		if first := known[account]; first != nil {
			first.also = append(first.also, in.String())
			continue
		}
		known[account] = s
		sources = append(sources, s)
	}
	return sources, problem.Join(failed...)
}

// everyPlace lists the connections, those first that manifests are best made for: where import is allowed, then those
// of the namespace, then the others in the order of their names.
func everyPlace(ctx context.Context, e *env.Env, c client.Client, namespace string) (places []place, err error) {
	var connections itwinv1alpha1.ConnectionList
	err = c.List(ctx, &connections)
	if apierrors.IsForbidden(err) {
		fmt.Fprintf(e.ErrOut, "You may not list the Connections of all namespaces: only those of %s are exported.\n",
			namespace)
		err = c.List(ctx, &connections, client.InNamespace(namespace))
	}
	if err != nil {
		return nil, err
	}
	for i := range connections.Items {
		found := &connections.Items[i]
		places = append(places, place{found.Namespace, itwinv1alpha1.ConnectionKindNamespaced, found.Name, found})
	}
	var ofCluster itwinv1alpha1.ClusterConnectionList
	switch err := c.List(ctx, &ofCluster); {
	case apierrors.IsForbidden(err):
		fmt.Fprintln(e.ErrOut, "You may not list ClusterConnections: none of them is exported.")
	case err != nil:
		return nil, err
	}
	for i := range ofCluster.Items {
		found := &ofCluster.Items[i]
		places = append(places, place{namespace, itwinv1alpha1.ConnectionKindCluster, found.Name, found})
	}
	rank := func(in place) int {
		switch {
		case !in.connection.AllowsAdoption():
			return 2
		case in.namespace != namespace:
			return 1
		}
		return 0
	}
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), strings.Compare(a.String(), b.String()))
	})
	return places, nil
}

package controllers

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

const (
	// callsInFlight bounds the calls of one connection, so that a slow platform holds few of the workers.
	callsInFlight = 8

	clientIDKey     = "clientId"
	clientSecretKey = "clientSecret"
	defaultCAKey    = "ca.crt"
)

// errCredentials is a problem with a Secret of the connection, which somebody must mend.
type errCredentials struct{ message string }

func (e *errCredentials) Error() string { return e.message }

// connect returns the connection's fleet, made anew when the connection speaks for another account.
func (r *ConnectionReconciler) connect(ctx context.Context, c v1alpha1.ConnectionObject) (*fleet.Fleet, error) {
	options, err := r.options(ctx, c)
	if err != nil {
		return nil, err
	}
	key := keyOf(c)
	remote, linked := r.Fleets.Get(key), r.linkOf(c)
	if remote != nil && remote.Closed() == nil && reflect.DeepEqual(linked.options, options) {
		return remote, nil
	}
	instrumented := options
	instrument(key, &instrumented)
	api, err := r.dial(instrumented)
	if err != nil {
		return nil, &errCredentials{err.Error()}
	}
	if remote != nil && sameAccount(linked.options, options) {
		remote.Use(api)
	} else {
		name := client.ObjectKeyFromObject(c)
		remote = fleet.New(api, r.Clock, func() { r.waker.wake(priorityRemote, name) })
		r.Fleets.Put(key, remote)
	}
	r.setLink(key, link{options: options})
	return remote, nil
}

func dial(o platform.Options) (fleet.API, error) { return platform.New(o) }

// keyOf names a connection.
func keyOf(c v1alpha1.ConnectionObject) string { return connectionKey(c.GetNamespace(), c.GetName()) }

func (r *ConnectionReconciler) linkOf(c v1alpha1.ConnectionObject) link {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.links[keyOf(c)]
}

func (r *ConnectionReconciler) setLink(key string, l link) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.links[key] = l
}

func (r *ConnectionReconciler) unlink(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.links, key)
}

// sameAccount tells whether a picture made with one set of options is still true with another.
func sameAccount(a, b platform.Options) bool {
	return a.APIURL == b.APIURL && a.Credentials.ClientID == b.Credentials.ClientID
}

// options reads the connection's Secrets, past the cache.
func (r *ConnectionReconciler) options(ctx context.Context, c v1alpha1.ConnectionObject) (platform.Options, error) {
	spec := c.ConnectionSpec()
	options := platform.Options{
		APIURL: spec.APIURL, TokenURL: spec.TokenURL, OAuthScope: spec.OAuthScope, UserAgent: r.UserAgent,
		Limits: limitsOf(spec),
	}
	namespace := c.CredentialsNamespace()
	read := func(name string, keys ...string) ([]string, error) {
		return r.readKeys(ctx, client.ObjectKey{Namespace: namespace, Name: name}, keys)
	}
	credentials, err := read(spec.CredentialsSecretRef.Name, clientIDKey, clientSecretKey)
	if err != nil {
		return options, err
	}
	options.Credentials = platform.Credentials{ClientID: credentials[0], ClientSecret: credentials[1]}
	if bundle := spec.CABundleSecretRef; bundle != nil {
		pem, err := read(bundle.Name, cmp.Or(bundle.Key, defaultCAKey))
		if err != nil {
			return options, err
		}
		options.CABundle = []byte(pem[0])
	}
	return options, nil
}

func limitsOf(spec *v1alpha1.ConnectionSpec) platform.Limits {
	return platform.Limits{
		PerMinute: int(spec.RateLimit.RequestsPerMinute), PerHour: int(ptr.Deref(spec.RateLimit.RequestsPerHour, 0)),
		InFlight: callsInFlight,
	}
}

// readKeys reads values of a Secret, all of which must be there, by one request.
func (r *ConnectionReconciler) readKeys(ctx context.Context, name client.ObjectKey, keys []string) ([]string, error) {
	var secret corev1.Secret
	if err := r.APIReader.Get(ctx, name, &secret); apierrors.IsNotFound(err) {
		return nil, &errCredentials{fmt.Sprintf(`There is no Secret %q in namespace %q; create it with the key "%s"`,
			name.Name, name.Namespace, strings.Join(keys, `" and the key "`))}
	} else if err != nil {
		return nil, err
	}
	values := make([]string, len(keys))
	for i, key := range keys {
		if values[i] = strings.TrimSpace(string(secret.Data[key])); values[i] == "" {
			return nil, &errCredentials{fmt.Sprintf(
				"Secret %q in namespace %q has no key %q", name.Name, name.Namespace, key)}
		}
	}
	return values, nil
}

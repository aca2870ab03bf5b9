// Package remote reaches the platform from where a command runs, with the credentials of a connection or of the
// environment.
package remote

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/cli/problem"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

// The environment of a command that is given no connection's Secret.
const (
	ClientIDVariable     = "ITWIN_CLIENT_ID"
	ClientSecretVariable = "ITWIN_CLIENT_SECRET" //nolint:gosec // it names a variable and is no secret
)

// What a connection that does not say otherwise has.
const (
	DefaultAPIURL   = "https://api.bentley.com"
	DefaultTokenURL = "https://ims.bentley.com/connect/token" //nolint:gosec // a URL
	DefaultScope    = "itwin-platform"

	clientIDKey, clientSecretKey = "clientId", "clientSecret"
	defaultCAKey                 = "ca.crt"
)

// Options are those of a connection, with the credentials of its Secret.
func Options(
	ctx context.Context, c client.Reader, connection itwinv1alpha1.ConnectionObject,
) (platform.Options, error) {
	o := OptionsWithout(connection)
	spec, namespace := connection.ConnectionSpec(), connection.CredentialsNamespace()
	values, err := readKeys(ctx, c, namespace, spec.CredentialsSecretRef.Name, clientIDKey, clientSecretKey)
	if err != nil {
		return o, err
	}
	o.Credentials = platform.Credentials{ClientID: values[0], ClientSecret: values[1]}
	if bundle := spec.CABundleSecretRef; bundle != nil {
		values, err := readKeys(ctx, c, namespace, bundle.Name, cmp.Or(bundle.Key, defaultCAKey))
		if err != nil {
			return o, err
		}
		o.CABundle = []byte(values[0])
	}
	return o, nil
}

// OptionsWithout are those of a connection without its credentials; nil is one that says nothing.
func OptionsWithout(connection itwinv1alpha1.ConnectionObject) platform.Options {
	spec := &itwinv1alpha1.ConnectionSpec{}
	if connection != nil {
		spec = connection.ConnectionSpec()
	}
	return platform.Options{
		APIURL: cmp.Or(spec.APIURL, DefaultAPIURL), TokenURL: cmp.Or(spec.TokenURL, DefaultTokenURL),
		OAuthScope: cmp.Or(spec.OAuthScope, DefaultScope),
		Limits:     platform.Limits{PerMinute: platform.AssumedPerMinute, Assumed: true, InFlight: 1},
	}
}

// FromEnvironment are the credentials of the environment; ok is false when it has none.
func FromEnvironment(getenv func(string) string) (c platform.Credentials, ok bool, err error) {
	c = platform.Credentials{ClientID: getenv(ClientIDVariable), ClientSecret: getenv(ClientSecretVariable)}
	if (c.ClientID == "") != (c.ClientSecret == "") {
		return c, false, problem.Newf("%s and %s must be set together", ClientIDVariable, ClientSecretVariable)
	}
	return c, c.ClientID != "", nil
}

// AccountOf names the account that some options reach, as status.account of a Webhook does.
func AccountOf(o platform.Options) string {
	return fleet.AccountOf(o.APIURL, o.TokenURL, o.Credentials.ClientID)
}

// List lists the remote webhooks of an account: one token, one list.
func List(ctx context.Context, o platform.Options) (platform.Listing, error) {
	c, err := platform.New(o)
	if err != nil {
		return platform.Listing{}, err
	}
	if err := c.Login(ctx); err != nil {
		return platform.Listing{}, err
	}
	return c.List(ctx, nil)
}

// readKeys reads values of a Secret, all of which must be there.
func readKeys(ctx context.Context, c client.Reader, namespace, name string, keys ...string) ([]string, error) {
	var secret corev1.Secret
	switch err := c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &secret); {
	case apierrors.IsNotFound(err):
		return nil, problem.New(fmt.Sprintf("there is no Secret %q in namespace %q", name, namespace),
			fmt.Sprintf("create it with %s", strings.Join(keys, " and ")))
	case apierrors.IsForbidden(err):
		return nil, &problem.Error{
			What: fmt.Sprintf("you may not read Secret %q in namespace %q", name, namespace),
			Do: fmt.Sprintf("set %s and %s to use credentials of your own", ClientIDVariable,
				ClientSecretVariable), Cause: err,
		}
	case err != nil:
		return nil, err
	}
	values := make([]string, len(keys))
	for i, key := range keys {
		if values[i] = strings.TrimSpace(string(secret.Data[key])); values[i] == "" {
			return nil, problem.Newf("Secret %q in namespace %q has no key %q", name, namespace, key)
		}
	}
	return values, nil
}

package export

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"webhook-operator.io/itwin/controllers/tenancy"
	"webhook-operator.io/itwin/internal/cli/env"
	"webhook-operator.io/itwin/internal/cli/problem"
	"webhook-operator.io/itwin/internal/cli/remote"
	"webhook-operator.io/itwin/internal/platform"
)

// fromEnvironment uses credentials of the environment. Of the connection, which need not exist, it takes what the flags
// do not say, and tells where the credentials are sent to.
func (o *options) fromEnvironment(
	ctx context.Context, e *env.Env, c client.Client, s *source, credentials platform.Credentials,
) error {
	from := "the defaults; no cluster is configured"
	if c != nil {
		connection, err := read(ctx, c, s.place)
		switch {
		case err == nil:
			s.connection, from = connection, "those of "+s.String()
		case apierrors.IsNotFound(err) || meta.IsNoMatchError(err):
			from = fmt.Sprintf("the defaults; there is no %s", s.place)
		case apierrors.IsForbidden(err) && o.apiURL != "" && o.tokenURL != "":
			fmt.Fprintf(e.ErrOut, "You may not read %s: what it allows is not known.\n", s.place)
		default:
			return unread(s.place, err)
		}
	}
	s.options, s.from = remote.OptionsWithout(s.connection), "the environment"
	s.options.Credentials = credentials
	if o.apiURL == "" && o.tokenURL == "" {
		s.options.AllowHost = o.allowHost()
	}
	if o.apiURL != "" && o.tokenURL != "" {
		from = "those of the flags"
	}
	s.options.APIURL = cmp.Or(o.apiURL, s.options.APIURL)
	s.options.TokenURL = cmp.Or(o.tokenURL, s.options.TokenURL)
	if err := errors.Join(encrypted(s.options.TokenURL), encrypted(s.options.APIURL)); err != nil {
		return err
	}
	fmt.Fprintf(e.ErrOut, "The credentials of the environment are sent to %s, for tokens of %s (%s).\n",
		platform.WithoutQueries(s.options.TokenURL), platform.WithoutQueries(s.options.APIURL), from)
	return nil
}

// encrypted returns an error for a URL to which credentials would go in plain text over a network.
func encrypted(address string) error {
	parsed, err := url.Parse(address)
	if err == nil && (parsed.Scheme == "https" || tenancy.AllowHosts(nil, true)(parsed.Host) == nil) {
		return nil
	}
	return problem.New(fmt.Sprintf("credentials are not sent to %s", platform.WithoutQueries(address)),
		"name an https:// URL: http:// is for loopback hosts alone")
}

// unread is the error of a connection that may exist. Its URLs are not known, and the credentials may be for others
// than the defaults.
func unread(in place, err error) error {
	return &problem.Error{
		What: fmt.Sprintf("cannot read %s, so it is unknown where the credentials of the environment belong: %s", in,
			problem.Explain(err).What),
		Do: "try again, or name both by --api-url and --token-url if you may not read it", Cause: err,
	}
}

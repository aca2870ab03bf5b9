package check

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

const (
	// answerTimeout is how long a host may take to answer.
	answerTimeout = 10 * time.Second
	// mostHosts is how many hosts are tried.
	mostHosts = 20
)

// reach is which addresses the connections need, and what is known of them.
type reach struct {
	addresses map[string]*address
}

// address is a URL that connections use.
type address struct {
	// used is by a connection that is ready: the operator reaches it.
	used bool
	// bundled is by one that trusts more certificates.
	bundled bool
}

func newReach() *reach { return &reach{addresses: map[string]*address{}} }

// add notes the addresses of a connection, but not those that the installation does not allow: otherwise the
// author of a connection would choose what is asked from here.
func (r *reach) add(o itwinv1alpha1.ConnectionObject) {
	spec := o.ConnectionSpec()
	ready := meta.FindStatusCondition(o.ConnectionStatus().Conditions, itwinv1alpha1.ReadyCondition)
	if ready == nil || ready.Reason == itwinv1alpha1.HostNotAllowedReason {
		return
	}
	for _, u := range []string{spec.APIURL, spec.TokenURL} {
		a := r.addresses[u]
		if a == nil {
			a = &address{}
			r.addresses[u] = a
		}
		a.used = a.used || ready.Status == metav1.ConditionTrue
		a.bundled = a.bundled || spec.CABundleSecretRef != nil
	}
}

// check asks each address without credentials. Any answer will do.
func (r *reach) check(ctx context.Context, c *checker) error {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	defer transport.CloseIdleConnections()
	caller := &http.Client{
		Transport: transport, Timeout: answerTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	for i, u := range slices.Sorted(maps.Keys(r.addresses)) {
		if i == mostHosts {
			return c.ok("reach", "%d more addresses of connections were not tried", len(r.addresses)-mostHosts)
		}
		if err := c.found(r.addresses[u].try(ctx, c, caller, u)); err != nil {
			return err
		}
	}
	return nil
}

func (a *address) try(ctx context.Context, c *checker, caller *http.Client, target string) Finding {
	f := Finding{Check: "reach " + target, Result: OK}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		f.Result, f.Message, f.NextStep = Problem, err.Error(), "Correct the URL in the connection"
		return f
	}
	request.Header.Set("User-Agent", "kubectl-itwin/"+c.env.Build.Version)
	way := ""
	if proxy, err := http.ProxyFromEnvironment(request); err == nil && proxy != nil {
		way = " by proxy " + proxy.Host
	}
	response, err := caller.Do(request)
	if err == nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<16))
		_ = response.Body.Close()
		f.Message = fmt.Sprintf("Answers from here%s: %s", way, response.Status)
		return f
	}
	if failed, ok := errors.AsType[*url.Error](err); ok {
		err = failed.Err
	}
	f.Result, f.Message = Problem, fmt.Sprintf("Does not answer from here%s: %v", way, err)
	f.NextStep = "Check DNS, proxy (HTTPS_PROXY, NO_PROXY) and firewall, here and where the operator runs"
	if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); unknown && a.bundled {
		f.Result = Warning
		f.NextStep = "Nothing: the connection's CA bundle, which is in a Secret, was not read to try this"
	} else if a.used {
		f.Result, f.NextStep = Warning, "Nothing for Webhooks: the operator reaches it, only this machine does not"
	}
	return f
}

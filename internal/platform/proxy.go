package platform

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"golang.org/x/net/http/httpproxy"
)

// proxies returns the proxy that requests to a URL go through, nil when they go straight there.
type proxies func(*url.URL) (*url.URL, error)

// environmentProxies reads HTTPS_PROXY, HTTP_PROXY and NO_PROXY, in upper or lower case. Loopback hosts have no proxy.
func environmentProxies() proxies { return httpproxy.FromEnvironment().ProxyFunc() }

// of is the proxy of a request, as an http.Transport asks for it.
func (p proxies) of(r *http.Request) (*url.URL, error) { return p(r.URL) }

// route names a host for errors, and the proxy on the way there, without its user and password; "" when there is none.
type route struct{ host, proxy string }

// to returns the route to the host of a URL.
func (p proxies) to(u *url.URL) route {
	r := route{host: u.Host}
	if p == nil {
		return r
	}
	if proxy, err := p(u); err == nil && proxy != nil {
		r.proxy = "the proxy " + proxy.Host
	}
	return r
}

// String names both.
func (r route) String() string {
	if r.proxy == "" {
		return r.host
	}
	return r.host + " through " + r.proxy
}

// first is what a connection is made to.
func (r route) first() string {
	if r.proxy == "" {
		return r.host
	}
	return r.proxy
}

// errProxyRefused is that a proxy did not open a connection: nothing was sent through it.
var errProxyRefused = errors.New("refused by the proxy")

// checkProxy reads the answer of a proxy that was asked for a connection to a host. The text of its status line is the
// proxy's to choose: the number is enough.
func checkProxy(_ context.Context, proxy *url.URL, ask *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	text := fmt.Sprintf("the proxy %s does not connect to %s: it answered %d %s", proxy.Host, ask.Host, answer.StatusCode,
		http.StatusText(answer.StatusCode))
	switch answer.StatusCode {
	case http.StatusProxyAuthRequired:
		text += "; the user and password of the proxy belong into HTTPS_PROXY"
	case http.StatusForbidden:
		text += "; allow the host there, or name it in NO_PROXY"
	}
	return &causeError{text, errProxyRefused}
}

package platform

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"k8s.io/utils/clock"
)

const (
	// DefaultRequestTimeout bounds one HTTP request.
	DefaultRequestTimeout = 10 * time.Second
	// DefaultListTimeout bounds a whole list.
	DefaultListTimeout = time.Minute
)

// Options say how to reach the platform, and as whom.
type Options struct {
	// APIURL without the /webhooks path, for example https://api.bentley.com.
	APIURL string
	// TokenURL of the OAuth server, for example https://ims.bentley.com/connect/token.
	TokenURL    string
	Credentials Credentials
	// OAuthScope that tokens are asked for.
	OAuthScope string
	// CABundle holds PEM certificates that are trusted beside the system's; may be empty.
	CABundle []byte
	// UserAgent of every request.
	UserAgent string
	// RequestTimeout bounds one HTTP request; DefaultRequestTimeout when 0.
	RequestTimeout time.Duration
	// ListTimeout bounds a whole list, all pages together; DefaultListTimeout when 0.
	ListTimeout time.Duration
	// PingAfter is how long an HTTP/2 connection may be silent before it is tested; DefaultPingAfter when 0.
	PingAfter time.Duration
	// Limits bound the calls to the API, until Pace makes the client share those of its account; token requests go to
	// another service and are not counted.
	Limits Limits
	// TokenPause is shared with other clients that ask the same token server for the same tokens; may be nil.
	TokenPause *TokenPause
	// Transport carries the requests; nil is HTTP over TCP, with TLS as CABundle says.
	Transport http.RoundTripper
	// AllowHost returns an error for a host, with its port if it is not the default, that no request may be sent to; nil
	// allows any. It is asked about the hosts of APIURL and TokenURL, as NormalURL spells them.
	AllowHost func(host string) error
	// Clock is the real one when nil.
	Clock clock.PassiveClock
	// Observe is told of every HTTP request after it ended; may be nil.
	Observe func(Call)
	// Throttled is told of every wait that was asked for; may be nil.
	Throttled func(time.Duration)
	// Wait waits for a slot for the next page of a list, or returns an error when the context ends first; nil is a timer.
	Wait func(context.Context, time.Duration) error
}

// Call is one HTTP request that ended.
type Call struct {
	// Operation is one of token, create, get, list, update, delete.
	Operation string
	// Status is 0 when there was no answer.
	Status   int
	Duration time.Duration
}

// Client calls the Webhooks API as one Service Application. It is safe for concurrent use.
type Client struct {
	options Options
	base    *url.URL
	http    *http.Client
	tokens  *tokens
	// proxies are nil where Options.Transport carries the requests.
	proxies proxies
	share   atomic.Pointer[Share]
}

// HostError says that a host is not allowed.
type HostError struct {
	// Option is apiUrl or tokenUrl.
	Option string
	// Reason says which host, and who may allow it.
	Reason error
}

func (e *HostError) Error() string { return fmt.Sprintf("%s cannot be used: %s", e.Option, e.Reason) }

func (e *HostError) Unwrap() error { return e.Reason }

// New makes a client. It fails when a URL or the CA bundle cannot be used, with a HostError when a host is not allowed;
// it sends nothing.
func New(o Options) (*Client, error) {
	base, err := url.Parse(o.APIURL)
	if err != nil || base.Host == "" {
		return nil, fmt.Errorf("apiUrl %q is not a URL with a host", o.APIURL)
	}
	if err := checkHosts(o); err != nil {
		return nil, err
	}
	roots, err := trust(o.CABundle)
	if err != nil {
		return nil, err
	}
	setDefaults(&o)
	var ways proxies
	if o.Transport == nil {
		ways = environmentProxies()
		o.Transport = transport(roots, o.PingAfter, ways)
	}
	httpClient := &http.Client{
		Transport: signed{o.Transport, o.UserAgent},
		// A redirect would carry the token, or a create, to a host that is not configured.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	c := &Client{
		options: o, base: base.JoinPath("/"), http: httpClient, proxies: ways,
		tokens: &tokens{
			client: httpClient, proxies: ways, clock: o.Clock, timeout: o.RequestTimeout, observe: o.Observe,
			pause: o.TokenPause,
			config: clientcredentials.Config{
				ClientID: o.Credentials.ClientID, ClientSecret: o.Credentials.ClientSecret,
				TokenURL: o.TokenURL, Scopes: strings.Fields(o.OAuthScope),
				// Bentley documents the form; detecting the style would cost a second request.
				AuthStyle: oauth2.AuthStyleInParams,
			},
		},
	}
	c.Pace(NewPace(o.Clock, nil).Join("", o.Limits))
	return c, nil
}

// checkHosts asks AllowHost about both URLs.
func checkHosts(o Options) error {
	if o.AllowHost == nil {
		return nil
	}
	for _, option := range []struct{ name, url string }{{"apiUrl", o.APIURL}, {"tokenUrl", o.TokenURL}} {
		u, ok := NormalURL(option.url)
		if !ok {
			return &HostError{option.name, fmt.Errorf("%q is not a URL with a host", Clean(option.url))}
		}
		if err := o.AllowHost(u.Host); err != nil {
			return &HostError{option.name, err}
		}
	}
	return nil
}

// Login obtains an access token unless there is one that can be used. It proves the credentials, and takes no slot in
// the pace of the account.
func (c *Client) Login(ctx context.Context) error {
	if _, err := c.tokens.get(ctx, nil); err != nil {
		return err
	}
	return nil
}

// Pace makes the client share the pace of its account from now on.
func (c *Client) Pace(share *Share) { c.share.Store(share) }

// enter takes a slot for a call; close makes the account pause.
func (c *Client) enter(t Priority) (leave func(), refused *ThrottledError) {
	share := c.share.Load()
	return share.gate.enter(share.member, t)
}

func setDefaults(o *Options) {
	if o.RequestTimeout == 0 {
		o.RequestTimeout = DefaultRequestTimeout
	}
	if o.ListTimeout == 0 {
		o.ListTimeout = DefaultListTimeout
	}
	if o.PingAfter == 0 {
		o.PingAfter = DefaultPingAfter
	}
	if o.Wait == nil {
		o.Wait = wait
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.TokenPause == nil {
		o.TokenPause = &TokenPause{}
	}
	if o.Observe == nil {
		o.Observe = func(Call) {}
	}
	if o.Throttled == nil {
		o.Throttled = func(time.Duration) {}
	}
}

// wait waits by the real clock.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func trust(bundle []byte) (*x509.CertPool, error) {
	if len(bundle) == 0 {
		return nil, nil
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(bundle) {
		return nil, errors.New("the CA bundle holds no PEM certificate")
	}
	return roots, nil
}

const (
	// idleTimeout is shorter than the default interval of polls, so that each begins with a connection that works.
	idleTimeout = 30 * time.Second
	// DefaultPingAfter is how long an HTTP/2 connection may say nothing before it is asked, and then again before it is
	// closed: a dead one is replaced within 30 s.
	DefaultPingAfter = 15 * time.Second
)

func transport(roots *x509.CertPool, pingAfter time.Duration, ways proxies) *http.Transport {
	return &http.Transport{
		Proxy:                  ways.of,
		OnProxyConnectResponse: checkProxy,
		DialContext:            (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout:    5 * time.Second,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        idleTimeout,
		ExpectContinueTimeout:  time.Second,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingAfter},
	}
}

// signed says in every request who sends it, also in those of the OAuth library.
type signed struct {
	http.RoundTripper
	userAgent string
}

// RoundTrip implements http.RoundTripper.
func (s signed) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", s.userAgent)
	return s.RoundTripper.RoundTrip(r)
}

// CloseIdleConnections is what http.Client looks for in a transport.
func (s signed) CloseIdleConnections() {
	(&http.Client{Transport: s.RoundTripper}).CloseIdleConnections()
}

// CloseIdleConnections lets go of the connections that no call uses.
func (c *Client) CloseIdleConnections() { c.http.CloseIdleConnections() }

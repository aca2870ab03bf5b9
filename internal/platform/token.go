package platform

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"k8s.io/utils/clock"
)

const (
	// tokenEarly is how long before its end a token is no longer used; half its life if that is shorter.
	tokenEarly = time.Minute
	// tokenDefault is how long a token is used that came without an end.
	tokenDefault = time.Hour
)

// Credentials are those of a Service Application; the Webhooks API V2 accepts no others.
type Credentials struct {
	ClientID, ClientSecret string
}

// tokens keeps one access token, fetched when needed.
type tokens struct {
	proxies proxies
	config  clientcredentials.Config
	client  *http.Client
	clock   clock.PassiveClock
	timeout time.Duration
	observe func(Call)

	mu     sync.Mutex
	cached *oauth2.Token
	// useUntil is when the cached token should be replaced, and validUntil when it ends, by our own clock.
	useUntil, validUntil time.Time
	// fetching is true while a caller obtains another one.
	fetching bool
	pause    *TokenPause
}

// TokenPause is the pause that a token server asked for. The clients that a connection had one after another share it,
// so that a change of the connection does not end it. The zero value is ready for use, also by several callers.
type TokenPause struct {
	mu     sync.Mutex
	until  time.Time
	failed *Error
}

// Pending reports whether the pause goes on.
func (p *TokenPause) Pending(now time.Time) bool { return p.failure(now) != nil }

// failure is the answer that asked for the pause, with the time that is left of it; nil when the pause is over.
func (p *TokenPause) failure(now time.Time) *Error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !now.Before(p.until) {
		return nil
	}
	failed := *p.failed
	failed.RetryAfter = p.until.Sub(now)
	return &failed
}

func (p *TokenPause) note(failed *Error, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := now.Add(failed.RetryAfter); until.After(p.until) {
		p.failed, p.until = failed, until
	}
}

// busyToken is how long a caller waits while another one obtains a token.
const busyToken = 50 * time.Millisecond

// get returns a token that is not stale. Passing the token that a call was refused with fetches a new one, unless
// another caller already has. No caller waits for the request of another: it uses the token that is about to be
// replaced, or is told to come back.
func (t *tokens) get(ctx context.Context, stale *oauth2.Token) (*oauth2.Token, error) {
	t.mu.Lock()
	now := t.clock.Now()
	cached := t.cached != nil && t.cached != stale
	switch {
	case cached && now.Before(t.useUntil), cached && t.fetching && now.Before(t.validUntil):
		defer t.mu.Unlock()
		return t.cached, nil
	case t.fetching:
		t.mu.Unlock()
		return nil, &ThrottledError{After: busyToken, InFlight: true}
	}
	if failure := t.pause.failure(now); failure != nil {
		t.mu.Unlock()
		return nil, failure
	}
	t.fetching = true
	t.mu.Unlock()

	token, failure := t.fetch(ctx)

	t.mu.Lock()
	defer t.mu.Unlock()
	t.fetching = false
	if failure != nil {
		t.pause.note(failure, t.clock.Now())
		return nil, failure
	}
	t.cached, t.useUntil, t.validUntil = token, now.Add(usableFor(token)), now.Add(validFor(token))
	return token, nil
}

// fetch asks the token server.
func (t *tokens) fetch(ctx context.Context) (*oauth2.Token, *Error) {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	begun := t.clock.Now()
	server := &tokenServer{transport: t.client.Transport, progress: progress{route: t.route()}}
	client := &http.Client{Transport: server, CheckRedirect: t.client.CheckRedirect}
	token, err := t.config.Token(context.WithValue(server.progress.trace(ctx), oauth2.HTTPClient, client))
	if err != nil {
		failure := t.failure(ctx, server, err)
		if errors.Is(failure, context.DeadlineExceeded) {
			t.client.CloseIdleConnections()
		}
		t.observe(Call{Operation: "token", Status: failure.Status, Duration: t.clock.Since(begun)})
		return nil, failure
	}
	t.observe(Call{Operation: "token", Status: http.StatusOK, Duration: t.clock.Since(begun)})
	return token, nil
}

// validFor is how long a token that was just fetched is valid. Its Expiry comes from the library's clock, which is
// always the real one.
func validFor(token *oauth2.Token) time.Duration {
	if token.Expiry.IsZero() {
		return tokenDefault
	}
	return time.Until(token.Expiry)
}

// usableFor is how long a token that was just fetched should be used.
func usableFor(token *oauth2.Token) time.Duration {
	if token.Expiry.IsZero() {
		return tokenDefault
	}
	lifetime := validFor(token)
	return lifetime - min(tokenEarly, lifetime/2)
}

// route leads to the token server.
func (t *tokens) route() route {
	u, err := url.Parse(t.config.TokenURL)
	if err != nil {
		return route{host: "the token server"}
	}
	return t.proxies.to(u)
}

// path is the token URL without what may be secret in it.
func (t *tokens) path() string {
	u, err := url.Parse(t.config.TokenURL)
	if err != nil {
		return Clean(t.config.TokenURL)
	}
	return withoutQuery(u)
}

// tokenServer carries one token request, and brings the answer into the form that the OAuth library reads.
type tokenServer struct {
	transport http.RoundTripper
	progress  progress
	// status is that of the answer, 0 when there was none; problem is what is wrong with it.
	status  int
	problem string
}

// maxTokenBody bounds what is read of an answer of the token server.
const maxTokenBody = 64 << 10

// RoundTrip implements http.RoundTripper.
func (s *tokenServer) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := s.transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxTokenBody))
	if err != nil {
		return nil, brokeOff(r.Context(), err)
	}
	s.status = response.StatusCode
	body, s.problem = tokenBody(response, body)
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return response, nil
}

// failure keeps of the answer what a person needs. The body is not quoted: nothing is known of what an identity
// provider puts there. A fetched token changes nothing on the platform, so the outcome of the call that
// needed it is Refused.
func (t *tokens) failure(ctx context.Context, server *tokenServer, err error) *Error {
	failure := &Error{
		Operation: "get access token", Method: http.MethodPost, Host: server.progress.route.host, Path: t.path(),
		Outcome: Refused, login: true, Status: server.status,
	}
	retrieve, ok := errors.AsType[*oauth2.RetrieveError](err)
	switch {
	case !ok && server.problem != "":
		failure.Cause = errors.New(misdirected(server.problem, server.status))
		return failure
	case !ok:
		failure.Cause = server.progress.explain(ctx, err)
		return failure
	}
	quote := quoter([]string{t.config.ClientSecret})
	failure.Code, failure.Message = quote(retrieve.ErrorCode), quote(retrieve.ErrorDescription)
	failure.Status = retrieve.Response.StatusCode
	failure.readRetryAfter(retrieve.Response.Header, t.clock.Now())
	// RFC 6749, 5.2: a wrong pair is answered with invalid_client, by 400 or 401. A bare 400 may be a proxy's page.
	switch {
	case failure.Code == "" && server.problem != "":
		failure.Answer = misdirected(server.problem, server.status)
	case failure.Code != "" && (failure.Status == http.StatusBadRequest || failure.Status == http.StatusOK):
		failure.Status = http.StatusUnauthorized
	}
	return failure
}

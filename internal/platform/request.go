package platform

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"golang.org/x/oauth2"
)

const (
	mediaType = "application/vnd.bentley.itwin-platform.v2+json"

	// maxBody bounds what is read of one answer that is no list.
	maxBody = 1 << 20
	// maxErrorBody bounds what is read of an answer that says no.
	maxErrorBody = 64 << 10
	// maxRetryAfter bounds what we believe of a Retry-After.
	maxRetryAfter = time.Hour
	// defaultRetryAfter is used when a 429 does not say how long.
	defaultRetryAfter = 30 * time.Second
)

// operation is one call of the API.
type operation struct {
	name, words string
	method      string
	url         *url.URL
	priority    Priority
	body, into  any
	// read reads the body of a success in another way than into does; nil when into says all.
	read func(ctx context.Context, body io.Reader) error
	// secret is what of the body must never show.
	secret string
}

// failure is an error of this operation about which nothing more is known. A path may be what the platform linked to.
func (o operation) failure() *Error {
	return &Error{Operation: o.words, Method: o.method, Host: o.url.Host, Path: Clean(o.url.Path)}
}

// Ready reports whether a call would be sent now: nil, or an error that says how long to wait, as the call would. It
// sends nothing.
func (c *Client) Ready(priority Priority) error {
	share := c.share.Load()
	if refused := share.gate.ask(share.member, priority); refused != nil {
		c.options.Throttled(refused.After)
		return refused
	}
	return nil
}

// do carries out an operation, a second time with a fresh token if the platform did not accept the first.
func (c *Client) do(ctx context.Context, op operation) error {
	token, err := c.attempt(ctx, op, nil)
	if e, answered := errors.AsType[*Error](err); token != nil && answered && e.Status == http.StatusUnauthorized {
		_, err = c.attempt(ctx, op, token)
	}
	return err
}

// attempt takes a slot within the rate limit and a token other than the stale one, and sends the request. It returns
// the token that the request was sent with; nil when it was not sent.
func (c *Client) attempt(ctx context.Context, op operation, stale *oauth2.Token) (*oauth2.Token, error) {
	leave, refused := c.enter(op.priority)
	if refused != nil {
		c.options.Throttled(refused.After)
		return nil, refused
	}
	defer leave()
	token, err := c.tokens.get(ctx, stale)
	if err == nil {
		err = c.send(ctx, op, token)
	}
	if token != nil {
		c.share.Load().gate.close(retryAfterOf(err))
	}
	return token, err
}

func (c *Client) send(ctx context.Context, op operation, token *oauth2.Token) error {
	ctx, cancel := context.WithTimeout(ctx, c.options.RequestTimeout)
	defer cancel()
	failure := op.failure()
	request, err := c.request(ctx, op, token)
	if err != nil {
		failure.Cause, failure.Outcome = err, Refused
		return failure
	}
	// A process that was stopped for a while must not send what it decided before: the timer behind the context may
	// not have run yet.
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		failure.Cause, failure.Outcome = context.DeadlineExceeded, Refused
		return failure
	}
	begun := c.options.Clock.Now()
	account := c.share.Load().gate
	endedBefore := account.endedSoFar()
	progress := progress{route: c.proxies.to(op.url)}
	response, err := c.http.Do(request.WithContext(progress.trace(ctx)))
	if err != nil {
		c.options.Observe(Call{Operation: op.name, Duration: c.options.Clock.Since(begun)})
		failure.Cause = progress.explain(ctx, err)
		c.dropDead(failure.Cause)
		if neverSent(err) {
			failure.Outcome = Refused
		}
		return failure
	}
	defer func() { _ = response.Body.Close() }()
	failure.Tier = account.learn(rateHeadersOf(response), endedBefore)
	err = c.read(ctx, response, op, failure, token)
	c.dropDead(err)
	c.options.Observe(Call{Operation: op.name, Status: response.StatusCode, Duration: c.options.Clock.Since(begun)})
	return err
}

// dropDead closes the idle connections after a call that took too long: they may be as dead as the one that it used.
func (c *Client) dropDead(err error) {
	if errors.Is(err, context.DeadlineExceeded) {
		c.http.CloseIdleConnections()
	}
}

func (c *Client) request(ctx context.Context, op operation, token *oauth2.Token) (*http.Request, error) {
	var body io.Reader
	if op.body != nil {
		data, err := json.Marshal(op.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, op.method, op.url.String(), body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token.AccessToken)
	request.Header.Set("Accept", mediaType)
	if op.body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return request, nil
}

// read turns an answer into a value or an Error.
func (c *Client) read(
	ctx context.Context, response *http.Response, op operation, failure *Error, token *oauth2.Token,
) error {
	failure.Status = response.StatusCode
	if response.StatusCode >= 200 && response.StatusCode < 300 {
		if failure.Cause = readAnswer(ctx, response, op); failure.Cause != nil {
			if unusable, is := errors.AsType[*unusableError](failure.Cause); is && op.method != http.MethodGet {
				failure.Outcome, failure.Cause = Accepted, unusable.error
			}
			return failure
		}
		return nil
	}
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxErrorBody))
	secrets := []string{op.secret, token.AccessToken, c.options.Credentials.ClientSecret}
	if failure.readError(body, secrets...); failure.Code == "" {
		failure.Answer = describeAnswer(response, body, quoter(secrets))
	}
	failure.readRetryAfter(response.Header, c.options.Clock.Now())
	failure.Outcome = outcome(failure)
	return failure
}

// outcome believes that nothing happened only when the platform itself says so. A bare 4xx may be a proxy's page.
func outcome(e *Error) Outcome {
	switch {
	case e.Status == http.StatusTooManyRequests:
		return Refused
	case e.Status >= 400 && e.Status < 500 && e.Status != http.StatusRequestTimeout && e.Code != "":
		return Refused
	}
	return Unknown
}

// readAnswer reads a success. Where nothing is to be read, 204 says that it is done; any other one says that it was
// accepted.
func readAnswer(ctx context.Context, response *http.Response, op operation) error {
	body := bufio.NewReaderSize(response.Body, peeked)
	start, err := body.Peek(peeked)
	if err != nil && !errors.Is(err, io.EOF) && len(start) == 0 {
		return brokeOff(ctx, err)
	}
	switch {
	case looksLikeHTML(response.Header, start):
		return errors.New("answered with HTML, not JSON") // perhaps a login page in the way: nothing was accepted
	case op.into == nil && op.read == nil && response.StatusCode != http.StatusNoContent:
		return readNothing(body)
	case op.into == nil && op.read == nil:
		return nil
	case len(bytes.TrimSpace(start)) == 0 && errors.Is(err, io.EOF):
		return &unusableError{errors.New("answered without a body")}
	case bytes.HasPrefix(start, bom):
		_, _ = body.Discard(len(bom))
	}
	if op.read != nil {
		return misreading(ctx, op.read(ctx, body))
	}
	limited := &io.LimitedReader{R: body, N: maxBody + 1}
	data, err := io.ReadAll(limited)
	switch {
	case err != nil:
		return brokeOff(ctx, err)
	case limited.N == 0:
		return fmt.Errorf("the answer is larger than %d MiB", maxBody>>20)
	}
	if err := json.Unmarshal(bytes.TrimPrefix(data, bom), op.into); err != nil {
		if said := saidIn(data, op.secret); said != "" {
			return &quotedError{fmt.Errorf("answered with an error: %s", said)}
		}
		return &unusableError{undocumented(err)}
	}
	return nil
}

// readNothing reads a success that should have no body: it is one, unless the body is an error of the platform.
func readNothing(body io.Reader) error {
	data, _ := io.ReadAll(io.LimitReader(body, maxErrorBody))
	if said := saidIn(data); said != "" {
		return &quotedError{fmt.Errorf("answered with an error: %s", said)}
	}
	return &unusableError{errors.New("the answer is not what the API documents: 204 without a body")}
}

// saidIn returns the platform's own words in a body that came with a success; "" when there are none.
func saidIn(body []byte, secrets ...string) string {
	said := &Error{}
	said.readError(body, secrets...)
	return said.Said()
}

// peeked is how many bytes of an answer are looked at to find out what it is.
const peeked = 512

// undocumented is the error of an answer in another form than the API documents.
func undocumented(err error) error {
	return fmt.Errorf("the answer is not what the API documents: %w", err)
}

// brokeOff is the error of an answer that ended too early.
func brokeOff(ctx context.Context, err error) error {
	if whole, is := errors.AsType[*listTimeoutError](context.Cause(ctx)); is {
		return whole
	}
	odd, is := errors.AsType[net.Error](err)
	if is && odd.Timeout() || errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &causeError{"timed out reading the answer", context.DeadlineExceeded}
	}
	return &causeError{"the answer broke off", bare(err)}
}

// misreading names what is wrong with an answer that was read as a stream.
func misreading(ctx context.Context, err error) error {
	_, syntax := errors.AsType[*json.SyntaxError](err)
	_, timeout := errors.AsType[net.Error](err)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return brokeOff(ctx, err)
	case syntax, errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return undocumented(err)
	case timeout, errors.Is(err, context.Canceled):
		return brokeOff(ctx, err)
	}
	return err
}

// retryAfterOf is how long the API asked all calls of the account to wait, by 429 or 503; 0 when it did not.
func retryAfterOf(err error) time.Duration {
	e, answered := errors.AsType[*Error](err)
	if !answered || e.login || e.Status != http.StatusTooManyRequests && e.Status != http.StatusServiceUnavailable {
		return 0
	}
	return e.RetryAfter
}

// neverSent reports whether the request cannot have reached the platform: no connection was made.
func neverSent(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && (op.Op == "dial" || op.Op == proxyConnect) || errors.Is(err, errProxyRefused)
}

// bare drops the method and URL that net/http puts before an error: ours says them already.
func bare(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// readRetryAfter fills in how long the platform asks to wait. A 429 always asks for some time.
func (e *Error) readRetryAfter(h http.Header, now time.Time) {
	e.RetryAfter = retryAfter(h, now)
	if e.RetryAfter == 0 && e.Status == http.StatusTooManyRequests {
		e.RetryAfter = defaultRetryAfter
	}
}

// retryAfter reads how long to wait: Retry-After as seconds or a date, or the platform's own header. A date is that of
// the platform's clock, which the answer shows.
func retryAfter(h http.Header, now time.Time) time.Duration {
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	for _, value := range []string{h.Get("Retry-After"), h.Get("iTwinPlatform-RateLimit-Retry-After-Seconds")} {
		// What is out of range comes back as the largest number that is in it.
		seconds, err := strconv.ParseUint(value, 10, 31)
		if err == nil || errors.Is(err, strconv.ErrRange) {
			return min(time.Duration(seconds)*time.Second, maxRetryAfter)
		}
		if date, err := http.ParseTime(value); err == nil {
			return min(max(date.Sub(now), 0), maxRetryAfter)
		}
	}
	return 0
}

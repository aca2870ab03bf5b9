package simulator

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

const (
	// DefaultDeliveryTimeout is within which a callback must have answered, in real time, on the platform.
	DefaultDeliveryTimeout = 5 * time.Second
	// maxAnswer bounds what is read of an answer. One that is longer is a failure; its end is not waited for.
	maxAnswer = 64 << 10
)

// sender speaks with callbacks.
type sender struct {
	client  http.Client
	timeout time.Duration
}

func newSender(insecure bool, timeout time.Duration) *sender {
	return &sender{
		timeout: timeout,
		client: http.Client{
			Transport: &http.Transport{
				Proxy:                  http.ProxyFromEnvironment,
				TLSClientConfig:        &tls.Config{InsecureSkipVerify: insecure}, //nolint:gosec // asked for by an option
				DisableCompression:     true,                                      // a small answer must stay small
				MaxResponseHeaderBytes: maxAnswer,
				// A kept connection that the callback has closed meanwhile would look like a failure of the callback.
				DisableKeepAlives: true,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// result is how a callback answered.
type result struct {
	status  int // 0: it did not
	latency time.Duration
	err     error // why that is a failure; nil: it is none
}

// post sends a signed body to a callback.
func (s *sender) post(ctx context.Context, target string, body []byte, secret string, accepts func(int) bool) result {
	header := http.Header{
		"Content-Type": {"application/json; charset=utf-8"},
		"Signature":    {signature(body, secret)},
	}
	r := s.do(ctx, http.MethodPost, target, header, body)
	if r.err == nil && !accepts(r.status) {
		r.err = fmt.Errorf("the answer was %d and not 200", r.status)
	}
	return r.result
}

type exchange struct {
	result
	header http.Header
}

// do makes one request and reads its answer, within the timeout and the bounds.
func (s *sender) do(ctx context.Context, method, target string, header http.Header, body []byte) exchange {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	begun := time.Now()
	status, answered, err := s.exchange(ctx, method, target, header, body)
	if errors.Is(cmp.Or(err, ctx.Err()), context.DeadlineExceeded) { // an answer that races with the deadline is too late
		err = fmt.Errorf("no complete answer within %s", s.timeout)
	}
	return exchange{result: result{status: status, latency: time.Since(begun), err: err}, header: answered}
}

func (s *sender) exchange(
	ctx context.Context, method, target string, header http.Header, body []byte,
) (int, http.Header, error) {
	request, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header = header
	request.Header.Set("User-Agent", "itwin-simulator")
	response, err := s.client.Do(request)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err // without the method and the URL, which stand beside it in the attempt
		}
		return 0, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	n, err := io.Copy(io.Discard, io.LimitReader(response.Body, maxAnswer+1))
	if err == nil && n > maxAnswer {
		err = fmt.Errorf("the answer is longer than %d bytes", maxAnswer)
	}
	return response.StatusCode, response.Header, err
}

// signature is the value of the Signature header: HMAC-SHA256 over the raw body, with the webhook's secret as the key.
func signature(body []byte, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

package delivery

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"webhook-operator.io/itwin/signature"
)

// maxAnswer is how much of the body of an answer is read.
const maxAnswer = 4 << 10

// attempt is one event to send.
type attempt struct {
	url, secret string
	event       signature.Event
	// roots are trusted; nil is the system's.
	roots    *x509.CertPool
	insecure bool
	timeout  time.Duration
	agent    string
	// proxy is that of a request; nil is that of the environment.
	proxy func(*http.Request) (*url.URL, error)
}

// outcome is what came of it.
type outcome struct {
	event signature.Event
	// status is 0 without an answer.
	status int
	body   string
	took   time.Duration
	// certificate is the receiver's; nil where none was shown. untrusted is why it cannot be verified.
	certificate *x509.Certificate
	untrusted   error
	// failure is why there is no answer.
	failure error
}

// send posts the event once. It follows no redirect: the platform takes none for delivered.
func send(ctx context.Context, a attempt) (o outcome) {
	o.event = a.event
	body, err := json.Marshal(a.event)
	if err != nil {
		o.failure = err
		return o
	}
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url, bytes.NewReader(body))
	if err != nil {
		o.failure = err
		return o
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", a.agent)
	request.Header.Set(signature.Header, signature.Sign(a.secret, body))
	if a.proxy == nil {
		a.proxy = http.ProxyFromEnvironment
	}
	proxy, err := a.proxy(request)
	if err != nil {
		o.failure = err
		return o
	}
	transport := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: o.watched(a, request.URL, proxy)}
	defer transport.CloseIdleConnections()
	caller := &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	began := time.Now()
	response, err := caller.Do(request)
	if err == nil {
		var read []byte
		read, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
		_ = response.Body.Close()
		o.status, o.body = response.StatusCode, string(read)
	}
	o.took = time.Since(began)
	if err != nil {
		o.failure = withoutURL(err)
	}
	return o
}

// watched is a configuration of TLS that notes the certificate of the callback, and verifies it. With a proxy that is
// spoken to by TLS the first handshake is with that, which is verified also where the callback is not.
func (o *outcome) watched(a attempt, to, proxy *url.URL) *tls.Config {
	atProxy := proxy != nil && proxy.Scheme == "https"
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		// The certificate is verified below, so that it can be shown also when it is wrong.
		InsecureSkipVerify: true, //nolint:gosec // see VerifyConnection
		VerifyConnection: func(state tls.ConnectionState) error {
			if atProxy {
				atProxy = false
				if err := verify(state, a.roots, proxy.Hostname()); err != nil {
					return fmt.Errorf("the certificate of the proxy %s cannot be verified: %w", proxy.Host, err)
				}
				return nil
			}
			o.certificate, o.untrusted = state.PeerCertificates[0], verify(state, a.roots, to.Hostname())
			if a.insecure {
				return nil
			}
			return o.untrusted
		},
	}
}

// verify verifies the certificate of a server for the name that it was asked for by; an IP address is not asked for by
// a name.
func verify(state tls.ConnectionState, roots *x509.CertPool, address string) error {
	intermediates := x509.NewCertPool()
	for _, c := range state.PeerCertificates[1:] {
		intermediates.AddCert(c)
	}
	_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{
		DNSName: cmp.Or(state.ServerName, address), Roots: roots, Intermediates: intermediates,
	})
	return err
}

// withoutURL leaves the URL out, whose query may be secret.
func withoutURL(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

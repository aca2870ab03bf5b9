package platform

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptrace"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
)

// causeError is why a call got no answer, in words that stay the same while it lasts: without ports of this machine and
// without addresses that change from call to call. It wraps the error that it describes.
type causeError struct {
	text string
	err  error
}

func (e *causeError) Error() string { return e.text }

func (e *causeError) Unwrap() error { return e.err }

// progress is how far a request has come, for the error of one that takes too long.
type progress struct {
	route route
	doing atomic.Pointer[string]
}

// trace returns a context under which requests note how far they have come.
func (p *progress) trace(ctx context.Context) context.Context {
	set := func(doing string) { p.doing.Store(&doing) }
	set("connecting to " + p.route.first())
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSStart:     func(i httptrace.DNSStartInfo) { set(fmt.Sprintf("looking up host %q", i.Host)) },
		ConnectStart: func(string, string) { set("connecting to " + p.route.first()) },
		ConnectDone: func(_, _ string, err error) {
			if err == nil && p.route.proxy != "" {
				set("waiting until " + p.route.proxy + " connects to " + p.route.host)
			}
		},
		TLSHandshakeStart: func() { set("in the TLS handshake with " + p.route.String()) },
		GotConn:           func(httptrace.GotConnInfo) { set("waiting for the answer of " + p.route.String()) },
	})
}

// proxyConnect is the operation of an error about reaching a proxy.
const proxyConnect = "proxyconnect"

// explain describes why a request got no answer.
func (p *progress) explain(ctx context.Context, err error) error {
	if known, is := errors.AsType[*causeError](err); is {
		return known
	}
	err, host := bare(err), p.route.String()
	if op, is := errors.AsType[*net.OpError](err); is && op.Op == proxyConnect {
		host = p.route.first()
	}
	describers := []func(context.Context, string, error) string{describeLookup, p.timeout, describeTLS, describeSocket}
	for _, describe := range describers {
		if text := describe(ctx, host, err); text != "" {
			return &causeError{text, err}
		}
	}
	return err
}

func describeLookup(_ context.Context, _ string, err error) string {
	dns, is := errors.AsType[*net.DNSError](err)
	switch {
	case !is:
		return ""
	case dns.IsNotFound:
		return fmt.Sprintf("no such host %q", dns.Name)
	case dns.IsTimeout:
		return fmt.Sprintf("timed out looking up host %q", dns.Name)
	}
	return fmt.Sprintf("failed to look up host %q: %s", dns.Name, dns.Err)
}

// timeout says what the request was doing when its time was over.
func (p *progress) timeout(ctx context.Context, _ string, err error) string {
	whole, isWhole := errors.AsType[*listTimeoutError](context.Cause(ctx))
	odd, is := errors.AsType[net.Error](err)
	late := is && odd.Timeout() || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
	switch {
	case !late:
		return ""
	case isWhole:
		return whole.Error()
	}
	return "timed out " + *p.doing.Load()
}

// describeTLS names what is wrong with the server's certificate, or that it does not speak TLS at all.
func describeTLS(_ context.Context, host string, err error) string {
	if _, plain := errors.AsType[tls.RecordHeaderError](err); plain ||
		strings.Contains(err.Error(), "server gave HTTP response to HTTPS client") {
		return host + " answered in plain text, probably HTTP, to HTTPS"
	}
	if _, unverified := errors.AsType[*tls.CertificateVerificationError](err); !unverified {
		return ""
	}
	text := "the certificate of " + host
	if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); unknown {
		return text + " is signed by an unknown authority"
	}
	if _, other := errors.AsType[x509.HostnameError](err); other {
		return text + " is for other names"
	}
	if invalid, is := errors.AsType[x509.CertificateInvalidError](err); is && invalid.Reason == x509.Expired {
		return text + " has expired or is not valid yet"
	}
	return text + " cannot be verified"
}

func describeSocket(_ context.Context, host string, err error) string {
	number, is := errors.AsType[syscall.Errno](err)
	switch {
	case errors.Is(err, context.Canceled):
		return "canceled"
	case is && number == syscall.ECONNREFUSED:
		return "connection refused by " + host
	case is && (number == syscall.ECONNRESET || number == syscall.EPIPE):
		return "connection reset by " + host
	case is:
		return fmt.Sprintf("%s: %s", host, number)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return host + " closed the connection without an answer"
	case strings.Contains(err.Error(), "client connection lost"):
		return "the connection to " + host + " was dead and was closed"
	case strings.Contains(err.Error(), "malformed HTTP"):
		return host + " answered with something that is not HTTP"
	}
	return ""
}

// withoutQuery returns a URL without what may be secret in it: the query, the fragment and the user.
func withoutQuery(u *url.URL) string {
	short := *u
	short.User, short.RawQuery, short.ForceQuery, short.Fragment, short.RawFragment = nil, "", false, "", ""
	return Clean(short.String())
}

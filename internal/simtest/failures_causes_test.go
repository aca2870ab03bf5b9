package simtest

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// failure is one way in which a call fails.
type failure struct {
	name string
	// says is what messages say of it. Where they differ from call to call, the table says it.
	says string
	// action is a fault of the simulator. Otherwise fail answers, or says why no answer came.
	action string
	fail   func(*network, *http.Request) (*http.Response, error)
}

// commonFailures may befall each call.
func commonFailures() []failure {
	const host = "platform.example.com"
	return []failure{
		{name: "no such host", says: `no such host "` + host + `"`,
			fail: func(n *network, _ *http.Request) (*http.Response, error) { return nil, n.noHost }},
		dialed("connection refused", "connection refused by "+host, func(n *network) string { return n.closed }, true),
		dialed("connection reset", "connection reset by "+host, func(n *network) string { return n.resetting }, true),
		dialed("certificate of an unknown authority", "is signed by an unknown authority; if the CA is one of your own, "+
			"name it in spec.caBundleSecretRef", func(n *network) string { return n.untrusted }, false),
		dialed("HTTP on an https port", host+" answered in plain text, probably HTTP, to HTTPS",
			func(n *network) string { return n.plain }, true),
		{name: "no answer", says: "timed out waiting for the answer of " + host,
			fail: func(*network, *http.Request) (*http.Response, error) { return nil, errSilence }},
		{name: "redirect", says: "redirects to /elsewhere/", action: "redirect:307"},
		inItsWords(400, "InvalidRequest"), inItsWords(401, "HeaderNotFound"), inItsWords(403, "InsufficientPermissions"),
		{name: "403 with HTML", says: "403 Forbidden: answered with HTML", action: "html:403"},
		{name: "403 without a body", says: "403 Forbidden: answered without a body", action: "empty:403"},
		inItsWords(404, "WebhookNotFound"),
		{name: "404 with HTML", says: "404", action: "html:404"},
		inItsWords(405, "MethodNotAllowed"),
		{name: "405 with HTML", says: "405", action: "html:405"},
		inItsWords(409, "Conflict"), inItsWords(422, "InvalidRequest"),
		{name: "429 with Retry-After: 120", says: "rate limit", action: "status:429;retry-after=120"},
		{name: "429 with Retry-After as a date", says: "rate limit", fail: retryAfterDate},
		{name: "429 without Retry-After", says: "rate limit", action: "status:429"},
		{name: "500", says: "500 Internal Server Error: answered without a body", action: "empty:500"},
		{name: "502 with HTML", says: "502 Bad Gateway: answered with HTML", action: "html:502"},
		{name: "503", says: "503 Service Unavailable", action: "status:503"},
		{name: "503 with Retry-After: 120", says: "503 Service Unavailable", action: "status:503;retry-after=120"},
		{name: "200 without a body", says: "answered without a body", action: "accepted:200"},
		{name: "200 with broken JSON", says: "200 OK: ", action: "garbage"},
		{name: "200 with HTML", says: "200 OK: answered with HTML, not ", action: "html:200"},
		answered("200 with an error", "200 OK: answered with an error", 200,
			`{"error":{"code":"InternalError","message":"No, because of x."}}`),
		{name: "200 that breaks off", fail: breaksOff},
		answered("200 with nothing done", "", 200, ""),
	}
}

// tokenFailures may befall the request for a token alone.
func tokenFailures() []failure {
	return []failure{
		answered("400 invalid_client", "401 Unauthorized: invalid_client", 400, `{"error":"invalid_client"}`),
		answered("200 with invalid_client", "401 Unauthorized: invalid_client", 200, `{"error":"invalid_client"}`),
		answered(
			"200 with another JSON",
			"answered without an access_token; check whether tokenUrl is right",
			200,
			`{"webhooks":[]}`,
		),
	}
}

// listFailures may befall a list alone.
func listFailures() []failure {
	return []failure{
		answered("link to another host", `the next page is on another host: "https://other.example.com", `+
			`not "https://platform.example.com"`, 200,
			`{"webhooks":[],"_links":{"next":{"href":"https://other.example.com/webhooks"}}}`),
		answered("webhook of more than 1 MiB", "MiB", 200, `{"webhooks":[{"id":"`+strings.Repeat("x", 2<<20)+`"}]}`),
		{
			name:   "odd entry",
			says:   "except for entries that cannot be read: webhooks[0] (id ",
			action: "odd-entries:callbackUrl",
		},
		{name: "entry without id", says: "except for entries that cannot be read: webhooks[0] (no readable id)",
			action: "odd-entries:id"},
	}
}

// dialed is a failure that is met on a real connection to a server of this machine.
func dialed(name, says string, to func(*network) string, trusts bool) failure {
	return failure{name: name, says: says, fail: func(n *network, r *http.Request) (*http.Response, error) {
		transport := &http.Transport{
			DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: trusts},
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, to(n))
			},
		}
		sent, err := http.NewRequestWithContext(r.Context(), r.Method, r.URL.String(), r.Body)
		if err != nil {
			return nil, err
		}
		return transport.RoundTrip(sent)
	}}
}

// answered is a failure that is an answer; the call has no effect.
func answered(name, says string, status int, body string, headers ...string) failure {
	return failure{name: name, says: says, fail: func(*network, *http.Request) (*http.Response, error) {
		header := http.Header{
			"Content-Type": {"application/json"}, "Date": {time.Now().UTC().Format(http.TimeFormat)},
		}
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			header.Set(name, value)
		}
		return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body))}, nil
	}}
}

// inItsWords is a refusal with the platform's error body.
func inItsWords(status int, code string) failure {
	return answered(fmt.Sprintf("%d in the platform's words", status), code+": No, because of x.", status,
		`{"error":{"code":"`+code+`","message":"No, because of x."}}`)
}

func retryAfterDate(n *network, r *http.Request) (*http.Response, error) {
	date := time.Now().UTC().Add(2 * time.Minute).Format(http.TimeFormat)
	return answered("", "", 429, `{"error":{"code":"RateLimitExceeded","message":"x"}}`, "Retry-After: "+date).fail(n, r)
}

func breaksOff(*network, *http.Request) (*http.Response, error) {
	body := io.MultiReader(strings.NewReader(`{"id":"`), brokenReader{})
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(body),
	}, nil
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

package platform_test

import (
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/simulator"
)

// answering makes a server that always answers with this.
func answering(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestErrorBody(t *testing.T) {
	const code = "InvalidUpdateWebhookRequest"
	details := func(n int, text string) string {
		return strings.TrimSuffix(strings.Repeat(fmt.Sprintf(`{"code":%[1]q,"message":%[1]q,"target":%[1]q},`, text), n), ",")
	}
	for name, test := range map[string]struct {
		body string
		want platform.Error
		said string
	}{
		"as documented": {
			`{"error":{"code":"InvalidUpdateWebhookRequest","message":"Cannot update a webhook.","target":"body",
				"details":[{"code":"InvalidRequestBody","message":"Invalid request body.","target":"callbackUrl"},{"code":"A","message":"B"}]}}`,
			platform.Error{Code: code, Message: "Cannot update a webhook.", Target: "body", Details: []platform.Detail{
				{Code: "InvalidRequestBody", Message: "Invalid request body.", Target: "callbackUrl"}, {Code: "A", Message: "B"},
			}},
			"InvalidUpdateWebhookRequest: Cannot update a webhook. (target: body); " +
				"InvalidRequestBody: Invalid request body. (target: callbackUrl); A: B",
		},
		"more than documented": {
			`{"error":{"code":"X","message":"m","innerError":{"a":1},"target":null,"details":null},"traceId":"1"}`,
			platform.Error{Code: "X", Message: "m"}, "X: m",
		},
		"only a code":               {`{"error":{"code":"X"}}`, platform.Error{Code: "X"}, "X"},
		"a message of another type": {`{"error":{"message":{"en":"m"},"code":"X"}}`, platform.Error{Code: "X"}, "X"},
		"details of another type": {
			`{"error":{"code":"X","details":{"a":1},"message":"m"}}`, platform.Error{Code: "X", Message: "m"}, "X: m",
		},
		"a detail of another type": {
			`{"error":{"code":"X","message":"m","details":["a",{"code":"D","message":"d"}]}}`,
			platform.Error{Code: "X", Message: "m", Details: []platform.Detail{{}, {Code: "D", Message: "d"}}}, "X: m; ; D: d",
		},
		"control characters": {
			`{"error":{"code":"\u0007X","message":"a\nb\r\n\u001b[31mc\u0000\u0085\u2028\u202e\ufffd d"}}`,
			platform.Error{Code: "X", Message: "a b   [31mc      d"}, "",
		},
		"bytes that are no text": {"{\"error\":{\"code\":\"X\",\"message\":\"a\xff\xfeb\"}}", platform.Error{Code: "X", Message: "a  b"}, ""},
		"long words": {
			`{"error":{"code":"X","message":"` + strings.Repeat("ä", 5000) + `"}}`,
			platform.Error{Code: "X", Message: strings.Repeat("ä", 512) + "…"}, "",
		},
		"many details": {
			`{"error":{"code":"X","message":"m","details":[` + details(500, "d") + `]}}`,
			platform.Error{Code: "X", Message: "m", Details: slicesOf(10, platform.Detail{Code: "d", Message: "d", Target: "d"})}, "",
		},
		"many long details": {
			`{"error":{"code":"X","message":"m","details":[` + details(10, strings.Repeat("d", 1024)) + `]}}`,
			platform.Error{Code: "X", Message: "m", Details: slicesOf(10, platform.Detail{
				Code: strings.Repeat("d", 1024), Message: strings.Repeat("d", 1024), Target: strings.Repeat("d", 1024),
			})}, "",
		},
		"no code":                  {`{"error":{"message":"m"}}`, platform.Error{}, ""},
		"an empty code":            {`{"error":{"code":"","message":"m"}}`, platform.Error{}, ""},
		"an unreadable code":       {`{"error":{"code":"\u0000\n","message":"m"}}`, platform.Error{}, ""},
		"a code of another type":   {`{"error":{"code":404,"message":"m"}}`, platform.Error{}, ""},
		"an error of another type": {`{"error":"invalid_request"}`, platform.Error{}, ""},
		"null":                     {`{"error":null}`, platform.Error{}, ""},
		"a list":                   {`[{"code":"X"}]`, platform.Error{}, ""},
		"HTML":                     {"<html><body>502</body></html>", platform.Error{}, ""},
		"nothing":                  {"", platform.Error{}, ""},
		"truncated":                {`{"error":{"code":"X","message":"m"`, platform.Error{}, ""},
		"huge":                     {`{"error":{"code":"X","message":"` + strings.Repeat("x", 1<<20) + `"}}`, platform.Error{}, ""},
		"deep":                     {strings.Repeat("[", 60_000), platform.Error{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newAnswerScene(t, answering(422, test.body))
			err := operations["update"](s, webhookID)
			got, ok := errors.AsType[*platform.Error](err)
			s.Expect(ok).To(BeTrue())
			want := test.want
			want.Operation, want.Method, want.Path, want.Status = "update webhook", "PATCH", "/webhooks/"+webhookID, 422
			want.Host = strings.TrimPrefix(s.server.URL, "http://")
			want.Outcome = platform.Unknown
			if want.Code != "" {
				want.Outcome = platform.Refused
			}
			s.Expect(got.Answer).To(WithTransform(func(a string) bool { return a == "" }, Equal(want.Code != "")))
			s.expectOneLine(got.Answer)
			want.Answer = got.Answer
			s.Expect(*got).To(Equal(want))
			if test.said != "" || want.Code == "" {
				s.Expect(got.Said()).To(Equal(test.said))
			}
			s.expectOneLine(got.Said())
			s.expectOneLine(err.Error())
			s.Expect(err.Error()).To(HavePrefix("update webhook: PATCH /webhooks/" + webhookID + ": 422 Unprocessable Entity"))
			s.Expect(err.Error()).To(ContainSubstring(got.Code))
		})
	}
}

func slicesOf[T any](n int, value T) []T {
	all := make([]T, n)
	for i := range all {
		all[i] = value
	}
	return all
}

func TestNoSecretShowsInWhatThePlatformSays(t *testing.T) {
	echo := func(status int, format string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			var body struct{ Secret string }
			_ = json.NewDecoder(r.Body).Decode(&body)
			token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
			w.WriteHeader(status)
			fmt.Fprintf(w, format, body.Secret, token, clientSecret)
		}
	}
	for name, answer := range map[string]http.HandlerFunc{
		"in a message":              echo(422, `{"error":{"code":"X","message":"secret %s, token %s, client %s"}}`),
		"in the code":               echo(400, `{"error":{"code":"X%s%s%s","message":"m"}}`),
		"in a target":               echo(422, `{"error":{"code":"X","message":"m","target":"%s%s%s"}}`),
		"in details":                echo(422, `{"error":{"code":"X","message":"m","details":[{"code":"%s","message":"%s","target":"%s"}]}}`),
		"cut off by our own bound":  echo(422, `{"error":{"code":"X","message":"`+strings.Repeat("x", 1000)+`%s%s%s"}}`),
		"in a page":                 echo(502, `<html>%s %s %s</html>`),
		"in an unreadable success":  echo(200, `{"id":"%s","active":"%s","callbackUrl":"%s"}`),
		"in a success that is none": echo(200, `"%s %s %s"`),
		"in a truncated success":    echo(200, `{"id":"%s %s %s`),
	} {
		for _, op := range []string{"create", "update"} {
			t.Run(op+", "+name, func(t *testing.T) {
				s := newAnswerScene(t, answer)
				err := operations[op](s, webhookID)
				s.Expect(err).To(HaveOccurred())
				s.expectNoSecret(err)
			})
		}
	}
}

func TestAShortSecretIsNotLookedFor(t *testing.T) {
	s := newAnswerScene(t, answering(422, `{"error":{"code":"Example","message":"x"}}`),
		func(o *platform.Options) { o.Credentials.ClientSecret = "x" })
	s.Expect(operations["update"](s, webhookID)).To(MatchError(ContainSubstring("Example: x")))
}

// outcomes are what may have happened after a failed create. Where the outcome is unknown, the caller must look before it
// creates again.
func TestOutcome(t *testing.T) {
	const documented = `{"error":{"code":"Code","message":"Message."}}`
	type want struct {
		outcome                                             platform.Outcome
		unauthorized, forbidden, notFound, refused, limited bool
		says                                                string
	}
	const unknown, refused, accepted = platform.Unknown, platform.Refused, platform.Accepted
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   want
	}{
		"400":                       {answering(400, documented), want{outcome: refused, refused: true}},
		"400 by a proxy":            {answering(400, "<html>"), want{outcome: unknown}},
		"401":                       {answering(401, documented), want{outcome: refused, unauthorized: true}},
		"401 by a proxy":            {answering(401, "<html>"), want{outcome: unknown, says: "answered with HTML"}},
		"402":                       {answering(402, documented), want{outcome: refused, refused: true}},
		"403":                       {answering(403, documented), want{outcome: refused, refused: true, forbidden: true}},
		"403 by a proxy":            {answering(403, "<html>"), want{outcome: unknown}},
		"404":                       {answering(404, documented), want{outcome: refused, notFound: true}},
		"404 by a proxy":            {answering(404, "<html>"), want{outcome: unknown}},
		"405":                       {answering(405, documented), want{outcome: refused, refused: true}},
		"408, even if it says more": {answering(408, documented), want{outcome: unknown}},
		"409":                       {answering(409, documented), want{outcome: refused, refused: true}},
		"413":                       {answering(413, documented), want{outcome: refused, refused: true}},
		"422":                       {answering(422, documented), want{outcome: refused, refused: true, says: "422 Unprocessable Entity: Code: Message."}},
		"422 without a body":        {answering(422, ""), want{outcome: unknown}},
		"429":                       {answering(429, documented), want{outcome: refused, limited: true}},
		"429 by a proxy":            {answering(429, "<html>"), want{outcome: refused, limited: true}},
		"499":                       {answering(499, "<html>"), want{outcome: unknown}},
		"500":                       {answering(500, documented), want{outcome: unknown, says: "500 Internal Server Error: Code: Message."}},
		"502":                       {answering(502, "<html>"), want{outcome: unknown}},
		"503":                       {answering(503, ""), want{outcome: unknown}},
		"504":                       {answering(504, ""), want{outcome: unknown}},
		"599":                       {answering(599, documented), want{outcome: unknown}},
		"300":                       {answering(300, documented), want{outcome: unknown}},
		"300 and a webhook": {
			answering(300, `{"id":"a","active":false,"callbackUrl":"https://x"}`), want{outcome: unknown, says: "300 Multiple Choices"},
		},
		"304":                     {answering(304, ""), want{outcome: unknown}},
		"200 and HTML":            {answering(200, "<html>"), want{outcome: unknown, says: "answered with HTML, not JSON"}},
		"200 and nothing":         {answering(200, ""), want{outcome: accepted}},
		"201 and half a webhook":  {answering(201, `{"id":"`+webhookID), want{outcome: accepted}},
		"201 and something else":  {answering(201, `{"webhook":{"id":"`+webhookID+`"}}`), want{outcome: accepted, says: "webhook without id"}},
		"201 without active":      {answering(201, `{"id":"a","callbackUrl":"https://x"}`), want{outcome: accepted, says: "active is missing or null"}},
		"201 without callbackUrl": {answering(201, `{"id":"a","active":false}`), want{outcome: accepted, says: "callbackUrl is missing, null or empty"}},
		"201 and an id that is none": {
			answering(201, `{"id":"../x\u0000`+strings.Repeat("y", 1<<16)+`","active":false,"callbackUrl":"https://x"}`),
			want{outcome: accepted, says: "webhook with the id"},
		},
		"201 and two webhooks": {answering(201, `{"id":"a","active":false,"callbackUrl":"https://x"}{}`), want{outcome: accepted}},
		"202 and nothing":      {answering(202, ""), want{outcome: accepted}},
		"204":                  {answering(204, ""), want{outcome: accepted}},
		"the connection breaks": {
			func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, want{outcome: unknown},
		},
		"the answer breaks off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"id":"`)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, want{outcome: unknown, says: "the answer broke off"}},
		"a refusal that breaks off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			w.WriteHeader(http.StatusUnprocessableEntity)
			_, _ = io.WriteString(w, `{"error":{"code":"Code"`)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, want{outcome: unknown}},
		"no HTTP": {func(w http.ResponseWriter, _ *http.Request) {
			connection, buffer, _ := http.NewResponseController(w).Hijack()
			_, _ = buffer.WriteString(strings.Repeat("SSH-2.0-\x1b[31m", 5000) + "\r\n\r\n")
			_ = buffer.Flush()
			_ = connection.Close()
		}, want{outcome: unknown}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newAnswerScene(t, test.answer)
			err := operations["create"](s, "")
			e, ok := errors.AsType[*platform.Error](err)
			s.Expect(ok).To(BeTrue(), "%v", err)
			_, limited := platform.IsRateLimited(err)
			got := want{
				e.Outcome, platform.IsUnauthorized(err), platform.IsForbidden(err), platform.IsNotFound(err),
				platform.IsRefused(err), limited, test.want.says,
			}
			s.Expect(got).To(Equal(test.want), "%v", err)
			s.Expect(platform.MayHaveHappened(err)).To(Equal(test.want.outcome != refused))
			s.Expect(platform.IsAccepted(err)).To(Equal(test.want.outcome == accepted))
			s.Expect(err).To(MatchError(ContainSubstring(test.want.says)))
			s.expectOneLine(err.Error())
			s.expectNoSecret(err)
		})
	}
}

func TestOutcomeOfADelete(t *testing.T) {
	for name, test := range map[string]struct {
		answer  http.HandlerFunc
		outcome string
	}{
		"204":          {answering(204, ""), "done"},
		"200":          {answering(200, ""), "accepted"},
		"200 and HTML": {answering(200, "<html>"), "unknown"},
		"202":          {answering(202, ""), "accepted"},
		"404":          {answering(404, `{"error":{"code":"WebhookNotFound","message":"m"}}`), "gone"},
		"404 and HTML": {answering(404, "<html>"), "unknown"},
		"500":          {answering(500, ""), "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newAnswerScene(t, test.answer)
			err := s.client.Delete(t.Context(), platform.Priority{}, webhookID)
			s.Expect(map[string]bool{
				"done": err == nil, "gone": platform.IsNotFound(err), "unknown": platform.MayHaveHappened(err) && !platform.IsAccepted(err), "accepted": platform.IsAccepted(err),
			}).To(HaveKeyWithValue(test.outcome, true), "%v", err)
			if test.outcome != "done" {
				s.Expect(err).To(HaveOccurred())
			}
		})
	}
}

// A success without a usable body was accepted, and the next read tells what came of it.
func TestOutcomeOfAnUpdateWithoutAUsableBody(t *testing.T) {
	for _, status := range []int{200, 201, 202, 204} {
		for _, body := range []string{"", "null", `{"webhooks":[{"id":"e69`, `{}`, "true"} {
			if status == 204 && body != "" {
				continue
			}
			t.Run(fmt.Sprint(status, " ", body), func(t *testing.T) {
				s := newAnswerScene(t, answering(status, body))
				for op, accepted := range map[string]bool{"update": true, "create": true, "get": false} {
					err := operations[op](s, webhookID)
					s.Expect(err).To(HaveOccurred())
					s.Expect(platform.IsAccepted(err)).To(Equal(accepted), "%s: %v", op, err)
					s.Expect(platform.IsRefused(err)).To(BeFalse())
				}
			})
		}
	}
	s := newAnswerScene(t, answering(200, `{"error":{"code":"X","message":"m"}}`))
	err := operations["update"](s, webhookID)
	s.Expect(platform.IsAccepted(err)).To(BeFalse(), "an error is none")
	s.Expect(err).To(MatchError(ContainSubstring("answered with an error: X: m")))
	s = newAnswerScene(t, answering(200, "\xef\xbb\xbf"+`{"id":"`+webhookID+`","active":true,"callbackUrl":"https://x"}`))
	s.Expect(operations["update"](s, webhookID)).To(Succeed(), "a byte order mark is skipped")
}

func TestOutcomeWithoutAConnection(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	NewWithT(t).Expect(closed.Close()).To(Succeed())
	secure := httptest.NewUnstartedServer(answering(200, "{}"))
	secure.Config.ErrorLog = quiet()
	secure.StartTLS()
	t.Cleanup(secure.Close)
	for name, test := range map[string]struct {
		apiURL  func(*scene) string
		outcome platform.Outcome
		says    string
	}{
		"the port is closed": {func(*scene) string { return "http://" + closed.Addr().String() }, platform.Refused, "connection refused by " + closed.Addr().String()},
		"a host that does not exist": {
			func(*scene) string { return "http://api.bentley.invalid" }, platform.Refused, `no such host "api.bentley.invalid"`,
		},
		"an untrusted server": {func(*scene) string { return secure.URL }, platform.Unknown, "is signed by an unknown authority"},
		"no TLS at all": {
			func(s *scene) string { return strings.Replace(s.server.URL, "http:", "https:", 1) }, platform.Unknown, "answered in plain text, probably HTTP, to HTTPS",
		},
		"a scheme that is none": {func(*scene) string { return "gopher://api.bentley.com" }, platform.Unknown, "unsupported protocol"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newAnswerScene(t, answering(200, "{}"))
			s.server.Config.ErrorLog = quiet()
			o := s.options()
			o.APIURL = test.apiURL(s)
			client, err := platform.New(o)
			s.Expect(err).NotTo(HaveOccurred())
			t.Cleanup(client.CloseIdleConnections)
			_, err = client.Create(t.Context(), platform.Priority{}, request())
			e, ok := errors.AsType[*platform.Error](err)
			s.Expect(ok).To(BeTrue(), "%v", err)
			s.Expect(e.Status).To(BeZero())
			s.Expect(e.Outcome).To(Equal(test.outcome))
			s.Expect(platform.IsRefused(err)).To(BeFalse(), "the spec is not to blame")
			s.Expect(err).To(MatchError(ContainSubstring(test.says)))
			s.Expect(err).NotTo(MatchError(ContainSubstring("Post")), "which the error says already")
			s.expectNoSecret(err)
		})
	}
}

func TestTrustedServers(t *testing.T) {
	for name, test := range map[string]struct {
		version uint16
		trusted bool
		says    string
	}{
		"by the CA bundle":          {tls.VersionTLS13, true, ""},
		"by the CA bundle, TLS 1.2": {tls.VersionTLS12, true, ""},
		"by no CA":                  {tls.VersionTLS13, false, "unknown authority"},
		"TLS 1.1":                   {tls.VersionTLS11, true, "protocol version"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newAnswerScene(t, nil)
			secure := httptest.NewUnstartedServer(withTokens(answering(200, `{"webhooks":[]}`)))
			secure.Config.ErrorLog = quiet()
			secure.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: test.version}
			secure.StartTLS()
			t.Cleanup(secure.Close)
			o := s.options()
			o.APIURL, o.TokenURL = secure.URL, secure.URL+"/connect/token"
			if test.trusted {
				o.CABundle = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
			}
			client, err := platform.New(o)
			s.Expect(err).NotTo(HaveOccurred())
			t.Cleanup(client.CloseIdleConnections)
			_, err = client.List(t.Context(), nil)
			if test.says == "" {
				s.Expect(err).NotTo(HaveOccurred())
			} else {
				s.Expect(err).To(MatchError(ContainSubstring(test.says)))
			}
		})
	}
}

// A redirect would carry the token, the pair, or a create, to a host that is not configured.
func TestNoRedirectIsFollowed(t *testing.T) {
	elsewhere := &wire{handler: answering(200, `{"access_token":"stolen","webhooks":[]}`)}
	other := httptest.NewServer(elsewhere)
	t.Cleanup(other.Close)
	for _, status := range []int{301, 302, 303, 307, 308} {
		for op, do := range operations {
			t.Run(fmt.Sprint(op, " ", status), func(t *testing.T) {
				s := newAnswerScene(t, func(w http.ResponseWriter, r *http.Request) {
					http.Redirect(w, r, other.URL+"/webhooks?sig=MARKED", status)
				})
				err := do(s, webhookID)
				s.Expect(err).To(MatchError(ContainSubstring(fmt.Sprint(status))))
				s.Expect(err).To(MatchError(ContainSubstring("redirects to " + other.URL + "/webhooks, which is not followed")))
				s.Expect(platform.MayHaveHappened(err)).To(BeTrue())
				api, _ := s.wire.take()
				s.Expect(api).To(HaveLen(1))
			})
		}
		t.Run(fmt.Sprint("token ", status), func(t *testing.T) {
			s := newHandledScene(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, other.URL+"/connect/token", status)
			}))
			s.Expect(operations["list"](s, "")).To(MatchError(ContainSubstring(fmt.Sprint(status))))
		})
	}
	api, tokens := elsewhere.take()
	NewWithT(t).Expect(api).To(BeEmpty())
	NewWithT(t).Expect(tokens).To(BeEmpty())
}

func TestFaultsOfTheSimulator(t *testing.T) {
	for action, created := range map[string]bool{
		"drop-request": false, "drop-response": true, "garbage": true, "truncate": true, "html:502": false, "status:503": false,
		"empty:503": false,
	} {
		t.Run(action, func(t *testing.T) {
			s := newScene(t, simulator.Options{})
			s.fault(simulator.Fault{Action: action, Match: simulator.Match{Path: "/webhooks"}})
			_, err := s.create()
			s.Expect(platform.MayHaveHappened(err)).To(BeTrue())
			s.Expect(s.sim.Webhooks()).To(HaveLen(map[bool]int{true: 1}[created]), "the answer does not show it")
			s.expectNoSecret(err)
		})
	}
}

func TestA429HoldsBackAllCalls(t *testing.T) {
	s := newScene(t, simulator.Options{RequestsPerMinute: 3})
	for range 3 {
		s.Expect(operations["list"](s, "")).To(Succeed())
		s.pass(time.Second)
	}
	err := operations["list"](s, "")
	wait, limited := platform.IsRateLimited(err)
	s.Expect(limited).To(BeTrue())
	s.Expect(wait).To(Equal(57 * time.Second))
	s.Expect(err).To(MatchError(ContainSubstring("RateLimitExceeded")))
	s.wire.take()

	_, err = s.create()
	throttled, ok := errors.AsType[*platform.ThrottledError](err)
	s.Expect(ok).To(BeTrue(), "%v", err)
	s.Expect(throttled.Closed).To(BeTrue())
	s.Expect(throttled.After).To(Equal(57 * time.Second))
	s.Expect(err).To(MatchError(ContainSubstring("the platform asked for a pause")))
	s.Expect(s.throttled).To(Equal([]time.Duration{57 * time.Second}))
	s.pass(56 * time.Second)
	_, err = s.create()
	s.Expect(err).To(HaveOccurred())
	api, tokens := s.wire.take()
	s.Expect(api).To(BeEmpty(), "nothing was sent meanwhile")
	s.Expect(tokens).To(BeEmpty())
	s.pass(time.Second)
	s.Expect(operations["list"](s, "")).To(Succeed())
}

func TestRetryAfter(t *testing.T) {
	at := func(d time.Duration) string { return start.Add(d).Format(http.TimeFormat) }
	const platforms = "iTwinPlatform-RateLimit-Retry-After-Seconds"
	for name, test := range map[string]struct {
		header map[string]string
		want   time.Duration
	}{
		"seconds":                      {map[string]string{"Retry-After": "7"}, 7 * time.Second},
		"the platform's own":           {map[string]string{platforms: "8"}, 8 * time.Second},
		"both":                         {map[string]string{"Retry-After": "7", platforms: "8"}, 7 * time.Second},
		"garbage and the platform's":   {map[string]string{"Retry-After": "soon", platforms: "8"}, 8 * time.Second},
		"negative and the platform's":  {map[string]string{"Retry-After": "-7", platforms: "8"}, 8 * time.Second},
		"a date":                       {map[string]string{"Retry-After": at(time.Minute), "Date": at(0)}, time.Minute},
		"a date by another clock":      {map[string]string{"Retry-After": at(-4 * time.Minute), "Date": at(-5 * time.Minute)}, time.Minute},
		"a date and no clock but ours": {map[string]string{"Retry-After": at(time.Minute), "Date": ""}, time.Minute},
		"a date that is past":          {map[string]string{"Retry-After": at(-time.Minute), "Date": at(0)}, 30 * time.Second},
		"a date in a hundred years":    {map[string]string{"Retry-After": at(876000 * time.Hour), "Date": at(0)}, time.Hour},
		"nothing":                      {nil, 30 * time.Second},
		"0":                            {map[string]string{"Retry-After": "0"}, 30 * time.Second},
		"negative":                     {map[string]string{"Retry-After": "-7"}, 30 * time.Second},
		"garbage":                      {map[string]string{"Retry-After": "7s"}, 30 * time.Second},
		"a fraction":                   {map[string]string{"Retry-After": "1.5"}, 30 * time.Second},
		"two hours":                    {map[string]string{"Retry-After": "7200"}, time.Hour},
		"31 bits":                      {map[string]string{"Retry-After": "2147483647"}, time.Hour},
		"32 bits":                      {map[string]string{"Retry-After": "4294967295"}, time.Hour},
		"no end":                       {map[string]string{"Retry-After": strings.Repeat("9", 100)}, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			s := newAnswerScene(t, func(w http.ResponseWriter, _ *http.Request) {
				for name, value := range test.header {
					w.Header().Set(name, value)
				}
				if test.header["Date"] == "" {
					w.Header()["Date"] = nil
				}
				w.WriteHeader(http.StatusTooManyRequests)
			})
			err := operations["list"](s, "")
			wait, limited := platform.IsRateLimited(err)
			s.Expect(limited).To(BeTrue())
			s.Expect(wait).To(Equal(test.want))
			err = operations["list"](s, "")
			wait, _ = platform.IsRateLimited(err)
			s.Expect(wait).To(Equal(test.want), "it holds for all")
		})
	}
}

func TestRetryAfterOfAnOutageHoldsBackAllCalls(t *testing.T) {
	s := newScene(t, simulator.Options{})
	s.fault(simulator.Fault{Action: "status:503;retry-after=7", Match: simulator.Match{Path: "/webhooks"}})
	err := operations["list"](s, "")
	e, ok := errors.AsType[*platform.Error](err)
	s.Expect(ok).To(BeTrue())
	s.Expect(e.RetryAfter).To(Equal(7 * time.Second))
	_, limited := platform.IsRateLimited(err)
	s.Expect(limited).To(BeFalse(), "it is an outage")
	pause, held := errors.AsType[*platform.ThrottledError](operations["list"](s, ""))
	s.Expect(held).To(BeTrue())
	s.Expect(pause.Closed).To(BeTrue())
	s.clock.Step(7 * time.Second)
	s.Expect(operations["list"](s, "")).To(Succeed())
}

func TestOtherErrorsAreOfNoClass(t *testing.T) {
	g := NewWithT(t)
	for _, err := range []error{nil, io.EOF, fmt.Errorf("wrapped: %w", io.EOF)} {
		_, limited := platform.IsRateLimited(err)
		g.Expect(platform.IsNotFound(err) || platform.IsUnauthorized(err) || platform.IsForbidden(err) ||
			platform.IsRefused(err) || platform.MayHaveHappened(err) || limited).To(BeFalse())
	}
	cause := errors.New("cause")
	g.Expect(errors.Is(fmt.Errorf("wrapped: %w", &platform.Error{Cause: cause}), cause)).To(BeTrue())
}

package platform_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/platform"
)

func TestProxysRefusalIsNotAboutTheCredentials(t *testing.T) {
	for _, status := range []int{401, 403} {
		for name, test := range map[string]struct{ contentType, body, says string }{
			"HTML": {"text/html", "<html><head><title>Blocked</title><style>b{}</style><script>x()</script></head>" +
				"<body><h1>Access\n denied</h1> by <b>proxy</b></body>", "answered with HTML: Blocked Access denied by proxy"},
			"text":    {"text/plain", "upstream\ndenied", "answered with text: upstream denied"},
			"JSON":    {"application/json", `{"message":"` + clientSecret + `"}`, "answered with JSON that is not an error of the platform"},
			"nothing": {"text/html", "", "answered without a body"},
			"long":    {"text/plain", strings.Repeat("x", 5000), "xxx…"},
			"secrets": {"text/plain", "no " + clientSecret + " for https://x/y?sig=MARKED", "answered with text: no *** for https://x/y?…"},
		} {
			t.Run(fmt.Sprint(status, " ", name), func(t *testing.T) {
				s := newAnswerScene(t, func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", test.contentType)
					w.WriteHeader(status)
					_, _ = io.WriteString(w, test.body)
				})
				for op, do := range operations {
					err := do(s, webhookID)
					s.Expect(err).To(MatchError(ContainSubstring(test.says)), op)
					s.Expect(platform.IsUnauthorized(err) || platform.IsForbidden(err) || platform.IsRefused(err)).To(BeFalse())
					s.Expect(len(err.Error())).To(BeNumerically("<", 600))
					s.expectNoSecret(err)
				}
			})
		}
	}
}

func TestQueriesOfURLsAreCut(t *testing.T) {
	s := newAnswerScene(t, answering(422, `{"error":{"code":"X","message":"callbackUrl 'https://x/y?sig=MARKED' is not HTTPS://",
		"details":[{"code":"D","message":"(https://z?a=MARKED)","target":"https://z/?MARKED"}]}}`))
	err := operations["update"](s, webhookID)
	s.Expect(err).To(MatchError(ContainSubstring("callbackUrl 'https://x/y?…' is")))
	s.expectNoSecret(err)

	s = newHandledScene(t, answering(404, ""))
	o := s.options()
	o.TokenURL = s.server.URL + "/token?sig=MARKED"
	client, err := platform.New(o)
	s.Expect(err).NotTo(HaveOccurred())
	s.expectNoSecret(client.Login(t.Context()))

	s = newAnswerScene(t, answering(200, `{"webhooks":[],"_links":{"next":{"href":"https://other.example.com/a?sig=MARKED"}}}`))
	err = operations["list"](s, "")
	s.Expect(err).To(MatchError(ContainSubstring(`"https://other.example.com"`)))
	s.Expect(err).To(MatchError(ContainSubstring(`"` + s.server.URL + `"`)))
	s.expectNoSecret(err)
}

// The words of one outage stay the same, although each connection has another port here.
func TestTheMessageOfAnOutageStaysTheSame(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"closed": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"reset": func(w http.ResponseWriter, _ *http.Request) {
			connection, _, _ := http.NewResponseController(w).Hijack()
			_ = connection.(*net.TCPConn).SetLinger(0)
			_ = connection.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newAnswerScene(t, answer)
			host := strings.TrimPrefix(s.server.URL, "http://")
			for range 3 {
				_, err := s.create()
				s.Expect(err).To(MatchError(SatisfyAny(
					Equal("create webhook: POST /webhooks: "+host+" closed the connection without an answer"),
					Equal("create webhook: POST /webhooks: connection reset by "+host))))
				s.Expect(platform.MayHaveHappened(err)).To(BeTrue())
			}
		})
	}
}

func TestTimeoutSaysWhatTookTooLong(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { _ = listener.Close() })
	short := func(o *platform.Options) { o.RequestTimeout = 300 * time.Millisecond }
	for name, test := range map[string]struct {
		scheme string
		answer http.HandlerFunc
		says   string
	}{
		"no answer": {"", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "timed out waiting for the answer of 127.0.0.1"},
		"half an answer": {"", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, `{"id":`)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, "timed out reading the answer"},
		"no handshake": {"https://", nil, "timed out in the TLS handshake with 127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newAnswerScene(t, test.answer, short, func(o *platform.Options) {
				if test.scheme != "" {
					o.APIURL = test.scheme + listener.Addr().String()
				}
			})
			s.Expect(operations["get"](s, webhookID)).To(MatchError(ContainSubstring(test.says)))
		})
	}
}

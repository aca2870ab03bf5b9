package platform_test

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/platform"
)

// behindProxy is a client of a platform that only a proxy reaches, by the environment that a pod would have.
func behindProxy(t *testing.T, proxy string) *platform.Client {
	t.Helper()
	t.Setenv("HTTPS_PROXY", "http://operator:MARKED-password@"+proxy)
	t.Setenv("NO_PROXY", "direct.example.invalid")
	client, err := platform.New(platform.Options{
		APIURL: "https://api.example.invalid", TokenURL: "https://ims.example.invalid/connect/token",
		Credentials:    platform.Credentials{ClientID: "tester", ClientSecret: clientSecret},
		RequestTimeout: 500 * time.Millisecond,
	})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	t.Cleanup(client.CloseIdleConnections)
	return client
}

// TestErrorOfAProxyNamesIt: what a proxy does not let through is told as the proxy's doing, with what to set, and never
// with its password. Nothing has reached the platform.
func TestErrorOfAProxyNamesIt(t *testing.T) {
	for name, test := range map[string]struct {
		answer int
		says   string
	}{
		"wants a password": {407, " does not connect to ims.example.invalid:443: it answered 407 Proxy Authentication Required; " +
			"the user and password of the proxy belong into HTTPS_PROXY"},
		"forbids the host": {403, " it answered 403 Forbidden; allow the host there, or name it in NO_PROXY"},
		"has no way":       {502, " it answered 502 Bad Gateway"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			asked := make(chan *http.Request, 10)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked <- r
				http.Error(w, "MARKED words of the proxy", test.answer)
			}))
			t.Cleanup(server.Close)
			address := strings.TrimPrefix(server.URL, "http://")
			err := behindProxy(t, address).Login(t.Context())
			g.Expect(err).To(MatchError(And(ContainSubstring("the proxy "+address), ContainSubstring(test.says),
				Not(ContainSubstring("MARKED")), Not(ContainSubstring("operator:")))))
			ask := <-asked
			g.Expect(ask.Method + " " + ask.Host).To(Equal("CONNECT ims.example.invalid:443"))
			g.Expect(ask.Header.Get("Proxy-Authorization")).To(HavePrefix("Basic "))
			g.Expect(asked).To(BeEmpty())
			g.Expect(platform.MayHaveHappened(err)).To(BeFalse())
			g.Expect(platform.IsUnauthorized(err) || platform.IsForbidden(err)).To(BeFalse(), "it is not about the credentials")
		})
	}
}

func TestProxyThatCannotBeReachedIsNamed(t *testing.T) {
	g := NewWithT(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	g.Expect(err).NotTo(HaveOccurred())
	address := listener.Addr().String()

	silent := behindProxy(t, address)
	g.Expect(silent.Login(t.Context())).To(MatchError(ContainSubstring(
		"timed out waiting until the proxy " + address + " connects to ims.example.invalid")))

	g.Expect(listener.Close()).To(Succeed())
	g.Expect(behindProxy(t, address).Login(t.Context())).To(MatchError(ContainSubstring(
		"connection refused by the proxy " + address)))
	g.Expect(behindProxy(t, "proxy.example.invalid:3128").Login(t.Context())).To(MatchError(ContainSubstring(
		`no such host "proxy.example.invalid"`)))
}

// TestHostsThatHaveNoProxy go straight there: those that NO_PROXY names, and loopback.
func TestHostsThatHaveNoProxy(t *testing.T) {
	g := NewWithT(t)
	asked := make(chan string, 10)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Host
		w.WriteHeader(http.StatusBadGateway)
	}))
	t.Cleanup(proxy.Close)
	behindProxy(t, strings.TrimPrefix(proxy.URL, "http://"))
	s := newAnswerScene(t, answering(404, ""), func(o *platform.Options) {
		o.APIURL, o.RequestTimeout = "https://direct.example.invalid", 5*time.Second
	})
	s.Expect(s.client.Login(t.Context())).To(Succeed(), "the token server is on a loopback address")
	err := operations["get"](s, webhookID)
	g.Expect(err).To(MatchError(ContainSubstring("direct.example.invalid")))
	g.Expect(err).NotTo(MatchError(ContainSubstring("proxy")))
	var dns *net.DNSError
	g.Expect(errors.As(err, &dns)).To(BeTrue())
	g.Expect(asked).To(BeEmpty())
}

package cli

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/harness"
)

// serveMetrics serves a text over TLS at an address of this machine that the API server may proxy to, which loopback
// is not.
func (s *scene) serveMetrics(text string) (host string, port int32) {
	s.Helper()
	host = s.address()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/metrics" {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, text)
	}))
	s.Must(server.Listener.Close())
	var err error
	server.Listener, err = net.Listen("tcp4", net.JoinHostPort(host, "0"))
	s.Must(err)
	server.StartTLS()
	s.Cleanup(server.Close)
	return host, int32(server.Listener.Addr().(*net.TCPAddr).Port)
}

// address is one of this machine that the API server may proxy to.
func (s *scene) address() (host string) {
	s.Helper()
	addresses, err := net.InterfaceAddrs()
	s.Must(err)
	for _, address := range addresses {
		if ip, ok := address.(*net.IPNet); ok && ip.IP.To4() != nil && ip.IP.IsGlobalUnicast() {
			host = ip.IP.String()
		}
	}
	s.Expect(host).NotTo(BeEmpty(), "this machine has no address beside loopback")
	return host
}

// serveOwnMetrics starts a replica of the operator that serves its metrics as in a cluster: to callers with a token.
func (s *scene) serveOwnMetrics() (host string, port int32) {
	s.Helper()
	host = s.address()
	free, err := net.Listen("tcp4", net.JoinHostPort(host, "0"))
	s.Must(err)
	address := free.Addr().(*net.TCPAddr)
	s.Must(free.Close())
	replica, err := plane.StartManager(s.Ctx, "--leader-elect", "--leader-election-namespace="+harness.Namespace,
		"--metrics-bind-address="+address.String())
	s.Must(err)
	s.Cleanup(func() { _ = replica.Stop() })
	s.Eventually(func() error {
		connection, err := (&net.Dialer{}).DialContext(s.Ctx, "tcp4", address.String())
		if err == nil {
			err = connection.Close()
		}
		return err
	}).Should(Succeed())
	return host, int32(address.Port)
}

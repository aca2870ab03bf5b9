package cli

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"

	. "github.com/onsi/gomega"
)

// serveMetrics serves a text over TLS at an address of this machine that the API server may proxy to, which loopback
// is not.
func (s *scene) serveMetrics(text string) (host string, port int32) {
	s.Helper()
	addresses, err := net.InterfaceAddrs()
	s.must(err)
	for _, address := range addresses {
		if ip, ok := address.(*net.IPNet); ok && ip.IP.To4() != nil && ip.IP.IsGlobalUnicast() {
			host = ip.IP.String()
		}
	}
	s.Expect(host).NotTo(BeEmpty(), "this machine has no address beside loopback")
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/metrics" {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, text)
	}))
	s.must(server.Listener.Close())
	server.Listener, err = net.Listen("tcp4", net.JoinHostPort(host, "0"))
	s.must(err)
	server.StartTLS()
	s.Cleanup(server.Close)
	return host, int32(server.Listener.Addr().(*net.TCPAddr).Port)
}

package simtest

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// network are servers on this machine, and how the host of the platform leads to each: what goes wrong before an answer
// comes is produced with real connections.
type network struct {
	// noHost is how a connection to the platform fails that a DNS server knows no host of. (Inside of a bubble of
	// testing/synctest no name can be looked up.)
	noHost error
	// closed is a port that no process listens at.
	closed string
	// untrusted and resetting speak TLS, plain does not.
	untrusted, resetting, plain string
}

func newNetwork(t *testing.T) *network {
	secure := func(handler http.HandlerFunc) string {
		server := httptest.NewUnstartedServer(handler)
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		server.StartTLS()
		t.Cleanup(server.Close)
		return server.Listener.Addr().String()
	}
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	n := &network{
		noHost: dialWith(t, serveNoHosts(t)), plain: plain.Listener.Addr().String(), untrusted: secure(http.NotFound),
		resetting: secure(func(w http.ResponseWriter, _ *http.Request) {
			if connection, _, err := http.NewResponseController(w).Hijack(); err == nil {
				_ = connection.(*tls.Conn).NetConn().(*net.TCPConn).SetLinger(0)
				_ = connection.(*tls.Conn).NetConn().Close()
			}
		}),
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n.closed = listener.Addr().String()
	_ = listener.Close()
	return n
}

// serveNoHosts is a DNS server that knows no host.
func serveNoHosts(t *testing.T) string {
	connection, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	go func() {
		buffer := make([]byte, 1024)
		for {
			n, from, err := connection.ReadFrom(buffer)
			if err != nil {
				return
			}
			var message dnsmessage.Message
			if message.Unpack(buffer[:n]) != nil {
				continue
			}
			message.Response, message.RCode, message.Additionals = true, dnsmessage.RCodeNameError, nil
			if answer, err := message.Pack(); err == nil {
				_, _ = connection.WriteTo(answer, from)
			}
		}
	}()
	return connection.LocalAddr().String()
}

// dialWith connects to the platform by the DNS server at an address, and returns why that failed.
func dialWith(t *testing.T, dns string) error {
	dialer := &net.Dialer{
		Resolver: &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "udp", dns)
		}},
	}
	_, err := dialer.DialContext(t.Context(), "tcp", "platform.example.com:443")
	if err == nil {
		t.Fatal("the host exists")
	}
	return err
}

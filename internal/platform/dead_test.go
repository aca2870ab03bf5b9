package platform_test

import (
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/platform"
)

// forwarder passes bytes on to a server. What it has frozen stays open and passes nothing on any more.
type forwarder struct {
	listener net.Listener
	accepted atomic.Int32
	frozen   atomic.Int32 // connections up to this one
}

func newForwarder(t *testing.T, to string) *forwarder {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { _ = listener.Close() })
	f := &forwarder{listener: listener}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", to)
			if err != nil {
				return
			}
			t.Cleanup(func() { _, _ = client.Close(), server.Close() })
			number := f.accepted.Add(1)
			go f.pass(client, server, number)
			go f.pass(server, client, number)
		}
	}()
	return f
}

func (f *forwarder) pass(from, to net.Conn, number int32) {
	buffer := make([]byte, 1<<16)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if number > f.frozen.Load() {
			_, _ = to.Write(buffer[:n])
		}
	}
}

// A connection through which nothing passes any more, although its socket stays open, costs one call.
func TestDeadConnectionIsReplacedAfterOneCall(t *testing.T) {
	for _, protocol := range []int{1, 2} {
		t.Run(fmt.Sprint("HTTP/", protocol), func(t *testing.T) {
			s := newHandledScene(t, http.NotFoundHandler())
			var seen atomic.Int32
			secure := httptest.NewUnstartedServer(withTokens(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				seen.Store(int32(r.ProtoMajor))
				_, _ = io.WriteString(w, `{"webhooks":[]}`)
			})))
			secure.EnableHTTP2, secure.Config.ErrorLog = protocol == 2, quiet()
			secure.StartTLS()
			t.Cleanup(secure.Close)
			f := newForwarder(t, secure.Listener.Addr().String())
			o := s.options()
			o.APIURL = "https://" + f.listener.Addr().String()
			o.TokenURL, o.RequestTimeout, o.PingAfter = o.APIURL+"/connect/token", time.Second, 200*time.Millisecond
			o.CABundle = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
			client, err := platform.New(o)
			s.Expect(err).NotTo(HaveOccurred())
			t.Cleanup(client.CloseIdleConnections)
			list := func() error {
				_, err := client.List(t.Context(), nil)
				return err
			}
			s.Expect(list()).To(Succeed())
			s.Expect(seen.Load()).To(BeEquivalentTo(protocol))
			before := f.accepted.Load()
			f.frozen.Store(before)
			s.Expect(list()).To(MatchError(SatisfyAny(
				ContainSubstring("timed out waiting for the answer"), ContainSubstring("was dead and was closed"))))
			s.Expect(list()).To(Succeed())
			s.Expect(f.accepted.Load()).To(Equal(before+1), "by another connection")
		})
	}
}

package chaos

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// hostilePlatforms answer the hostile accounts of the soak: each kind in its own way, by the first part of the path.
type hostilePlatforms struct {
	url string
	// silent is a server that accepts connections and says nothing.
	silent string
	// bomb and many are lists, compressed: one of 100 MiB, and one of as many webhooks as a list may have.
	bomb, many []byte
}

// hostileKinds are what is wrong with the hostile accounts.
var hostileKinds = []string{
	"closed-port", "silent", "token-hangs", "drips", "bomb", "many", "lies", "writes-hang", "writes-401", "writes-429",
}

func startHostilePlatforms(t *testing.T) *hostilePlatforms {
	t.Helper()
	p := &hostilePlatforms{
		bomb: compressed(120, func(int) string { return `{"id":"1","x":"` + strings.Repeat("x", 900<<10) + `"}` }),
		many: compressed(100_000, func(i int) string {
			return fmt.Sprintf(`{"id":"%d","active":true,"callbackUrl":"https://x"}`, i)
		}),
	}
	server := httptest.NewServer(p)
	p.url = server.URL
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	go func() {
		var held []net.Conn // a connection that is collected would be closed
		for {
			connection, err := listener.Accept()
			if err != nil {
				break
			}
			held = append(held, connection)
		}
		for _, connection := range held {
			_ = connection.Close()
		}
	}()
	p.silent = "http://" + listener.Addr().String()
	t.Cleanup(func() {
		server.CloseClientConnections()
		go server.Close()
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func compressed(n int, entry func(int) string) []byte {
	var buffer bytes.Buffer
	zipped := gzip.NewWriter(&buffer)
	_, _ = io.WriteString(zipped, `{"webhooks":[`)
	for i := range n {
		if i > 0 {
			_, _ = io.WriteString(zipped, ",")
		}
		_, _ = io.WriteString(zipped, entry(i))
	}
	_, _ = io.WriteString(zipped, `]}`)
	_ = zipped.Close()
	return buffer.Bytes()
}

// urls are those of a connection of some kind.
func (p *hostilePlatforms) urls(kind string) (api, token string) {
	switch kind {
	case "closed-port":
		return "http://127.0.0.1:1", p.url + "/fine/token"
	case "silent":
		return p.silent, p.silent + "/token"
	}
	return p.url + "/" + kind, p.url + "/" + kind + "/token"
}

// ServeHTTP implements http.Handler.
func (p *hostilePlatforms) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	kind := strings.Split(r.URL.Path, "/")[1]
	write, token := r.Method != http.MethodGet, strings.HasSuffix(r.URL.Path, "/token")
	switch {
	case token && kind == "token-hangs":
		<-r.Context().Done()
	case token:
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token":"token","token_type":"Bearer","expires_in":3600}`)
	case kind == "drips":
		drip(w, r)
	case kind == "lies":
		lie(w)
	case kind == "bomb" || kind == "many":
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(map[string][]byte{"bomb": p.bomb, "many": p.many}[kind])
	case write && kind == "writes-hang":
		<-r.Context().Done()
	case write && kind == "writes-401":
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"error":{"code":"InsufficientScope","message":"no"}}`)
	case write && kind == "writes-429":
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
	default:
		_, _ = io.WriteString(w, `{"webhooks":[]}`)
	}
}

// drip answers a byte at a time.
func drip(w http.ResponseWriter, r *http.Request) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	_, _ = io.WriteString(w, `{"webhooks":[`)
	for {
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
			_, _ = io.WriteString(w, " ")
			_ = http.NewResponseController(w).Flush()
		}
	}
}

// lie answers anything.
func lie(w http.ResponseWriter) {
	id := fmt.Sprintf("%08x-0000-4000-8000-%012x", rand.Uint32(), rand.Uint32())
	answers := []string{
		`{"webhooks":[]}`, `{"webhooks":[{"id":"` + id + `","active":null},{"active":true},7]}`, `<html>login</html>`, ``,
		`{"id":"` + id + `","active":true,"callbackUrl":"https://x"}`, `{"error":{"code":"WebhookNotFound","message":"no"}}`,
		`{"webhooks":[{"id":"` + id + `","active":true,"callbackUrl":"https://x"}],"_links":{"next":{"href":"/lies"}}}`,
	}
	statuses := []int{200, 200, 200, 200, 201, 202, 204, 302, 400, 401, 403, 404, 405, 409, 422, 429, 500, 503}
	status := statuses[rand.IntN(len(statuses))]
	w.WriteHeader(status)
	if status != http.StatusNoContent {
		_, _ = io.WriteString(w, answers[rand.IntN(len(answers))])
	}
}

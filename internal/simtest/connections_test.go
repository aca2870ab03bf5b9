package simtest

import (
	"io"
	"net/http"
	"strings"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/connection"
	"webhook-operator.io/itwin/internal/platform"
)

// refusable is a client secret that the platform can be made to refuse.
const refusable = "refusable"

// refusing lets every request of the connections with the client secret refusable be answered 401 while refused is
// true.
type refusing struct {
	http.RoundTripper
	refused *bool
}

func (r refusing) RoundTrip(q *http.Request) (*http.Response, error) {
	if !*r.refused {
		return r.RoundTripper.RoundTrip(q)
	}
	body := `{"error":{"code":"InvalidToken","message":"no"}}`
	if strings.HasSuffix(q.URL.Path, "/token") {
		body = `{"error":"invalid_client"}`
	}
	return &http.Response{
		StatusCode: http.StatusUnauthorized, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body)), Request: q,
	}, nil
}

func (p *process) dialRefusably(refused *bool) {
	p.connections.Dial = func(o platform.Options) (connection.API, error) {
		o.Transport = transport{p}
		if o.Credentials.ClientSecret == refusable {
			o.Transport = refusing{o.Transport, refused}
		}
		return platform.New(o)
	}
}

// editConnection changes the spec of a connection as people do.
func (w *simulation) editConnection(name string, change func(*itwinv1alpha1.ConnectionSpec)) {
	c := w.connection(name)
	change(&c.Spec)
	c.Generation++
	w.cluster.store(c)
}

func forbidding(s *itwinv1alpha1.ConnectionSpec) {
	s.AllowedCallbackHosts = []string{"other.example.org"}
}

func (w *simulation) removeConnection(name string) {
	w.cluster.remove(w.connection(name))
}

// connection reads a connection.
func (w *simulation) connection(name string) *itwinv1alpha1.Connection {
	return w.cluster.read(ref{kindConnection, keyed(name)}).(*itwinv1alpha1.Connection)
}

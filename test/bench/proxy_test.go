package bench

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"webhook-operator.io/itwin/internal/harness"
)

// proxy stands between one operator and the API server, and counts. It lends the operator no rights: it passes on the
// token that came with a request and has none of its own.
type proxy struct {
	server *httptest.Server

	mu     sync.Mutex
	counts map[request]int
}

// request is what counts as the same request.
type request struct {
	method string
	// resource is in the plural, with the subresource if any: "webhooks/status".
	resource        string
	namespace, name string
}

func startProxy(server *rest.Config) (*proxy, error) {
	target, err := url.Parse(server.Host)
	if err != nil {
		return nil, err
	}
	transport, err := rest.TransportFor(&rest.Config{
		Host: server.Host, TLSClientConfig: rest.TLSClientConfig{CAData: server.CAData},
	})
	if err != nil {
		return nil, err
	}
	p := &proxy{counts: map[request]int{}}
	forward := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: transport,
		// An operator that is killed breaks off its watches; that is no news.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	p.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.count(r)
		forward.ServeHTTP(w, r)
	}))
	p.server.EnableHTTP2 = true
	p.server.Config.ErrorLog = forward.ErrorLog
	p.server.StartTLS()
	return p, nil
}

func (p *proxy) count(r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts[read(r)]++
}

func (p *proxy) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts = map[request]int{}
}

// read reads which object a request is about: /api/v1/… or /apis/group/version/…, then namespaces/name/ if it is in
// one, then resource/name/subresource, as far as it goes.
func read(r *http.Request) request {
	q := request{method: r.Method}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if parts[0] == "apis" {
		parts = parts[min(3, len(parts)):]
	} else {
		parts = parts[min(2, len(parts)):]
	}
	if len(parts) > 2 && parts[0] == "namespaces" {
		q.namespace, parts = parts[1], parts[2:]
	}
	if len(parts) > 0 {
		q.resource = parts[0]
	}
	if len(parts) > 1 {
		q.name = parts[1]
	}
	if len(parts) > 2 {
		q.resource += "/" + parts[2]
	}
	return q
}

// sum counts the requests that match.
func (p *proxy) sum(match func(request) bool) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for q, times := range p.counts {
		if match(q) {
			n += times
		}
	}
	return n
}

// writes counts the changes of a resource; of all that are stored when it is "".
func (p *proxy) writes(resource string) int {
	return p.sum(func(q request) bool { return q.changes() && (resource == "" || q.resource == resource) })
}

func (q request) changes() bool {
	return q.method != http.MethodGet && !strings.HasSuffix(q.resource, "reviews")
}

// reads counts the requests that change nothing.
func (p *proxy) reads() int {
	return p.sum(func(q request) bool { return q.method == http.MethodGet })
}

// perWebhook is how often each Webhook was written, by "namespace/name".
func (p *proxy) perWebhook() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	times := map[string]int{}
	for q, n := range p.counts {
		if resource, _, _ := strings.Cut(q.resource, "/"); resource == "webhooks" && q.changes() {
			times[q.namespace+"/"+q.name] += n
		}
	}
	return times
}

// account is the operator's, as config/default names it.
const account = "itwin-webhook-operator-controller-manager"

// kubeconfig writes a file with which the operator's account reaches the API server through the proxy.
func (p *proxy) kubeconfig(s *scene) string {
	s.Helper()
	token := &authenticationv1.TokenRequest{}
	var operator corev1.ServiceAccount
	operator.Namespace, operator.Name = harness.Namespace, account
	s.must(s.plane.Client.SubResource("token").Create(s.ctx, &operator, token))
	config := clientcmdapi.NewConfig()
	config.Clusters["proxy"] = &clientcmdapi.Cluster{
		Server: p.server.URL, CertificateAuthorityData: pem.EncodeToMemory(&pem.Block{
			Type: "CERTIFICATE", Bytes: p.server.Certificate().Raw,
		}),
	}
	config.AuthInfos["operator"] = &clientcmdapi.AuthInfo{Token: token.Status.Token}
	config.Contexts["proxy"] = &clientcmdapi.Context{Cluster: "proxy", AuthInfo: "operator"}
	config.CurrentContext = "proxy"
	path := filepath.Join(s.TempDir(), "kubeconfig")
	s.must(clientcmd.WriteToFile(*config, path))
	return path
}

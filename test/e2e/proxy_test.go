package e2e

import (
	"encoding/base64"
	"encoding/pem"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// The hosts of a platform that only a proxy reaches: the test server's certificate is for them, and no DNS knows them.
const (
	apiHost   = "api.example.com"
	tokenHost = "ims.example.com"

	proxyPassword = "proxy-password-4ac1"
)

// connectProxy is an HTTP proxy that opens tunnels to one server, whatever the name that it is asked for.
type connectProxy struct {
	*httptest.Server
	target string

	mu      sync.Mutex
	tunnels map[string]int
	// refuse is the status that every request is answered with; 0 lets them through.
	refuse int
}

func startProxy(t *testing.T, target string) *connectProxy {
	t.Helper()
	p := &connectProxy{target: target, tunnels: map[string]int{}}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

// ServeHTTP implements http.Handler.
func (p *connectProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.tunnels[r.Host]++
	refuse := p.refuse
	p.mu.Unlock()
	user := "Basic " + base64.StdEncoding.EncodeToString([]byte("operator:"+proxyPassword))
	switch {
	case r.Method != http.MethodConnect:
		refuse = http.StatusMethodNotAllowed
	case r.Header.Get("Proxy-Authorization") != user:
		refuse = http.StatusProxyAuthRequired
	}
	if refuse != 0 {
		w.WriteHeader(refuse)
		return
	}
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer func() { _ = server.Close() }()
	w.WriteHeader(http.StatusOK)
	client, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = client.Close() }()
	go func() {
		_, _ = io.Copy(server, client)
		_ = server.Close()
	}()
	_, _ = io.Copy(client, server)
}

func (p *connectProxy) answer(refuse int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = refuse
}

func (p *connectProxy) asked() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.tunnels)
}

// TestPlatformIsReachedThroughAProxy: API and token server are reached by the environment of the pod, over TLS with a CA
// of the connection's own, and the API server of Kubernetes without the proxy.
func TestPlatformIsReachedThroughAProxy(t *testing.T) {
	s := newScene(t)
	simulator, err := url.Parse(s.Platform.URL)
	s.Must(err)
	secure := httptest.NewTLSServer(httputil.NewSingleHostReverseProxy(simulator))
	t.Cleanup(secure.Close)
	proxy := startProxy(t, strings.TrimPrefix(secure.URL, "https://"))
	proxy.answer(http.StatusForbidden)

	s.Must(manager.Stop())
	t.Setenv("HTTPS_PROXY", "http://operator:"+proxyPassword+"@"+strings.TrimPrefix(proxy.URL, "http://"))
	t.Setenv("NO_PROXY", "10.0.0.0/8,.svc")
	proxied, err := plane.StartManager(s.Ctx, "--allowed-api-hosts="+apiHost+","+tokenHost)
	s.Must(err)
	t.Cleanup(func() {
		s.Must(proxied.Kill())
		s.startManager()
	})

	s.Create(s.Credentials(s.Namespace))
	s.Create(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "company-ca"},
		Data: map[string][]byte{
			"ca.crt": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}),
		},
	})
	c := s.Connection()
	c.Spec.APIURL, c.Spec.TokenURL = "https://"+apiHost, "https://"+tokenHost+"/connect/token"
	c.Spec.CABundleSecretRef = &itwinv1alpha1.CABundleReference{Name: "company-ca"}
	s.Create(c)

	c = s.connectionBecomes(metav1.ConditionFalse, itwinv1alpha1.PlatformUnavailableReason)
	s.Expect(apimeta.FindStatusCondition(c.Status.Conditions, itwinv1alpha1.ReadyCondition).Message).To(And(
		ContainSubstring("the proxy "+strings.TrimPrefix(proxy.URL, "http://")), ContainSubstring(tokenHost),
		ContainSubstring("403 Forbidden"), ContainSubstring("NO_PROXY")))

	proxy.answer(0)
	s.connectionBecomes(metav1.ConditionTrue, itwinv1alpha1.ConnectedReason)
	s.ready("through-the-proxy")
	s.Expect(s.onlyRemote().Active).To(BeTrue())
	s.Expect(proxy.asked()).To(And(HaveLen(2), HaveKey(apiHost+":443"), HaveKey(tokenHost+":443")))
	s.Expect(proxied.Output()).NotTo(ContainSubstring(proxyPassword))
	s.Must(plane.Client.DeleteAllOf(s.Ctx, &itwinv1alpha1.Webhook{}, client.InNamespace(s.Namespace)))
	s.gone("through-the-proxy")
}

package delivery

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// TestAProxyHasACertificateOfItsOwn sends to a callback through a proxy that is spoken to by TLS.
func TestAProxyHasACertificateOfItsOwn(t *testing.T) {
	const atName, atAddress = "https://example.com", "https://127.0.0.1"
	for name, c := range map[string]struct {
		callback  string
		names     []string
		addresses []net.IP
		change    func(*attempt)
		// why is why it is not delivered; shown is whether the certificate of the callback is.
		why   string
		shown bool
	}{
		"a name":           {atName, nil, []net.IP{net.IPv4(127, 0, 0, 1)}, nil, "", true},
		"an address":       {atAddress, nil, []net.IP{net.IPv4(127, 0, 0, 1)}, nil, "", true},
		"the proxy's name": {atName, []string{"example.com"}, nil, nil, "the certificate of the proxy 127.0.0.1", false},
		"the proxy is not verified, the callback need not be": {
			atName, []string{"example.com"}, nil, func(a *attempt) { a.insecure = true }, "certificate of the proxy", false,
		},
		"the callback has another name": {
			"https://other.example.org", []string{"other.example.org"}, []net.IP{net.IPv4(127, 0, 0, 1)}, nil,
			"not other.example.org", true,
		},
		"the callback has another address": {
			"https://127.0.0.2", nil, []net.IP{net.IPv4(127, 0, 0, 1), net.IPv4(127, 0, 0, 2)}, nil, "127.0.0.2", true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			receiver, roots := serve(t, func(http.ResponseWriter, *http.Request) {})
			proxy := tunnel(t, receiver, selfSigned(t, c.names, c.addresses), roots)
			r, text := try(t, c.callback, func(a *attempt) {
				a.roots, a.proxy = roots, http.ProxyURL(proxy)
				if c.change != nil {
					c.change(a)
				}
			})
			g.Expect(r.Delivered).To(Equal(c.why == ""), text)
			g.Expect(r.Why).To(ContainSubstring(c.why))
			g.Expect(r.Certificate != nil).To(Equal(c.shown))
			if c.shown {
				g.Expect(r.Certificate.Names).To(ContainElement("example.com"))
				g.Expect(r.Certificate.Subject).NotTo(ContainSubstring("proxy"))
			}
		})
	}
}

// tunnel starts a proxy that leads every connection to one receiver.
func tunnel(t *testing.T, receiver string, certificate tls.Certificate, roots *x509.CertPool) *url.URL {
	t.Helper()
	g := NewWithT(t)
	to, err := url.Parse(receiver)
	g.Expect(err).NotTo(HaveOccurred())
	roots.AddCert(certificate.Leaf)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		there, err := new(net.Dialer).DialContext(r.Context(), "tcp", to.Host)
		if err != nil || r.Method != http.MethodConnect {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		here, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
		go func() {
			_, _ = io.Copy(there, here)
			_ = there.Close()
		}()
		_, _ = io.Copy(here, there)
		_ = here.Close()
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	server.StartTLS()
	t.Cleanup(server.Close)
	found, err := url.Parse(server.URL)
	g.Expect(err).NotTo(HaveOccurred())
	return found
}

// selfSigned makes a certificate of a proxy.
func selfSigned(t *testing.T, names []string, addresses []net.IP) tls.Certificate {
	t.Helper()
	g := NewWithT(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	g.Expect(err).NotTo(HaveOccurred())
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "proxy"}, DNSNames: names, IPAddresses: addresses,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	g.Expect(err).NotTo(HaveOccurred())
	leaf, err := x509.ParseCertificate(der)
	g.Expect(err).NotTo(HaveOccurred())
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

package security

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync/atomic"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// followsNoRedirect: neither a login nor a call goes where only an answer says, even if that is trusted.
func followsNoRedirect(s *scene) {
	var strayed atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { strayed.Add(1) }))
	s.Cleanup(elsewhere.Close)
	redirect := func(path string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != path {
				s.platform.Simulator.ServeHTTP(w, r)
				return
			}
			http.Redirect(w, r, elsewhere.URL+path, http.StatusTemporaryRedirect)
		})
	}
	s.platform.turn(redirect("/connect/token"))
	c := s.connect()
	says := func(path string) {
		s.Eventually(func() string { return s.becomes(c, itwinv1alpha1.PlatformUnavailableReason) }).
			Should(ContainSubstring(path + ": 307"))
	}
	says("/connect/token")
	s.platform.turn(redirect("/webhooks"))
	says("webhooks")
	s.Expect(strayed.Load()).To(BeZero())
}

// refusesUnknownCA: a certificate of another CA is refused, and no message says how to disable the check.
func refusesUnknownCA(s *scene) {
	unknown := httptest.NewUnstartedServer(http.NotFoundHandler())
	unknown.TLS = &tls.Config{Certificates: []tls.Certificate{selfSigned(s)}}
	unknown.StartTLS()
	s.Cleanup(unknown.Close)
	s.platform.server.Config.ErrorLog = log.New(io.Discard, "", 0)

	credentials, c := s.credentials(), s.connection()
	credentials.StringData["ca.crt"] = bundleOf(unknown)
	s.add(credentials, c)
	s.retire(c)
	message := s.becomes(c, itwinv1alpha1.PlatformUnavailableReason)
	s.Expect(message).To(ContainSubstring("certificate"))
	s.Expect(message).To(ContainSubstring("caBundleSecretRef"))
	s.Expect(message).NotTo(MatchRegexp("(?i)skip|insecure|disable"))
	s.Expect(s.platform.secrets()).To(BeEmpty(), "no secret is sent before the server has proven its identity")

	change(s, credentials, func(secret *corev1.Secret) {
		secret.StringData = map[string]string{"ca.crt": s.platform.caBundle()}
	})
	s.becomes(c, itwinv1alpha1.ConnectedReason)
}

// refusesOldTLS: a server that offers no more than TLS 1.1 gets no request.
func refusesOldTLS(s *scene) {
	old := httptest.NewUnstartedServer(s.platform)
	old.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11} // that is what is tested
	old.Config.ErrorLog = log.New(io.Discard, "", 0)
	old.StartTLS()
	s.Cleanup(old.Close)
	credentials, c := s.credentials(), s.connection()
	credentials.StringData["ca.crt"] = bundleOf(old)
	c.Spec.APIURL, c.Spec.TokenURL = old.URL, old.URL+"/connect/token"
	s.add(credentials, c)
	s.retire(c)
	s.becomes(c, itwinv1alpha1.PlatformUnavailableReason)
	s.Expect(s.platform.secrets()).To(BeEmpty())
}

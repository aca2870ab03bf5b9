package delivery

import (
	"bytes"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/cli/output"
	"webhook-operator.io/itwin/signature"
)

const secret = "0123456789abcdef0123456789abcdef"

func webhook(callback string) *itwinv1alpha1.Webhook {
	w := &itwinv1alpha1.Webhook{}
	w.Namespace, w.Name = "digital-twin", "model-events"
	w.Spec.CallbackURL, w.Spec.EventTypes = callback, []string{"iModels.iModelDeleted.v1", "iModels.iModelCreated.v1"}
	w.Spec.ScopeID = "5c9d64cf-d22f-4149-ad08-c24ff395c3a0"
	return w
}

// serve starts a receiver over HTTPS, and returns what trusts it.
func serve(t *testing.T, handler http.HandlerFunc) (url string, roots *x509.CertPool) {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	roots = x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return server.URL, roots
}

// try sends an event, and returns what is told of it.
func try(t *testing.T, callback string, change func(*attempt)) (*report, string) {
	t.Helper()
	w := webhook(callback)
	a := attempt{url: callback, secret: secret, event: eventFor(w, time.Now()), timeout: time.Minute}
	change(&a)
	r := newReport(w, "")
	r.sent(send(t.Context(), a), secret)
	var text bytes.Buffer
	NewWithT(t).Expect(r.write(&text, output.Table)).To(Succeed())
	NewWithT(t).Expect(r.write(&text, output.JSON)).To(Succeed())
	NewWithT(t).Expect(text.String()).NotTo(ContainSubstring(secret))
	return r, text.String()
}

func TestASyntheticEventIsSignedAndSaysWhatItIs(t *testing.T) {
	g := NewWithT(t)
	url, roots := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		event, err := signature.ParseEvent(body)
		if err != nil || signature.Verify(r.Header.Get(signature.Header), body, secret) != nil ||
			event.EventType != "iModels.iModelCreated.v1" || r.Method != http.MethodPost {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if _, err := event.EnqueuedTime(); err != nil {
			w.WriteHeader(http.StatusUnprocessableEntity)
		}
		if !event.Synthetic() || event.ITwinID != nothing {
			w.WriteHeader(http.StatusNotAcceptable)
		}
	})
	r, text := try(t, url+"/itwin?code=hidden", func(a *attempt) { a.roots = roots })
	g.Expect(r.Delivered).To(BeTrue(), text)
	g.Expect(r.Certificate.Verified).To(BeTrue())
	g.Expect(text).To(And(ContainSubstring("Delivered:    yes"), ContainSubstring("synthetic"), ContainSubstring("200 OK")))
	g.Expect(text).NotTo(ContainSubstring("hidden"))
	other, _ := try(t, url, func(a *attempt) { a.roots = roots })
	g.Expect(other.MessageID).NotTo(Equal(r.MessageID))
}

func TestTheEventTypeIsNoDeletionWhereThereIsAnother(t *testing.T) {
	g := NewWithT(t)
	g.Expect(harmless([]string{"iTwins.iTwinDeleted.v1", "iTwins.iTwinCreated.v1"})).To(Equal("iTwins.iTwinCreated.v1"))
	g.Expect(harmless([]string{"iModels.iModelDeleted.v1", "iTwins.iTwinDeleted.v1"})).To(Equal("iModels.iModelDeleted.v1"))
	g.Expect(harmless([]string{"odd"})).To(Equal("odd"))
}

func TestASecretThatTheOperatorDoesNotSendIsTold(t *testing.T) {
	for value, want := range map[string]string{
		secret:                  "",
		secret + "\n":           "ends with a newline",
		secret + "\r":           "ends with a newline",
		secret[:31]:             "has 31 characters",
		strings.Repeat("ä", 32): "",
		secret + "\xff":         "is not UTF-8 text",
	} {
		g := NewWithT(t)
		if want == "" {
			g.Expect(invalid(value)).To(BeEmpty())
			continue
		}
		g.Expect(invalid(value)).To(HavePrefix(want))
	}
}

func TestItSaysWhyAnEventWouldNotBeDelivered(t *testing.T) {
	answer := func(code int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "https://elsewhere.example.com/")
			w.WriteHeader(code)
			_, _ = io.WriteString(w, body)
		}
	}
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		change  func(*attempt)
		why     string
	}{
		"the secret is another":  {answer(401, "secret "+secret+"\x1b[31m wanted"), nil, "another secret"},
		"the receiver is broken": {answer(503, strings.Repeat("x", 5000)), nil, "the answer is 503"},
		"a redirect":             {answer(302, ""), nil, "redirects are not followed"},
		"accepted only":          {answer(202, ""), nil, "the answer is 202"},
		"no answer": {func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // the server notices the end of the connection once the body is read
			<-r.Context().Done()
		}, func(a *attempt) { a.timeout = 50 * time.Millisecond }, "no answer came in time"},
		"the connection is closed": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, nil, "EOF"},
		"nothing trusts it": {answer(200, ""), func(a *attempt) { a.roots = x509.NewCertPool() },
			"the certificate cannot be verified"},
		"nothing trusts it, which is skipped": {answer(200, ""), func(a *attempt) {
			a.roots, a.insecure = x509.NewCertPool(), true
		}, "the certificate cannot be verified"},
		"its certificate is of another name": {answer(200, ""), func(a *attempt) {
			a.url = strings.Replace(a.url, "127.0.0.1", "localhost", 1)
		}, "not localhost"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			url, roots := serve(t, c.handler)
			r, text := try(t, url, func(a *attempt) {
				a.roots = roots
				if c.change != nil {
					c.change(a)
				}
			})
			g.Expect(r.Delivered).To(BeFalse())
			g.Expect(r.Why).To(ContainSubstring(c.why), text)
			g.Expect(len(r.Answer)).To(BeNumerically("<", 300))
			g.Expect(text).NotTo(ContainSubstring("\x1b"))
			if strings.Contains(name, "trust") {
				g.Expect(r.Certificate.Issuer).NotTo(BeEmpty())
			}
			answered, failed := r.Status != 0, r.Failure != ""
			g.Expect(answered).NotTo(Equal(failed), text)
		})
	}
}

func TestALateAnswerIsNotDelivered(t *testing.T) {
	g := NewWithT(t)
	r := newReport(webhook("https://hooks.example.com/"), "")
	r.sent(outcome{status: http.StatusOK, took: 5001 * time.Millisecond}, secret)
	g.Expect(r.Why).To(ContainSubstring("5.001s"))
}

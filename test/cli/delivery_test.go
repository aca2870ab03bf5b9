package cli

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/harness"
	"webhook-operator.io/itwin/signature"
	"webhook-operator.io/itwin/simulator"
)

// receives starts a receiver that verifies with the Secret of a Webhook, and writes the file of its certificate.
func (s *scene) receives(secrets func(*http.Request) ([]string, error)) (url, caFile string) {
	s.Helper()
	server := httptest.NewTLSServer(&signature.Handler{
		Secrets: secrets, Next: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
	})
	s.Cleanup(server.Close)
	caFile = filepath.Join(s.TempDir(), "ca.crt")
	block := &pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}
	s.Must(os.WriteFile(caFile, pem.EncodeToMemory(block), 0o600))
	return server.URL, caFile
}

func TestASyntheticEventReachesTheReceiver(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	file := filepath.Join(t.TempDir(), "secret")
	url, caFile := s.receives(signature.Files(file))
	s.ready("model-events", func(w *itwinv1alpha1.Webhook) { w.Spec.CallbackURL = url + "/itwin?code=hidden" })
	value := s.secretOf("model-events-webhook-secret")
	s.Must(os.WriteFile(file, []byte(value), 0o600))
	s.Must(s.Platform.ResetRequests(s.Ctx))

	e := s.itwin("test", "model-events", "--ca-file", caFile)
	s.Expect(s.succeeds(e)).To(And(ContainSubstring("200 OK"), ContainSubstring("Trust:        verified"),
		ContainSubstring("Delivered:    yes")))
	s.Expect(e.out + e.problems).NotTo(Or(ContainSubstring(value), ContainSubstring("hidden")))

	e = s.itwin("test", "model-events")
	s.Expect(e.code).To(Equal(1))
	s.Expect(e.out).To(ContainSubstring("not verified"))
	s.Expect(e.problems).To(ContainSubstring("the certificate cannot be verified"))

	s.Must(os.WriteFile(file, []byte(strings.Repeat("another", 5)), 0o600))
	e = s.itwin("test", "model-events", "--ca-file", caFile, "-o", "json")
	s.Expect(e.code).To(Equal(1))
	s.Expect(e.out).To(ContainSubstring(`"delivered": false`))
	s.Expect(e.problems).To(ContainSubstring("another secret"))
	counts, err := s.Platform.Requests(s.Ctx)
	s.Must(err)
	s.Expect(counts.Counts[writesByPatch] + counts.Counts[writesByPost]).To(BeZero())
}

func TestAnEventThatCannotBeSignedSaysWhatToDo(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	s.Expect(s.fails(s.itwin("test", "model-events"))).To(ContainSubstring("there is no Webhook"))
	s.Expect(s.fails(s.itwin("test"))).To(ContainSubstring("test --help"))
	found, err := s.Platform.AddWebhooks(s.Ctx, []simulator.Seed{{
		ClientID: s.Namespace, Scope: "iTwin", ScopeID: iTwin, CallbackURL: callback + "/foreign", Active: true,
		EventTypes: []string{eventType},
	}})
	s.Must(err)
	s.ready("foreign", func(w *itwinv1alpha1.Webhook) { w.Spec.WebhookID = found[0].ID })
	s.Expect(s.fails(s.itwin("test", "foreign"))).To(ContainSubstring("is unknown: it was imported"))

	s.Create(s.webhook("waits", func(w *itwinv1alpha1.Webhook) {
		w.Spec.SecretRef = &itwinv1alpha1.SecretKeyReference{Name: "waits-hmac", Key: "secret"}
	}))
	s.Expect(s.fails(s.itwin("test", "waits"))).To(ContainSubstring("see \"kubectl itwin status waits -n " + s.Namespace + "\""))
	s.Create(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "waits-hmac"},
		StringData: map[string]string{"secret": strings.Repeat("a", 32) + "\n"},
	})
	s.Expect(s.fails(s.itwin("test", "waits"))).To(And(ContainSubstring("ends with a newline"), ContainSubstring("no event was sent")))

	kubeconfig := s.userWith("get", "webhooks.itwin.webhook-operator.io")
	s.Expect(s.fails(s.itwin("test", "foreign", "--kubeconfig", kubeconfig))).To(ContainSubstring("you may not read Secret"))
}

// secretOf is the value of a generated Secret.
func (s *scene) secretOf(name string) string {
	s.Helper()
	var secret corev1.Secret
	s.Must(plane.Client.Get(s.Ctx, client.ObjectKey{Namespace: s.Namespace, Name: name}, &secret))
	return string(secret.Data[itwinv1alpha1.DefaultSecretKey])
}

// A signature is verified without any cluster.
func TestASignatureIsVerifiedWithoutACluster(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	path, err := harness.Binary("kubectl-itwin")
	s.Must(err)
	secret := filepath.Join(t.TempDir(), "secret")
	value, body := "0123456789abcdef0123456789abcdef", `{"content":{}}`
	verify := func(text string) ended {
		s.Must(os.WriteFile(secret, []byte(text), 0o600))
		command := s.command(path, "verify-signature", "--signature", signature.Sign(value, []byte(body)), "--secret-file", secret)
		command.Env = append(s.environment(""), "KUBECONFIG="+filepath.Join(t.TempDir(), "none"))
		command.Stdin = strings.NewReader(body)
		return s.run(command)
	}
	s.Expect(s.succeeds(verify(value))).To(HavePrefix("yes: "))
	e := verify(value + "\n")
	s.Expect(e.code).To(Equal(1))
	s.Expect(e.out).To(And(HavePrefix("no: "), ContainSubstring("without the newline at its end")))
	s.Expect(e.problems).To(BeEmpty(), "an answer is no error")
}

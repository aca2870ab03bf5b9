package security

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/harness"
)

func answersItsProbes(s *scene) {
	for _, probe := range []string{"/healthz", "/readyz"} {
		status, _ := get(s, s.manager.Health+probe, "")
		s.Expect(status).To(Equal(http.StatusOK), probe)
	}
}

// isNotReadyWithoutRights: an operator that may not read its key says what to grant, and goes on once it may. One that
// cannot read what it serves lives on, waits for the right to, and is not called ready. It runs under an account of its
// own, so that nothing is refused to the installation's.
func isNotReadyWithoutRights(s *scene) {
	binary, err := harness.Binary("manager")
	s.Expect(err).NotTo(HaveOccurred())
	address, err := harness.FreeAddress()
	s.Expect(err).NotTo(HaveOccurred())
	dir := s.TempDir()
	kubeconfig := filepath.Join(dir, "kubeconfig")
	s.Expect(clientcmd.WriteToFile(s.kubeconfig(s.account("unused")), kubeconfig)).To(Succeed())
	process, err := harness.StartProcess(filepath.Join(dir, "manager.log"), binary,
		[]string{
			"--kubeconfig=" + kubeconfig, "--operator-namespace=" + harness.Namespace,
			"--health-probe-bind-address=" + address,
		})
	s.Expect(err).NotTo(HaveOccurred())
	s.Cleanup(func() { s.Expect(process.Kill()).To(Succeed()) })

	s.Eventually(process.Output).Should(And(ContainSubstring("is forbidden"),
		ContainSubstring(`the verb \"get\" on secrets in the namespace`)))
	s.add(&rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: harness.Namespace, Name: s.meta("key").Name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: prefix + "key-role"},
		Subjects: []rbacv1.Subject{{
			Kind: rbacv1.ServiceAccountKind, Namespace: s.namespace, Name: s.meta("unused").Name,
		}},
	})
	s.Eventually(func() (int, error) {
		status, _, err := fetch(s.ctx, "http://"+address+"/healthz", "")
		return status, err
	}).Should(Equal(http.StatusOK))
	status, body := get(s, "http://"+address+"/readyz", "")
	s.Expect(status).To(Equal(http.StatusInternalServerError))
	s.Expect(body).To(ContainSubstring("caches"))
}

// metricsReader makes an account that may see the metrics, as the one of Prometheus, and returns a token of it.
func (i *installation) metricsReader(t *testing.T) (token string) {
	t.Helper()
	s := &scene{
		T: t, WithT: patient(t), installation: i, ctx: t.Context(), namespace: harness.Namespace, name: "metrics",
	}
	token = s.account("reader")
	s.add(bindingOf(prefix+"metrics-reader", rbacv1.Subject{
		Kind: rbacv1.ServiceAccountKind, Namespace: harness.Namespace, Name: s.meta("reader").Name,
	}))
	return token
}

// scrape reads the metrics as their reader.
func (i *installation) scrape(s *scene) (body string) {
	s.Helper()
	s.Eventually(func() (status int, err error) {
		status, body, err = fetch(s.ctx, i.metrics, i.reader)
		return status, err
	}).Should(Equal(http.StatusOK))
	return body
}

func showsMetrics(s *scene) {
	s.connect()
	s.becomes(s.apply("counted"), itwinv1alpha1.InSyncReason)
	status, _ := get(s, s.metrics, "")
	s.Expect(status).To(Equal(http.StatusUnauthorized))
	status, _ = get(s, s.metrics, s.account("curious"))
	s.Expect(status).To(Equal(http.StatusForbidden))
	_, body := get(s, s.metrics, "made-up")
	s.Expect(body).NotTo(ContainSubstring("itwin_"))
	s.Expect(s.scrape(s)).To(And(ContainSubstring("itwin_api_requests_total{"), ContainSubstring("itwin_webhooks{")))
}

// account makes a ServiceAccount of the scene and returns a token of it.
func (s *scene) account(name string) (token string) {
	s.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: s.meta(name)}
	s.add(account)
	var request authenticationv1.TokenRequest
	s.Expect(s.plane.Client.SubResource("token").Create(s.ctx, account, &request)).To(Succeed())
	return request.Status.Token
}

// kubeconfig is that of the token's owner.
func (s *scene) kubeconfig(token string) clientcmdapi.Config {
	config := clientcmdapi.NewConfig()
	config.Clusters["here"] = &clientcmdapi.Cluster{
		Server: s.plane.Config.Host, CertificateAuthorityData: s.plane.Config.CAData,
	}
	config.AuthInfos["me"] = &clientcmdapi.AuthInfo{Token: token}
	config.Contexts["me"] = &clientcmdapi.Context{Cluster: "here", AuthInfo: "me"}
	config.CurrentContext = "me"
	return *config
}

// get reads a page of the operator, whose certificate for metrics is one it made itself.
func get(s *scene, url, token string) (status int, body string) {
	s.Helper()
	status, body, err := fetch(s.ctx, url, token)
	s.Expect(err).NotTo(HaveOccurred())
	return status, body
}

func fetch(ctx context.Context, url, token string) (status int, body string, err error) {
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, "", err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, "", fmt.Errorf("read %s: %w", url, err)
	}
	return response.StatusCode, string(text), nil
}

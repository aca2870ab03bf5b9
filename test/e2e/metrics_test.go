package e2e

import (
	"crypto/tls"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	. "github.com/onsi/gomega"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"webhook-operator.io/itwin/internal/harness"
)

func TestMetricsWithoutPermissionAreForbidden(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	w := s.ready("model-events")
	s.must(s.platform.Deactivate(s.ctx, w.Status.WebhookID))
	s.becomes("model-events", isReady, hasDeactivations(1))

	status, _ := s.scrape("")
	s.Expect(status).To(Equal(http.StatusUnauthorized))
	status, _ = s.scrape(s.account("anybody"))
	s.Expect(status).To(Equal(http.StatusForbidden))

	token := s.account("scraper")
	s.create(&rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: s.namespace},
		RoleRef: rbacv1.RoleRef{
			APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "itwin-webhook-operator-metrics-reader",
		},
		Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: s.namespace, Name: "scraper"}},
	})
	var found string
	s.Eventually(func() int {
		status, found = s.scrape(token)
		return status
	}).Should(Equal(http.StatusOK))
	connection := `connection="` + s.namespace + `/default"`
	object := `name="model-events",namespace="` + s.namespace + `"`
	for _, series := range []string{
		`itwin_api_requests_total{code="201",` + connection + `,operation="create"} 1`,
		`itwin_api_request_duration_seconds_count{` + connection + `,operation="update"} 2`,
		`itwin_webhooks{active="true",` + connection + `,ready="true"} 1`,
		`itwin_webhook_deactivations_total{` + object + `} 1`,
		`itwin_webhook_reactivations_total{` + object + `} 1`,
		`itwin_poll_age_seconds{` + connection + `} `,
	} {
		s.Expect(found).To(ContainSubstring(series))
	}
	for _, name := range documentedMetrics(t) {
		if !slices.Contains(metricsOfTrouble, name) {
			s.Expect(found).To(ContainSubstring("# TYPE "+name+" "), "%s of docs/api.md is not on the scrape", name)
		}
	}
}

// metricsOfTrouble have no series while all goes well: other tests count what makes them.
var metricsOfTrouble = []string{
	"itwin_api_throttled_seconds_total", "itwin_connection_status_writes_refused_total",
	"itwin_webhook_status_writes_refused_total",
}

// documentedMetrics are the names in the table of metrics.
func documentedMetrics(t *testing.T) (names []string) {
	t.Helper()
	g := NewWithT(t)
	root, err := harness.Root()
	g.Expect(err).NotTo(HaveOccurred())
	page, err := os.ReadFile(filepath.Join(root, "docs", "api.md"))
	g.Expect(err).NotTo(HaveOccurred())
	for _, row := range regexp.MustCompile("(?m)^\\| `(itwin_[a-z_]+)\\{").FindAllStringSubmatch(string(page), -1) {
		names = append(names, row[1])
	}
	g.Expect(names).NotTo(BeEmpty())
	return names
}

// account makes a ServiceAccount without any right, and returns a token of it.
func (s *scene) account(name string) string {
	s.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: name}}
	s.create(account)
	var request authenticationv1.TokenRequest
	s.must(plane.Client.SubResource("token").Create(s.ctx, account, &request))
	return request.Status.Token
}

// scrape reads the metrics with a token; an empty token is anonymous.
func (s *scene) scrape(token string) (status int, body string) {
	s.Helper()
	request, err := http.NewRequestWithContext(s.ctx, http.MethodGet, "https://"+metrics+"/metrics", nil)
	s.must(err)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	// The operator made its certificate itself.
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	response, err := client.Do(request)
	s.must(err)
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(response.Body)
	s.must(err)
	return response.StatusCode, string(data)
}

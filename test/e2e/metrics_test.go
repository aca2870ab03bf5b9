package e2e

import (
	"crypto/tls"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/harness"
)

func TestMetricsWithoutPermissionAreForbidden(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	status, _ := s.scrape("")
	s.Expect(status).To(Equal(http.StatusUnauthorized))
	status, _ = s.scrape(s.account("anybody"))
	s.Expect(status).To(Equal(http.StatusForbidden))
	s.bindScraper(s.Namespace, "scraper")
	token := s.account("scraper")
	s.Eventually(func() int {
		status, _ := s.scrape(token)
		return status
	}).Should(Equal(http.StatusOK))
}

// bindScraper lets a ServiceAccount read the metrics.
func (s *scene) bindScraper(namespace, name string) {
	s.Helper()
	s.Create(&rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: s.Namespace},
		RoleRef: rbacv1.RoleRef{
			APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "itwin-webhook-operator-metrics-reader",
		},
		Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: namespace, Name: name}},
	})
}

// scraper returns what reads the metrics with a right to do so.
func (s *scene) scraper() func() string {
	s.Helper()
	s.bindScraper(s.Namespace, "scraper")
	token := s.account("scraper")
	return func() (body string) {
		s.Eventually(func() (status int) {
			status, body = s.scrape(token)
			return status
		}).Should(Equal(http.StatusOK))
		return body
	}
}

func TestMetricsCountFromZeroAndEndWithTheirObjects(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	scrape := s.scraper()
	connection := `connection="` + s.Namespace + `/default"`
	object := `name="model-events",namespace="` + s.Namespace + `"`
	s.Create(s.Connection())
	s.connectionBecomes(metav1.ConditionFalse, itwinv1alpha1.SecretNotFoundReason)
	s.Eventually(scrape).Should(And(
		ContainSubstring(`itwin_connection_ready{`+connection+`,reason="SecretNotFound"} 0`),
		MatchRegexp(`itwin_poll_age_seconds\{`+connection+`\} [0-9]`),
		ContainSubstring(`itwin_poll_interval_seconds{`+connection+`} 10`),
		ContainSubstring(`itwin_api_requests_total{code="201",`+connection+`,operation="create"} 0`),
		ContainSubstring(`itwin_api_throttled_seconds_total{`+connection+`} 0`),
		ContainSubstring(`itwin_connection_status_writes_refused_total{`+connection+`} 0`),
	))

	s.Create(s.Credentials(s.Namespace))
	w := s.ready("model-events", func(w *itwinv1alpha1.Webhook) { w.Spec.ReactivationPolicy = itwinv1alpha1.ReactivateOnRequest })
	s.Eventually(scrape).Should(And(
		ContainSubstring(`itwin_connection_ready{`+connection+`,reason="Connected"} 1`),
		ContainSubstring(`itwin_api_requests_total{code="201",`+connection+`,operation="create"} 1`),
		ContainSubstring(`itwin_api_request_duration_seconds_count{`+connection+`,operation="update"} 1`),
		MatchRegexp(`itwin_api_rate_limit\{`+connection+`,period="minute"\} [1-9]`),
		MatchRegexp(`itwin_api_rate_limit_remaining\{`+connection+`,period="minute"\} [0-9]`),
		ContainSubstring(`itwin_webhooks{active="true",`+connection+`,ready="true"} 1`),
		ContainSubstring(`itwin_webhook_deactivations_total{`+object+`} 0`),
		ContainSubstring(`itwin_webhook_reactivations_total{`+object+`} 0`),
		ContainSubstring(`itwin_webhook_status_writes_refused_total{namespace="`+s.Namespace+`"} 0`),
		Not(ContainSubstring(`_timestamp_seconds{`+connection+`,name="model-events"`)),
	))

	s.Must(s.Platform.Deactivate(s.Ctx, w.Status.WebhookID))
	w = s.becomes("model-events", isNotReady(itwinv1alpha1.DeactivatedReason), hasDeactivations(1))
	off := float64(w.Status.LastDeactivationTime.UnixMicro()) / 1e6
	s.Eventually(scrape).Should(And(
		ContainSubstring(`itwin_webhook_deactivations_total{`+object+`} 1`),
		ContainSubstring(`itwin_webhook_reactivations_total{`+object+`} 0`),
		ContainSubstring(`itwin_webhook_deactivated_timestamp_seconds{%s,%s} %s`, connection, object,
			strconv.FormatFloat(off, 'g', -1, 64)),
		ContainSubstring(`itwin_webhook_not_ready_timestamp_seconds{`+connection+`,`+object+`,reason="Deactivated"} `),
	))

	s.annotate(w, itwinv1alpha1.ReactivateRequestedAtAnnotation, "now")
	w = s.becomes("model-events", isReady)
	s.Eventually(scrape).Should(And(
		ContainSubstring(`itwin_webhook_reactivations_total{`+object+`} 1`),
		Not(ContainSubstring(`_timestamp_seconds{`+connection+`,`+object)),
	))

	s.delete(w)
	s.gone("model-events")
	s.delete(s.Connection())
	s.Eventually(scrape).ShouldNot(Or(ContainSubstring(object), ContainSubstring(connection)))
}

// TestTheScrapeIsWhatTheReferenceSays: docs/metrics.md has the names, types and labels of a real scrape, and no others.
func TestTheScrapeIsWhatTheReferenceSays(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	scrape := s.scraper()
	w := s.ready("model-events", func(w *itwinv1alpha1.Webhook) { w.Spec.ReactivationPolicy = itwinv1alpha1.ReactivateOnRequest })
	s.Must(s.Platform.Deactivate(s.Ctx, w.Status.WebhookID))
	s.becomes("model-events", isNotReady(itwinv1alpha1.DeactivatedReason))
	s.Eventually(func(g Gomega) {
		parser := expfmt.NewTextParser(model.UTF8Validation)
		families, err := parser.TextToMetricFamilies(strings.NewReader(scrape()))
		g.Expect(err).NotTo(HaveOccurred())
		var served []string
		for name, family := range families {
			if strings.HasPrefix(name, "itwin_") {
				served = append(served, describeFamily(family))
			}
		}
		g.Expect(served).To(ConsistOf(documentedMetrics(t)))
	}).Should(Succeed())
}

// describeFamily is a metric as the reference has it: name, labels in the order of the alphabet, and type.
func describeFamily(family *dto.MetricFamily) string {
	var labels []string
	for _, l := range family.GetMetric()[0].GetLabel() {
		labels = append(labels, l.GetName())
	}
	slices.Sort(labels)
	return family.GetName() + "{" + strings.Join(labels, ",") + "} " + strings.ToLower(family.GetType().String())
}

// documentedMetrics are the rows of the table of metrics, in the same form.
func documentedMetrics(t *testing.T) (rows []string) {
	t.Helper()
	g := NewWithT(t)
	root, err := harness.Root()
	g.Expect(err).NotTo(HaveOccurred())
	page, err := os.ReadFile(filepath.Join(root, "docs", "metrics.md"))
	g.Expect(err).NotTo(HaveOccurred())
	row := regexp.MustCompile("(?m)^\\| `(itwin_[a-z_]+)\\{([a-z_,]+)\\}` \\| (\\w+) \\|")
	for _, found := range row.FindAllStringSubmatch(string(page), -1) {
		labels := strings.Split(found[2], ",")
		slices.Sort(labels)
		rows = append(rows, found[1]+"{"+strings.Join(labels, ",")+"} "+found[3])
	}
	g.Expect(rows).NotTo(BeEmpty())
	return rows
}

// account makes a ServiceAccount without any right, and returns a token of it.
func (s *scene) account(name string) string {
	s.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: name}}
	s.Create(account)
	var request authenticationv1.TokenRequest
	s.Must(plane.Client.SubResource("token").Create(s.Ctx, account, &request))
	return request.Status.Token
}

// scrape reads the metrics with a token; an empty token is anonymous.
func (s *scene) scrape(token string) (status int, body string) {
	s.Helper()
	request, err := http.NewRequestWithContext(s.Ctx, http.MethodGet, "https://"+metrics+"/metrics", nil)
	s.Must(err)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	// The operator made its certificate itself.
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	response, err := client.Do(request)
	s.Must(err)
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(response.Body)
	s.Must(err)
	return response.StatusCode, string(data)
}

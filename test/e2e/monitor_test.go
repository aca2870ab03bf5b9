package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"webhook-operator.io/itwin/internal/harness"
)

// TestServiceMonitorShowsATokenThatMayReadTheMetrics: what config/prometheus applies is enough, and fits together.
func TestServiceMonitorShowsATokenThatMayReadTheMetrics(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.serveServiceMonitors()
	root, err := harness.Root()
	s.Must(err)
	s.Eventually(func() error {
		_, err := plane.Kubectl(s.Ctx, "apply", "-k", filepath.Join(root, "config", "prometheus"))
		return err
	}).Should(Succeed())

	monitor := &unstructured.Unstructured{}
	monitor.SetAPIVersion("monitoring.coreos.com/v1")
	monitor.SetKind("ServiceMonitor")
	s.Must(plane.Client.Get(s.Ctx, client.ObjectKey{
		Namespace: harness.Namespace, Name: "itwin-webhook-operator-controller-manager-metrics-monitor",
	}, monitor))
	endpoints, _, err := unstructured.NestedSlice(monitor.Object, "spec", "endpoints")
	s.Must(err)
	s.Expect(endpoints).To(HaveLen(1))
	endpoint := endpoints[0].(map[string]any)
	s.Expect(endpoint).To(And(HaveKeyWithValue("honorLabels", true), HaveKeyWithValue("scheme", "https")))

	labels, _, err := unstructured.NestedStringMap(monitor.Object, "spec", "selector", "matchLabels")
	s.Must(err)
	var services corev1.ServiceList
	s.Must(plane.Client.List(s.Ctx, &services, client.InNamespace(harness.Namespace), client.MatchingLabels(labels)))
	s.Expect(services.Items).To(HaveLen(1))
	s.Expect(services.Items[0].Spec.Ports).To(ContainElement(HaveField("Name", endpoint["port"])))

	name, _, err := unstructured.NestedString(endpoint, "authorization", "credentials", "name")
	s.Must(err)
	var token corev1.Secret
	s.Must(plane.Client.Get(s.Ctx, client.ObjectKey{Namespace: harness.Namespace, Name: name}, &token))
	s.Expect(token.Type).To(Equal(corev1.SecretTypeServiceAccountToken))
	s.Eventually(func() int {
		// The controller that puts this token into the Secret does not run here.
		var request authenticationv1.TokenRequest
		account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{
			Namespace: harness.Namespace, Name: token.Annotations[corev1.ServiceAccountNameKey],
		}}
		s.Must(plane.Client.SubResource("token").Create(s.Ctx, account, &request))
		status, _ := s.scrape(request.Status.Token)
		return status
	}).Should(Equal(http.StatusOK))
}

// serveServiceMonitors makes the API server take ServiceMonitors, as with the Prometheus operator.
func (s *scene) serveServiceMonitors() {
	s.Helper()
	file := filepath.Join(s.TempDir(), "servicemonitors.yaml")
	s.Must(os.WriteFile(file, []byte(`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: servicemonitors.monitoring.coreos.com}
spec:
  group: monitoring.coreos.com
  scope: Namespaced
  names: {plural: servicemonitors, singular: servicemonitor, kind: ServiceMonitor, listKind: ServiceMonitorList}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`), 0o600))
	_, err := plane.Kubectl(s.Ctx, "apply", "-f", file)
	s.Must(err)
}

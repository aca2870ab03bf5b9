package cli

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/harness"
)

// files reads a bundle.
func (s *scene) files(data []byte) map[string]string {
	s.Helper()
	zip, err := gzip.NewReader(bytes.NewReader(data))
	s.Must(err)
	files := map[string]string{}
	for archive := tar.NewReader(zip); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		s.Must(err)
		content, err := io.ReadAll(archive)
		s.Must(err)
		files[path.Base(header.Name)] = string(content)
	}
}

// planted are secrets, by where they are put.
var planted = map[string]string{
	"annotation": "planted-annotation", "last-applied": "planted-last-applied", "query": "planted-query", "path": "planted-path",
	"template": "planted-template", "environment": "planted-environment", "credentials": "planted-credentials",
	"message": "plantedMessage0123456789abcdefABCDEF0123", "event": "eyJwbGFudGVkIjoiZXZlbnQifQ.cGxhbnRlZA.c2ln",
	"flag": "planted-flag", "metric": "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00",
	"connection": "planted-connection",
}

// plant puts them into a Webhook, a connection, their Events, and a Pod of the operator.
func (s *scene) plant() {
	s.Helper()
	w := s.webhook("model-events", suspended)
	w.Annotations = map[string]string{
		"team": planted["annotation"], "kubectl.kubernetes.io/last-applied-configuration": planted["last-applied"],
	}
	w.Spec.CallbackURL = "https://hooks.example.com/" + planted["path"] + "?key=" + planted["query"]
	w.Spec.SecretTemplate = &itwinv1alpha1.SecretTemplate{Annotations: map[string]itwinv1alpha1.AnnotationValue{"note": itwinv1alpha1.AnnotationValue(planted["template"])}}
	s.Create(w)
	w = s.becomes("model-events", "Suspended", "Suspended")
	w.Status.Conditions = append(w.Status.Conditions, metav1.Condition{
		Type: "Ready", Status: "False", Reason: "Refused", LastTransitionTime: metav1.Now(),
		Message: "The platform refused the request with Authorization: Bearer " + planted["message"],
	})
	s.Must(plane.Client.Status().Update(s.Ctx, w))
	s.Create(&eventsv1.Event{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "refused"}, EventTime: metav1.NewMicroTime(time.Now()),
		ReportingController: "test", ReportingInstance: "test", Action: "Send", Reason: "Refused", Type: corev1.EventTypeWarning,
		Note: "the platform refused token " + planted["event"],
		Regarding: corev1.ObjectReference{
			APIVersion: itwinv1alpha1.GroupVersion.String(), Kind: "Webhook", Namespace: s.Namespace, Name: "model-events",
		},
	})
}

// operatorPod makes a Pod of the operator that serves metrics at an address of this machine.
func (s *scene) operatorPod(name, host string, port int32) *corev1.Pod {
	s.Helper()
	var d appsv1.Deployment
	s.Must(plane.Client.Get(s.Ctx, client.ObjectKey{Namespace: harness.Namespace, Name: deployment}, &d))
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: harness.Namespace, Name: name, Labels: d.Spec.Template.Labels},
		Spec:       d.Spec.Template.Spec,
	}
	container := &pod.Spec.Containers[0]
	container.Args = append(container.Args, "--some-token="+planted["flag"])
	container.Env = append(container.Env, corev1.EnvVar{
		Name: "HTTPS_PROXY", Value: "http://user:" + planted["environment"] + "@proxy:3128",
	})
	container.Ports = []corev1.ContainerPort{{Name: "metrics", ContainerPort: port}}
	container.LivenessProbe, container.ReadinessProbe = nil, nil
	s.Create(pod)
	s.Cleanup(func() {
		if err := plane.Client.Delete(context.Background(), pod, client.GracePeriodSeconds(0)); err != nil {
			s.Error(err)
		}
	})
	pod.Status.Phase, pod.Status.PodIP = corev1.PodRunning, host
	pod.Status.PodIPs = []corev1.PodIP{{IP: host}}
	s.Must(plane.Client.Status().Update(s.Ctx, pod))
	return pod
}

// mayReport gives a user the rights of a report, and no right to Secrets.
func (s *scene) mayReport(user string) {
	s.Helper()
	rule := func(group string, resources ...string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: resources, Verbs: []string{"get", "list"}}
	}
	s.Create(&rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: user},
		Rules: []rbacv1.PolicyRule{
			rule(itwinv1alpha1.GroupVersion.Group, "webhooks", "connections", "clusterconnections"), rule("apps", "deployments"),
			rule("", "pods", "pods/proxy"), rule("events.k8s.io", "events"), rule("coordination.k8s.io", "leases"),
		},
	})
	s.Create(&rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: user},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: user},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: user}},
	})
}

func TestAReportHasWhatAnIssueNeedsAndNoSecret(t *testing.T) {
	s := newConnectedScene(t)
	s.Create(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "other"},
		StringData: map[string]string{"clientSecret": planted["credentials"]},
	})
	s.ready("generated")
	s.Create(&itwinv1alpha1.Connection{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: s.Namespace, Name: "annotated", Annotations: map[string]string{"note": planted["connection"]},
		},
		Spec: itwinv1alpha1.ConnectionSpec{CredentialsSecretRef: itwinv1alpha1.CredentialsReference{Name: "none"}},
	})
	s.plant()
	host, port := s.serveMetrics("itwin_build_info{version=\"0.2.0\"} 1\nplanted{label=\"" + planted["metric"] + "\"} 1\n")
	pod := s.operatorPod("report-"+s.Namespace, host, port)
	s.mayReport(s.Namespace)

	file := filepath.Join(t.TempDir(), "report.tar.gz")
	as := []string{"--as=" + s.Namespace, "--as-group=system:authenticated"}
	s.Expect(s.succeeds(s.kubectl(append([]string{"itwin", "report", "-o", file}, as...)...))).To(MatchRegexp(
		`^Wrote .*report.tar.gz: 2 Webhooks, 2 Connections, 0 ClusterConnections, [1-9]\d* Events?, [1-9]\d* Pods?`))
	data, err := os.ReadFile(file)
	s.Must(err)
	files := s.files(data)
	all := strings.Join(slices.Collect(maps.Values(files)), "\n")

	generated := s.secret("generated-webhook-secret")
	for where, secret := range planted {
		s.Expect(all).NotTo(ContainSubstring(secret), where)
	}
	s.Expect(all).NotTo(ContainSubstring(string(generated["secret"])))
	s.Expect(all).NotTo(ContainSubstring("test-secret"))

	// Nothing was asked for that needs a right to Secrets.
	s.Expect(files).NotTo(HaveKey("left-out.txt"))
	s.Expect(files["webhooks-001.yaml"]).To(And(ContainSubstring("name: model-events"), ContainSubstring("reason: Refused"),
		ContainSubstring("https://hooks.example.com/REDACTED-"), ContainSubstring("team: REDACTED")))
	s.Expect(files["connections-001.yaml"]).To(ContainSubstring("apiUrl: " + s.Platform.URL))
	s.Expect(files["events-"+s.Namespace+"-001.yaml"]).To(ContainSubstring("the platform refused token REDACTED"))
	s.Expect(files["versions.yaml"]).To(And(
		ContainSubstring("kubernetes: v1."), ContainSubstring("name: Webhook"), Not(ContainSubstring("REDACTED")), ContainSubstring("plugin: kubectl-itwin "), ContainSubstring("controller-manager: registry.example.com/")))
	s.Expect(files["operator.yaml"]).To(And(ContainSubstring("kind: Deployment"), ContainSubstring("holderIdentity:")))
	s.Expect(files["pods-"+harness.Namespace+"-001.yaml"]).To(And(
		ContainSubstring("name: HTTPS_PROXY"), ContainSubstring("--some-token=REDACTED")))
	s.Expect(files["metrics-"+pod.Name+".txt"]).To(And(HavePrefix("itwin_build_info{"), ContainSubstring(`label="REDACTED"`)))
	s.Expect(files["check.yaml"]).To(ContainSubstring("check: kinds"))

	s.Expect(s.fails(s.itwin("report", "-o", file))).To(ContainSubstring("exists: name another file"))
}

func TestAReportSaysWhatItLacks(t *testing.T) {
	s := newScene(t)
	guest := s.itwin("report", "-o", "-", "--as=guest", "--as-group=system:authenticated")
	s.succeeds(guest)
	files := s.files([]byte(guest.out))
	for _, what := range []string{
		"Webhooks: ", "Connections: ", "Events in namespace " + s.Namespace + ": ", "operator: ",
	} {
		s.Expect(files["left-out.txt"]).To(ContainSubstring(what))
	}
	s.Expect(guest.problems).To(ContainSubstring("Left out: Webhooks: "))
	s.Expect(files["versions.yaml"]).To(ContainSubstring("kubernetes: v1."))

	file := filepath.Join(t.TempDir(), "guest.tar.gz")
	s.Expect(s.succeeds(s.itwin("report", "-o", file, "--as=guest", "--as-group=system:authenticated"))).To(Equal(
		"Wrote " + file + ": nothing but versions and what check finds.\n"))

	down := s.itwin("report", "-A", "-o", filepath.Join(t.TempDir(), "report.tar.gz"), "--server=https://127.0.0.1:1")
	s.Expect(s.fails(down)).To(ContainSubstring("cannot reach the API server"))
}

func TestAReportOfAllNamespacesSaysWhyThereAreNoMetrics(t *testing.T) {
	s := newScene(t)
	s.Create(s.webhook("model-events"))
	everything := s.itwin("report", "-A", "-o", "-")
	s.succeeds(everything)
	files := s.files([]byte(everything.out))
	s.Expect(files["webhooks-001.yaml"]).To(ContainSubstring("namespace: " + s.Namespace))
	s.Expect(files["left-out.txt"]).To(ContainSubstring("metrics of " + deployment + ": the Deployment has no Pod"))
}

// The API server's proxy to Pods forwards no token, which the operator asks for.
func TestAReportSaysWhyASecureOperatorShowsNoMetrics(t *testing.T) {
	s := newScene(t)
	host, port := s.serveOwnMetrics()
	pod := s.operatorPod("secure-"+s.Namespace, host, port)
	reported := s.itwin("report", "-o", "-")
	s.succeeds(reported)
	s.Expect(s.files([]byte(reported.out))["left-out.txt"]).To(ContainSubstring(
		"metrics of Pod " + pod.Name + ": the operator serves them to callers with a token alone, and the API server's proxy to " +
			"Pods forwards none; read them as docs/deployment.md#metrics shows"))
}

package cli

import (
	"encoding/json"
	"testing"

	. "github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"webhook-operator.io/itwin/internal/cli/check"
	"webhook-operator.io/itwin/internal/harness"
	"webhook-operator.io/itwin/internal/harness/clustertest"
)

// everyCommand is one use of each command that asks the API server.
var everyCommand = [][]string{
	{"status"}, {"status", "-A", "-o", "json"}, {"status", "model-events"},
	{"reactivate", "model-events"}, {"reconcile", "--all", "--yes"}, {"rotate", "model-events", "--wait"},
}

func TestWithoutAClusterEveryCommandEndsWithOneLine(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	path, err := harness.Binary("kubectl-itwin")
	s.Must(err)
	for _, args := range append(everyCommand, []string{"check"}) {
		none := s.command(path, args...)
		none.Env = append(none.Env, "KUBECONFIG="+t.TempDir()+"/none", "KUBERNETES_SERVICE_HOST=")
		s.Expect(s.fails(s.run(none))).To(ContainSubstring("no cluster is configured: set KUBECONFIG"), args[0])
		down := s.command(path, append(args, "--server=https://127.0.0.1:1")...)
		s.Expect(s.fails(s.run(down))).To(MatchRegexp(`cannot reach the API server at 127.0.0.1:1: .*connection refused: check`), args[0])
	}
}

func TestWithoutRightsEveryCommandEndsWithOneLine(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.Create(s.webhook("model-events"))
	for _, args := range everyCommand {
		s.Expect(s.fails(s.itwin(append(args, "--as=guest")...))).To(And(
			ContainSubstring("forbidden"), ContainSubstring("ask the cluster's administrator to bind you to ClusterRole view or edit"),
			ContainSubstring("itwin-webhook-operator-webhook-viewer-role")), args[0])
	}
}

// TestInAClusterWithoutTheKinds has a control plane of its own: no kinds at first, then those of an older version.
func TestInAClusterWithoutTheKinds(t *testing.T) {
	t.Parallel()
	c := clustertest.New(t)
	s := &scene{&clustertest.Scene{T: t, WithT: c.WithT, Ctx: c.Ctx, Namespace: "default"}}
	path, err := harness.Binary("kubectl-itwin")
	s.Must(err)
	run := func(args ...string) ended {
		command := s.command(path, args...)
		command.Env = append(command.Env, "KUBECONFIG="+c.Kubeconfig)
		return s.run(command)
	}
	for _, args := range everyCommand {
		s.Expect(s.fails(run(args...))).To(Equal("error: the kinds of itwin.webhook-operator.io/v1alpha1 are not installed " +
			"in this cluster: install the operator's CRDs, or choose another cluster by --context"))
	}
	checked := run("check", "-o", "json")
	s.Expect(s.fails(checked)).To(ContainSubstring("4 of 5 checks found a problem"))
	s.Expect(of(s.findings(checked), "kinds").Message).To(Equal("Webhook is not installed in version v1alpha1"))
	s.Expect(of(s.findings(checked), "operator").Message).To(ContainSubstring("no Deployment of the operator"))

	s.Must(c.Install(c.Ctx))
	older(c, "webhooks.itwin.webhook-operator.io", "lastHandledRotateAt")
	s.Eventually(func() string { return run("rotate", "model-events").problems }).Should(And(
		HavePrefix("error: the CRDs of this cluster are older than this program: Webhooks have no field status.lastHandledRotateAt"),
		ContainSubstring("upgrade the operator")))
	s.Expect(s.fails(run("reconcile", "model-events"))).To(ContainSubstring(`there is no Webhook "model-events"`))

	checked = run("check", "-o", "json")
	s.Expect(s.fails(checked)).To(ContainSubstring("checks found a problem"))
	s.Expect(of(s.findings(checked), "kinds").Message).To(ContainSubstring("they lack Webhook status.lastHandledRotateAt"))
	stopped := of(s.findings(checked), "deployment/"+deployment)
	s.Expect(stopped.Result).To(Equal(check.Problem))
	s.Expect(stopped.Message).To(HavePrefix("0 of 2 replicas are available; image registry.example.com/"))
	s.Expect(stopped.NextStep).To(HavePrefix("Nothing runs as a Pod"))
	s.Expect(stopped.Commands).NotTo(BeEmpty())
	lease := of(s.findings(checked), "lease/itwin.webhook-operator.io")
	s.Expect(lease.Result).To(Equal(check.Problem))
	s.Expect(lease.Message).To(Equal("No lease was found, and Deployment " + deployment + " has --leader-elect: no replica works"))
	s.Must(markAvailable(c.Ctx, c.Client, 1))
	s.Expect(of(s.findings(run("check", "-o", "json")), "deployment/"+deployment).NextStep).To(
		Equal("See in the log why no replica leads"))
}

// older removes a field of the status from a CRD.
func older(c *clustertest.Cluster, name, field string) {
	c.Helper()
	crd := &unstructured.Unstructured{}
	crd.SetGroupVersionKind(apiextensionsv1.SchemeGroupVersion.WithKind("CustomResourceDefinition"))
	c.Must(json.Unmarshal([]byte(c.MustKubectl("get", "crd", name, "-o", "json")), crd))
	versions, _, err := unstructured.NestedSlice(crd.Object, "spec", "versions")
	c.Must(err)
	version := versions[0].(map[string]any)
	unstructured.RemoveNestedField(version, "schema", "openAPIV3Schema", "properties", "status", "properties", field)
	c.Must(unstructured.SetNestedSlice(crd.Object, versions, "spec", "versions"))
	c.Must(c.Client.Update(c.Ctx, crd))
}

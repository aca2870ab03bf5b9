package install

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/harness"
)

// soon ends a kubectl that would wait for ever.
const soon = "--timeout=60s"

// credentials of a ClusterConnection are an administrator's, in the operator's namespace.
func (c *cluster) credentials() *corev1.Secret {
	c.Helper()
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: harness.Namespace, Name: "itwin-service-app"}}
	c.Must(c.Client.Create(c.Ctx, s))
	return s
}

// keeps checks that objects are there and no deletion of them has begun, and that the operator is gone.
func (c *cluster) keeps(objects ...client.Object) {
	c.Helper()
	for _, o := range append(objects, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: harness.Namespace}}) {
		c.Must(c.Client.Get(c.Ctx, client.ObjectKeyFromObject(o), o))
		c.Expect(o.GetDeletionTimestamp()).To(BeNil(), o.GetName())
	}
	deleted := c.MustKubectl("get", "crd", "-o", "jsonpath={.items[*].metadata.deletionTimestamp}")
	c.Expect(deleted).To(BeEmpty())
	c.Expect(c.MustKubectl("get", "deployments", "-n", harness.Namespace, "-o", "name")).To(BeEmpty())
}

func TestOperatorIsDeletedAloneKindsAndWebhooksStay(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.Must(c.Install(c.Ctx))
	held, credentials := c.heldWebhook(), c.credentials()

	c.MustKubectl("delete", soon, "-k", c.config("default"))
	c.keeps(held, credentials)
	c.Expect(c.MustKubectl("get", "crd", "-o", "name")).To(ContainSubstring("webhooks." + itwinv1alpha1.GroupVersion.Group))
	c.Expect(c.MustKubectl("get", "clusterroles,validatingadmissionpolicies", "-o", "name")).
		NotTo(ContainSubstring("itwin-webhook-operator"))

	// What installs it again finds what it left.
	c.Must(c.Install(c.Ctx))
	c.Must(c.Client.Get(c.Ctx, client.ObjectKeyFromObject(held), held))
}

func TestEverythingIsDeletedAtOnceKindsAndWebhooksStay(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.Must(c.Install(c.Ctx))
	held, credentials := c.heldWebhook(), c.credentials()
	// The API server learns of the policy by watching.
	c.Eventually(func() error {
		_, err := c.Kubectl(c.Ctx, "delete", "--dry-run=server", "namespace", harness.Namespace)
		return err
	}).Should(MatchError(ContainSubstring("first delete the Webhooks")))

	_, err := c.Kubectl(c.Ctx, "delete", soon, "-k", c.config("install"))
	c.Expect(err).To(MatchError(And(
		ContainSubstring("first delete the Webhooks"), Not(ContainSubstring("timed out")))))
	c.keeps(held, credentials)

	// Then everything goes, in the order that the message says.
	held.Finalizers = nil
	c.Must(c.Client.Update(c.Ctx, held))
	c.Must(c.Client.Delete(c.Ctx, held))
	c.Eventually(func() error {
		// The policy may refuse one kind for a moment more: those that went at the first try are not found at the next.
		_, err := c.Kubectl(c.Ctx, "delete", soon, "--ignore-not-found", "-k", c.config("crd"))
		return err
	}, 3*time.Minute).Should(Succeed())
}

func TestMakeUndeploy(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	powerless, err := c.KubeconfigOf("powerless")
	c.Must(err)

	// Nothing is there: nothing to refuse.
	c.Expect(c.make("undeploy", c.Kubeconfig)).To(Succeed())

	c.Expect(c.make("deploy", c.Kubeconfig)).To(Succeed())
	credentials := c.credentials()
	c.Expect(c.make("undeploy", powerless)).To(MatchError(ContainSubstring("cannot be asked")))
	c.Expect(c.make("uninstall", powerless)).To(MatchError(ContainSubstring("cannot be asked")))
	c.Expect(c.make("undeploy", filepath.Join(t.TempDir(), "none"))).To(MatchError(ContainSubstring("cannot be asked")))

	held := c.heldWebhook()
	c.Expect(c.make("undeploy", c.Kubeconfig)).To(MatchError(ContainSubstring(
		"kubectl delete webhooks.itwin.webhook-operator.io --all --all-namespaces")))
	c.MustKubectl("get", "deployment", "-n", harness.Namespace, "itwin-webhook-operator-controller-manager")
	held.Finalizers = nil
	c.Must(c.Client.Update(c.Ctx, held))
	c.Must(c.Client.Delete(c.Ctx, held))

	c.Expect(c.make("undeploy", c.Kubeconfig)).To(Succeed())
	c.keeps(credentials)

	// The kinds stay as long as there is an object of any of them.
	connection := &itwinv1alpha1.ClusterConnection{
		ObjectMeta: metav1.ObjectMeta{Name: "organization"},
		Spec: itwinv1alpha1.ConnectionSpec{
			CredentialsSecretRef: itwinv1alpha1.CredentialsReference{Namespace: harness.Namespace, Name: credentials.Name},
		},
	}
	c.Must(c.Client.Create(c.Ctx, connection))
	c.Expect(c.make("uninstall", c.Kubeconfig)).To(MatchError(ContainSubstring("There are clusterconnections left")))
	c.Must(c.Client.Delete(c.Ctx, connection))
	c.Eventually(func() error { return c.make("uninstall", c.Kubeconfig) }).Should(Succeed())
	c.Expect(c.MustKubectl("get", "crd", "-o", "name")).To(BeEmpty())
	c.Must(c.Client.Get(c.Ctx, client.ObjectKeyFromObject(credentials), credentials))
}

// make runs a target as the owner of a kubeconfig; the error has what it printed.
func (c *cluster) make(target, kubeconfig string) error {
	c.Helper()
	cmd := exec.CommandContext(c.Ctx, "make", "-C", c.root, target, "KUBECTL="+c.KubectlPath)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig, "KUBECACHEDIR="+c.TempDir())
	out, err := cmd.CombinedOutput()
	if err != nil {
		return &failure{error: err, output: string(out)}
	}
	return nil
}

type failure struct {
	error

	output string
}

func (f *failure) Error() string { return f.error.Error() + ": " + f.output }

package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	helmcmd "helm.sh/helm/v4/pkg/cmd"
	"helm.sh/helm/v4/pkg/kube"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/harness"
	"webhook-operator.io/itwin/internal/harness/clustertest"
)

// TestMain runs the tests, or helm where the program is called so: the tests call it as users do, without Helm's program.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "helm" {
		os.Exit(helm(os.Args[1:]))
	}
	// Loading the chart tells of each link in it.
	slog.SetLogLoggerLevel(slog.LevelWarn)
	harness.Main(m, harness.Suite{Name: "release"})
}

func helm(args []string) (code int) {
	kube.ManagedFieldsManager = "helm"
	command, err := helmcmd.NewRootCmd(os.Stdout, args, helmcmd.SetupLogging)
	if err == nil {
		err = command.Execute()
	}
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, err)
	if exit, found := errors.AsType[helmcmd.CommandError](err); found {
		return exit.ExitCode
	}
	return 1
}

// cluster is a control plane without anything installed, a simulated platform, and a folder with a release in dist.
type cluster struct {
	*clustertest.Cluster

	dir      string
	platform *harness.Simulator
}

const team = "digital-twin"

func newCluster(t *testing.T, flags ...string) *cluster {
	t.Helper()
	c := &cluster{Cluster: clustertest.New(t), dir: t.TempDir()}
	c.Must(os.Mkdir(filepath.Join(c.dir, "dist"), 0o700))
	c.Must(exampleRelease(t, filepath.Join(c.dir, "dist")).run())

	var err error
	c.platform, err = harness.StartSimulator(c.Ctx, t.TempDir(), append(flags, "--insecure-callbacks")...)
	c.Must(err)
	t.Cleanup(func() { stopped(t, c.platform.Kill) })

	self, err := os.Executable()
	c.Must(err)
	c.Must(os.Mkdir(filepath.Join(c.dir, "bin"), 0o700))
	c.Must(os.Symlink(self, filepath.Join(c.dir, "bin", "helm")))
	c.Must(os.Symlink(c.KubectlPath, filepath.Join(c.dir, "bin", "kubectl")))
	return c
}

// exampleRelease has an image that does not exist: nothing pulls it here.
func exampleRelease(t *testing.T, out string) *release {
	t.Helper()
	program, err := harness.Binary("manager")
	if err != nil {
		t.Fatal(err)
	}
	return &release{root: root, out: out, registry: "registry.example.com/team", images: map[string]image{
		operator: {digest: "sha256:" + strings.Repeat("0123456789abcdef", 4), binaries: []string{program}},
	}}
}

func stopped(t *testing.T, stop func() error) {
	t.Helper()
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// sh runs commands as an administrator, in the folder that has dist.
func (c *cluster) sh(script string) string {
	c.Helper()
	return c.shAs(c.Kubeconfig, script)
}

// shAs runs them as the owner of a kubeconfig.
func (c *cluster) shAs(kubeconfig, script string) string {
	c.Helper()
	out, err := c.tryAs(kubeconfig, script)
	c.Must(err)
	return out
}

func (c *cluster) tryAs(kubeconfig, script string) (string, error) {
	cmd := exec.CommandContext(c.Ctx, "bash", "-euo", "pipefail", "-c", script)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), "PATH="+filepath.Join(c.dir, "bin")+":"+os.Getenv("PATH"), "KUBECONFIG="+kubeconfig,
		"KUBECACHEDIR="+filepath.Join(c.dir, "cache"), "HELM_CACHE_HOME="+c.dir, "HELM_CONFIG_HOME="+c.dir, "HELM_DATA_HOME="+c.dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", script, err, out)
	}
	return string(out), err
}

// run starts the operator with the rights that it was given in a namespace, until the test ends.
func (c *cluster) run(namespace string, flags ...string) *harness.Manager {
	c.Helper()
	manager, err := c.StartManagerIn(c.Ctx, namespace, flags...)
	c.Must(err)
	c.Cleanup(func() { _ = manager.Kill() })
	return manager
}

// addWebhook makes one and waits until the operator has made it ready.
func (c *cluster) addWebhook() *itwinv1alpha1.Webhook {
	c.Helper()
	meta := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: team, Name: name} }
	c.Must(client.IgnoreAlreadyExists(c.Client.Create(c.Ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: team}})))
	c.Must(c.Client.Create(c.Ctx, &corev1.Secret{
		ObjectMeta: meta("itwin-service-app"), StringData: map[string]string{"clientId": team, "clientSecret": "test-secret"},
	}))
	c.Must(c.Client.Create(c.Ctx, &itwinv1alpha1.Connection{ObjectMeta: meta("default"), Spec: itwinv1alpha1.ConnectionSpec{
		APIURL: c.platform.URL, TokenURL: c.platform.TokenURL(),
		CredentialsSecretRef: itwinv1alpha1.CredentialsReference{Name: "itwin-service-app"},
		PollInterval:         metav1.Duration{Duration: 10 * time.Second},
	}}))
	w := &itwinv1alpha1.Webhook{ObjectMeta: meta("lifecycle"), Spec: itwinv1alpha1.WebhookSpec{
		CallbackURL: "https://hooks.example.com/itwin", Scope: itwinv1alpha1.AccountScope,
		EventTypes: []string{"iTwins.iTwinCreated.v1"},
	}}
	c.Must(c.Client.Create(c.Ctx, w))
	c.isReady(w)
	c.Must(c.platform.ResetRequests(c.Ctx))
	return w
}

func (c *cluster) isReady(w *itwinv1alpha1.Webhook) {
	c.Helper()
	c.Eventually(func(g Gomega) {
		g.Expect(c.Client.Get(c.Ctx, client.ObjectKeyFromObject(w), w)).To(Succeed())
		g.Expect(w.Status.Conditions).To(ContainElement(And(HaveField("Type", itwinv1alpha1.ReadyCondition),
			HaveField("Status", metav1.ConditionTrue), HaveField("ObservedGeneration", w.Generation))))
	}).Should(Succeed())
}

// isUntouched checks that a Webhook and its remote webhook are the same as before, and that nothing was sent to the
// platform about them.
func (c *cluster) isUntouched(before *itwinv1alpha1.Webhook) {
	c.Helper()
	w := before.DeepCopy()
	c.isReady(w)
	c.Expect(w.UID).To(Equal(before.UID))
	c.Expect(w.Status.WebhookID).To(Equal(before.Status.WebhookID))
	c.Expect(w.DeletionTimestamp).To(BeNil())
	remotes, err := c.platform.Webhooks(c.Ctx)
	c.Must(err)
	c.Expect(remotes).To(HaveLen(1))
	c.Expect(remotes[0].ID).To(Equal(before.Status.WebhookID))
	c.Expect(c.writes()).To(BeZero())
}

// writes are the calls to the platform that change it, since the last reset.
func (c *cluster) writes() int {
	c.Helper()
	counts, err := c.platform.Requests(c.Ctx)
	c.Must(err)
	n := 0
	for route, count := range counts.Counts {
		if !strings.HasPrefix(route, "GET ") && route != "POST /connect/token" {
			n += count
		}
	}
	return n
}

package image

import (
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/harness"
)

const (
	operator = "itwin-webhook-operator-controller-manager"
	lease    = "itwin.webhook-operator.io"
	// imageUser is who the image runs as, and assignedUser one of those that OpenShift assigns instead.
	imageUser    = "65532:65532"
	assignedUser = "1000650000:0"
)

// TestImageServesAsAPodWould: of a release, the archive of several architectures is loaded, and the image run by the
// digest that the manifests name; it takes the lease, makes a Webhook active, and ends in time when it is told to.
func TestImageServesAsAPodWould(t *testing.T) {
	e := newEngine(t)
	archive, image := released(t)
	e.podman("load", "--input", archive)
	NewWithT(t).Expect(e.podman("inspect", "--format={{.Architecture}} {{.Config.User}}", image)).
		To(Equal(runtime.GOARCH + " " + imageUser))
	for name, flags := range map[string][]string{
		"with the user of the image": nil, "with a user that the platform assigned": {"--user=" + assignedUser},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPod(t, &engine{T: t, flags: e.flags})
			p.start(image, flags...)
			p.leads()
			p.serves()
			p.stops()
		})
	}
}

// imageByDigest is how the manifests of a release name the image.
var imageByDigest = regexp.MustCompile(`(?m)^ +image: (\S+@sha256:[0-9a-f]{64})$`)

// released returns the archive of the operator's image in the release that `make test` makes, and the image's name in
// install.yaml of the same release.
func released(t *testing.T) (archive, image string) {
	t.Helper()
	g := NewWithT(t)
	dir, err := harness.Binary("release")
	g.Expect(err).NotTo(HaveOccurred(), "make bin/release writes it")
	archives, err := filepath.Glob(filepath.Join(dir, "itwin-webhook-operator-*.oci.tar"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(archives).To(HaveLen(1))
	manifests, err := os.ReadFile(filepath.Join(dir, "install.yaml"))
	g.Expect(err).NotTo(HaveOccurred())
	images := imageByDigest.FindAllSubmatch(manifests, -1)
	g.Expect(images).To(HaveLen(1))
	return archives[0], string(images[0][1])
}

// pod is the operator in a container, in place of the pod that a Deployment would have.
type pod struct {
	*engine
	*WithT
	deployment appsv1.Deployment
	name       string
	health     string
}

func newPod(t *testing.T, e *engine) *pod {
	t.Helper()
	p := &pod{engine: e, WithT: NewWithT(t), name: "operator-" + strconv.FormatInt(time.Now().UnixNano(), 36)}
	p.SetDefaultEventuallyTimeout(harness.Timeout)
	p.SetDefaultEventuallyPollingInterval(50 * time.Millisecond)
	p.Expect(plane.Client.Get(t.Context(), client.ObjectKey{Namespace: harness.Namespace, Name: operator}, &p.deployment)).
		To(Succeed())
	return p
}

// start runs the container with the arguments of the Deployment, but for addresses that are free on this machine and
// for the platform's, which is a simulator on loopback.
func (p *pod) start(image string, flags ...string) {
	p.Helper()
	health, err := harness.FreeAddress()
	p.Expect(err).NotTo(HaveOccurred())
	metrics, err := harness.FreeAddress()
	p.Expect(err).NotTo(HaveOccurred())
	p.health = "http://" + health
	server, err := url.Parse(plane.Config.Host)
	p.Expect(err).NotTo(HaveOccurred())
	host, port, err := net.SplitHostPort(server.Host)
	p.Expect(err).NotTo(HaveOccurred())

	args := slices.Concat(flags, []string{
		"--env=KUBERNETES_SERVICE_HOST=" + host, "--env=KUBERNETES_SERVICE_PORT=" + port,
		"--volume=" + p.mounted() + ":/var/run/secrets/kubernetes.io/serviceaccount:ro", image,
	}, p.deployment.Spec.Template.Spec.Containers[0].Args, []string{
		"--health-probe-bind-address=" + health, "--metrics-bind-address=" + metrics, "--allow-loopback",
	})
	p.container(p.name, args...)
	p.Eventually(func() (int, error) {
		response, err := http.Get(p.health + "/readyz")
		if err != nil {
			return 0, err
		}
		return response.StatusCode, response.Body.Close()
	}).Should(Equal(http.StatusOK))
}

// mounted is a folder with what a kubelet mounts into a pod of the operator's ServiceAccount.
func (p *pod) mounted() (dir string) {
	p.Helper()
	var account corev1.ServiceAccount
	account.Namespace, account.Name = harness.Namespace, p.deployment.Spec.Template.Spec.ServiceAccountName
	var request authenticationv1.TokenRequest
	p.Expect(plane.Client.SubResource("token").Create(p.Context(), &account, &request)).To(Succeed())
	dir = p.TempDir()
	p.Expect(os.Chmod(dir, 0o755)).To(Succeed())
	for name, content := range map[string][]byte{
		"token": []byte(request.Status.Token), "ca.crt": plane.Config.CAData, "namespace": []byte(harness.Namespace),
	} {
		p.Expect(os.WriteFile(filepath.Join(dir, name), content, 0o644)).To(Succeed())
	}
	return dir
}

func (p *pod) holder() (string, error) {
	var l coordinationv1.Lease
	err := plane.Client.Get(p.Context(), client.ObjectKey{Namespace: harness.Namespace, Name: lease}, &l)
	if err != nil || l.Spec.HolderIdentity == nil {
		return "", client.IgnoreNotFound(err)
	}
	return *l.Spec.HolderIdentity, nil
}

func (p *pod) leads() {
	p.Helper()
	p.Eventually(p.holder).ShouldNot(BeEmpty())
}

// serves: a Webhook that is created becomes active on the platform.
func (p *pod) serves() {
	p.Helper()
	platform, err := harness.StartSimulator(p.Context(), p.TempDir())
	p.Expect(err).NotTo(HaveOccurred())
	p.Cleanup(func() { p.Expect(platform.Kill()).To(Succeed()) })
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "image-"}}
	p.Expect(plane.Client.Create(p.Context(), namespace)).To(Succeed())
	meta := metav1.ObjectMeta{Namespace: namespace.Name, Name: "default"}
	webhook := &itwinv1alpha1.Webhook{ObjectMeta: meta, Spec: itwinv1alpha1.WebhookSpec{
		CallbackURL: "https://hooks.example.com/itwin", Scope: itwinv1alpha1.AccountScope,
		EventTypes: []string{"iModels.iModelDeleted.v1"},
	}}
	for _, o := range []client.Object{
		&corev1.Secret{ObjectMeta: meta, StringData: map[string]string{"clientId": namespace.Name, "clientSecret": "secret"}},
		&itwinv1alpha1.Connection{ObjectMeta: meta, Spec: itwinv1alpha1.ConnectionSpec{
			APIURL: platform.URL, TokenURL: platform.TokenURL(),
			CredentialsSecretRef: itwinv1alpha1.CredentialsReference{Name: meta.Name},
		}},
		webhook,
	} {
		p.Expect(plane.Client.Create(p.Context(), o)).To(Succeed())
	}
	p.Eventually(func() (bool, error) {
		err := plane.Client.Get(p.Context(), client.ObjectKeyFromObject(webhook), webhook)
		conditions := webhook.Status.Conditions
		return apimeta.IsStatusConditionTrue(conditions, itwinv1alpha1.ReadyCondition) &&
			apimeta.IsStatusConditionTrue(conditions, itwinv1alpha1.ActiveCondition), err
	}).Should(BeTrue())
	remotes, err := platform.Webhooks(p.Context())
	p.Expect(err).NotTo(HaveOccurred())
	p.Expect(remotes).To(ConsistOf(HaveField("Active", true)))
}

// stops: told to end, it ends by itself within the pod's grace period, after which the engine would kill it, and leaves
// the lease to the next one.
func (p *pod) stops() {
	p.Helper()
	grace := strconv.FormatInt(*p.deployment.Spec.Template.Spec.TerminationGracePeriodSeconds, 10)
	p.podman("stop", "--time="+grace, p.name)
	p.Expect(p.podman("inspect", "--format={{.State.ExitCode}}", p.name)).To(Equal("0"))
	p.Expect(p.holder()).To(BeEmpty())
	p.Expect(strings.ToLower(p.podman("logs", p.name))).NotTo(ContainSubstring("panic"))
}

package security

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"webhook-operator.io/itwin/internal/harness"
)

// extent is how much of a cluster an installation serves.
type extent string

const (
	clusterWide  extent = "config/install"
	oneNamespace extent = "config/namespaced"
)

const (
	accountName = "itwin-webhook-operator-controller-manager"
	accountUser = "system:serviceaccount:" + harness.Namespace + ":" + accountName
)

// installation is an operator at work, with the folder of manifests that its rights come from.
type installation struct {
	extent  extent
	plane   *harness.ControlPlane
	manager *harness.Manager
	audit   *auditLog
	// metrics is the URL of its metrics, "" when it serves none; reader is the token of one who may see them, and scraped
	// is what he saw after each scenario.
	metrics, reader string
	scraped         strings.Builder
	// platforms are all that it has talked to.
	platforms []*platform
	scenes    int
	needed    map[string][]string
}

// verbose makes the operator say more than it has to say.
const verbose = "--zap-log-level=10"

func install(t *testing.T, e extent) *installation {
	t.Helper()
	g := NewWithT(t)
	dir := t.TempDir()
	i := &installation{extent: e, audit: &auditLog{path: filepath.Join(dir, "audit.log")}, needed: map[string][]string{}}
	plane, err := harness.StartControlPlane(dir, i.audit.configure(t))
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { g.Expect(plane.Stop()).To(Succeed()) })
	i.plane = plane
	flags := []string{verbose, "--leader-elect", "--leader-election-namespace=" + harness.Namespace}
	if e == clusterWide {
		g.Expect(plane.Install(t.Context())).To(Succeed())
		address, err := harness.FreeAddress()
		g.Expect(err).NotTo(HaveOccurred())
		flags = append(flags, "--metrics-bind-address="+address)
		i.metrics, i.reader = "https://"+address+"/metrics", i.metricsReader(t)
	} else {
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: harness.Namespace}}
		g.Expect(plane.Client.Create(t.Context(), namespace)).To(Succeed())
		g.Expect(plane.InstallFrom(t.Context(), "namespaced-admin", "namespaced")).To(Succeed())
		flags = append(flags, "--watch-namespace="+harness.Namespace)
	}
	i.manager, err = plane.StartManager(t.Context(), flags...)
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { g.Expect(i.manager.Kill()).To(Succeed()) })
	return i
}

// checkOwners enables OwnerReferencesPermissionEnforcement in the API server, as some distributions do.
func checkOwners(server *envtest.APIServer) {
	server.Configure().Append("enable-admission-plugins", "OwnerReferencesPermissionEnforcement")
}

// stops: an operator that ends by itself leaves its lease to the next one.
func (i *installation) stops(t *testing.T) {
	g := NewWithT(t)
	g.Expect(i.manager.Stop()).To(Succeed())
	var leases coordinationv1.LeaseList
	g.Expect(i.plane.Client.List(t.Context(), &leases, client.InNamespace(harness.Namespace))).To(Succeed())
	g.Expect(leases.Items).To(HaveLen(1))
	g.Expect(leases.Items[0].Spec.HolderIdentity).To(HaveValue(BeEmpty()))
}

// play carries out one scenario, in a namespace and with a platform of its own, and notes what it took.
func (i *installation) play(t *testing.T, s scenario) {
	scene := i.newScene(t)
	s.run(scene)
	needs := s.needs
	if i.extent == clusterWide {
		needs = append(slices.Clip(needs), s.clusterNeeds...)
	}
	// The API server writes its log before it answers, but a scenario may end before the operator does its last.
	scene.Eventually(func() []string { return i.audit.used(t) }).Should(ContainElements(needs))
	if i.metrics != "" {
		i.scraped.WriteString(i.scrape(scene))
	}
	for _, grant := range needs {
		i.needed[grant] = append(i.needed[grant], s.name)
	}
	i.audit.forget(t)
}

func (i *installation) create(ctx context.Context, g Gomega, objects ...client.Object) {
	for _, o := range objects {
		g.Expect(i.plane.Client.Create(ctx, o)).To(Succeed())
	}
}

// patient is for what takes as long as it takes.
func patient(t *testing.T) *WithT {
	g := NewWithT(t)
	g.SetDefaultEventuallyTimeout(harness.Timeout)
	g.SetDefaultEventuallyPollingInterval(50 * time.Millisecond)
	return g
}

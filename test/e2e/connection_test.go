package e2e

import (
	"strings"
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/simulator"
)

func TestMissingCredentialsAreWaitedFor(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.Create(s.webhook("model-events"))
	s.becomes("model-events", isNotReady(itwinv1alpha1.ConnectionNotFoundReason))

	s.Create(s.Connection())
	w := s.becomes("model-events", isNotReady(itwinv1alpha1.ConnectionNotReadyReason))
	s.Expect(s.kstatus(w)).To(Equal(status.InProgressStatus))
	c := s.connectionBecomes(metav1.ConditionFalse, itwinv1alpha1.SecretNotFoundReason)
	s.Expect(s.kstatus(c)).To(Equal(status.InProgressStatus), "the Secret may be made a second later")

	s.Create(s.Credentials(s.Namespace))
	s.becomes("model-events", isReady)
	c = s.connectionBecomes(metav1.ConditionTrue, itwinv1alpha1.ConnectedReason)
	s.Expect(s.kstatus(c)).To(Equal(status.CurrentStatus))
}

func TestClusterConnectionServesTheNamespacesThatItAllows(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.Create(s.Credentials("default"))
	spec := s.ConnectionSpec()
	spec.CredentialsSecretRef.Namespace = "default"
	spec.AllowedNamespaces = &metav1.LabelSelector{MatchLabels: map[string]string{"itwin": s.Namespace}}
	spec.AllowedCallbackHosts = []string{"*.example.com"}
	s.Create(&itwinv1alpha1.ClusterConnection{ObjectMeta: metav1.ObjectMeta{Name: s.Namespace}, Spec: spec})

	s.Create(s.webhook("model-events", func(w *itwinv1alpha1.Webhook) {
		w.Spec.ConnectionRef = itwinv1alpha1.ConnectionReference{Kind: itwinv1alpha1.ConnectionKindCluster, Name: s.Namespace}
	}))
	s.becomes("model-events", isNotReady(itwinv1alpha1.ConnectionNotAllowedReason))
	s.Expect(s.remotes()).To(BeEmpty())

	s.labelNamespace(s.Namespace)
	s.becomes("model-events", isReady)
	s.Expect(s.onlyRemote().Active).To(BeTrue())

	s.labelNamespace("")
	s.becomes("model-events", isNotReady(itwinv1alpha1.ConnectionNotAllowedReason))
	s.Expect(s.onlyRemote().Active).To(BeFalse(), "what is not allowed any more is turned off")

	s.labelNamespace(s.Namespace)
	w := s.becomes("model-events", isReady)
	s.Expect(s.onlyRemote().Active).To(BeTrue())
	s.change(w, func(w *itwinv1alpha1.Webhook) { w.Spec.CallbackURL = "https://example.org/" })
	s.becomes("model-events", isNotReady(itwinv1alpha1.ConnectionNotAllowedReason))
}

func TestOutageIsReportedOnTheConnectionAlone(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	settled, busy := s.ready("settled"), s.ready("busy")
	s.Must(s.Platform.Fault(s.Ctx, simulator.Fault{Times: simulator.Forever, Action: "status:503"}))
	c := s.connectionBecomes(metav1.ConditionFalse, itwinv1alpha1.PlatformUnavailableReason)
	s.Expect(s.kstatus(c)).To(Equal(status.InProgressStatus))

	s.change(busy, func(w *itwinv1alpha1.Webhook) { w.Spec.EventTypes = []string{"iTwins.iTwinCreated.v1"} })
	busy = s.becomes("busy", isNotReady(itwinv1alpha1.PlatformUnavailableReason))
	s.Expect(s.kstatus(busy)).To(Equal(status.InProgressStatus))
	now, err := s.read("settled")
	s.Must(err)
	s.Expect(now.ResourceVersion).To(Equal(settled.ResourceVersion), "it has nothing to send")

	s.Must(s.Platform.ClearFaults(s.Ctx))
	s.connectionBecomes(metav1.ConditionTrue, itwinv1alpha1.ConnectedReason)
	s.becomes("busy", isReady)
}

func TestWrongCredentialsRecoverWhenTheSecretChanges(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	refusal := simulator.Fault{
		Match: simulator.Match{Path: "/connect/token"}, Times: simulator.Forever, Action: "status:400",
	}
	s.Must(s.Platform.Fault(s.Ctx, refusal))
	secret := s.Credentials(s.Namespace)
	s.Create(secret)
	s.Create(s.Connection())
	c := s.connectionBecomes(metav1.ConditionFalse, itwinv1alpha1.UnauthorizedReason)
	s.Expect(s.kstatus(c)).To(Equal(status.FailedStatus))

	s.Must(s.Platform.ClearFaults(s.Ctx))
	secret.StringData = map[string]string{"clientSecret": strings.Repeat("right", 2)}
	s.Must(plane.Client.Update(s.Ctx, secret))
	s.connectionBecomes(metav1.ConditionTrue, itwinv1alpha1.ConnectedReason)
}

// labelNamespace sets the label itwin of the scene's namespace, or removes it.
func (s *scene) labelNamespace(value string) {
	s.Helper()
	var namespace corev1.Namespace
	s.Must(plane.Client.Get(s.Ctx, client.ObjectKey{Name: s.Namespace}, &namespace))
	before := namespace.DeepCopy()
	metav1.SetMetaDataLabel(&namespace.ObjectMeta, "itwin", value)
	if value == "" {
		delete(namespace.Labels, "itwin")
	}
	s.Must(plane.Client.Patch(s.Ctx, &namespace, client.MergeFrom(before)))
}

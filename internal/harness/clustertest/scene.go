package clustertest

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/harness"
)

// Credentials is the name of the Secret with the credentials of a scene's connection.
const Credentials = "itwin-service-app"

// Scene is what one test has to itself on a control plane that tests share: a namespace, and a platform.
type Scene struct {
	*testing.T
	*WithT

	Ctx       context.Context
	Namespace string
	// Platform is nil until StartPlatform.
	Platform *harness.Simulator

	plane *harness.ControlPlane
}

// NewScene makes the namespace of a scene. Its name begins with that of the suite.
func NewScene(t *testing.T, plane *harness.ControlPlane, suite string) *Scene {
	t.Helper()
	s := &Scene{T: t, WithT: NewWithT(t), Ctx: t.Context(), plane: plane}
	s.SetDefaultEventuallyTimeout(harness.Timeout)
	s.SetDefaultEventuallyPollingInterval(50 * time.Millisecond)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: suite + "-"}}
	s.Create(namespace)
	s.Namespace = namespace.Name
	return s
}

// StartPlatform starts the platform of a scene, which ends with the test.
func (s *Scene) StartPlatform(flags ...string) {
	s.Helper()
	platform, err := harness.StartSimulator(s.Ctx, s.TempDir(), flags...)
	s.Must(err)
	s.Cleanup(func() {
		if err := platform.Kill(); err != nil {
			s.Error(err)
		}
	})
	s.Platform = platform
}

// Must ends the test at an error.
func (s *Scene) Must(err error) {
	s.Helper()
	s.Expect(err).NotTo(HaveOccurred())
}

// Create makes an object as an administrator.
func (s *Scene) Create(o client.Object) {
	s.Helper()
	s.Must(s.plane.Client.Create(s.Ctx, o))
}

// Secret is one of a namespace, not yet created.
func (s *Scene) Secret(namespace, name string, data map[string]string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, StringData: data}
}

// Credentials are those of the scene's account, in any namespace, not yet created. The account is named as the scene's
// namespace.
func (s *Scene) Credentials(namespace string) *corev1.Secret {
	return s.Secret(namespace, Credentials, map[string]string{"clientId": s.Namespace, "clientSecret": "test-secret"})
}

// Connection is the one that Webhooks use by default, not yet created.
func (s *Scene) Connection() *itwinv1alpha1.Connection {
	return &itwinv1alpha1.Connection{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "default"}, Spec: s.ConnectionSpec(),
	}
}

// ConnectionSpec is that of a connection to the scene's platform, which is listed as often as the API allows.
func (s *Scene) ConnectionSpec() itwinv1alpha1.ConnectionSpec {
	return itwinv1alpha1.ConnectionSpec{
		APIURL: s.Platform.URL, TokenURL: s.Platform.TokenURL(),
		CredentialsSecretRef: itwinv1alpha1.CredentialsReference{Name: Credentials},
		PollInterval:         metav1.Duration{Duration: 10 * time.Second},
	}
}

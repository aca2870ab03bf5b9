package security

import (
	"context"
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/harness"
)

// scene is what one scenario has to itself: a platform, names that begin with its own, and a namespace where the
// installation serves more than one.
type scene struct {
	*testing.T
	*WithT
	*installation
	ctx             context.Context
	namespace, name string
	platform        *platform
}

func (i *installation) newScene(t *testing.T) *scene {
	t.Helper()
	i.scenes++
	s := &scene{
		T: t, WithT: patient(t), installation: i, ctx: t.Context(), name: fmt.Sprintf("scene-%d", i.scenes),
		namespace: harness.Namespace, platform: newPlatform(t),
	}
	i.platforms = append(i.platforms, s.platform)
	if i.extent == clusterWide {
		s.namespace = s.name
		s.add(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.name}})
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the end of the operator's log:\n%s", lastLines(i.manager.Output(), 15))
		}
	})
	return s
}

func (s *scene) add(objects ...client.Object) {
	s.Helper()
	s.create(s.ctx, s.WithT, objects...)
}

// meta names an object of the scene.
func (s *scene) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: s.namespace, Name: s.name + "-" + name}
}

func (s *scene) secret(name string, data map[string]string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: s.meta(name), StringData: data}
}

// credentials hold a secret that can be found again wherever it goes.
func (s *scene) credentials() *corev1.Secret {
	return s.secret("credentials", map[string]string{
		"clientId": s.name, "clientSecret": "client-secret-of-" + s.name, "ca.crt": s.platform.caBundle(),
	})
}

func (s *scene) connectionSpec() itwinv1alpha1.ConnectionSpec {
	return itwinv1alpha1.ConnectionSpec{
		APIURL: s.platform.server.URL, TokenURL: s.platform.server.URL + "/connect/token",
		CredentialsSecretRef: itwinv1alpha1.CredentialsReference{Name: s.name + "-credentials"},
		CABundleSecretRef:    &itwinv1alpha1.CABundleReference{Name: s.name + "-credentials"},
		PollInterval:         metav1.Duration{Duration: 10 * time.Second},
	}
}

func (s *scene) connection() *itwinv1alpha1.Connection {
	return &itwinv1alpha1.Connection{ObjectMeta: s.meta("platform"), Spec: s.connectionSpec()}
}

// connect makes the Connection of the scene, and lets nothing of it outlive the scene.
func (s *scene) connect() *itwinv1alpha1.Connection {
	s.Helper()
	c := s.connection()
	s.add(s.credentials(), c)
	s.retire(c)
	return c
}

// webhook uses the Connection of the scene.
func (s *scene) webhook(name string, changes ...func(*itwinv1alpha1.WebhookSpec)) *itwinv1alpha1.Webhook {
	w := &itwinv1alpha1.Webhook{
		ObjectMeta: s.meta(name),
		Spec: itwinv1alpha1.WebhookSpec{
			ConnectionRef: itwinv1alpha1.ConnectionReference{Name: s.name + "-platform"},
			CallbackURL:   "https://" + name + ".example.com/itwin", Scope: itwinv1alpha1.AccountScope,
			EventTypes: []string{"iModels.iModelDeleted.v1"},
		},
	}
	for _, change := range changes {
		change(&w.Spec)
	}
	return w
}

// apply makes a Webhook, and lets nothing of it outlive the scene.
func (s *scene) apply(name string, changes ...func(*itwinv1alpha1.WebhookSpec)) *itwinv1alpha1.Webhook {
	s.Helper()
	w := s.webhook(name, changes...)
	s.add(w)
	s.retire(w)
	return w
}

// retire deletes an object when the scenario is over, and waits until it is gone.
func (s *scene) retire(o client.Object) {
	s.Cleanup(func() {
		ctx := context.Background()
		g := patient(s.T)
		g.Expect(client.IgnoreNotFound(s.plane.Client.Delete(ctx, o))).To(Succeed())
		g.Eventually(func() error {
			return s.plane.Client.Get(ctx, client.ObjectKeyFromObject(o), o)
		}).Should(Satisfy(apierrors.IsNotFound))
	})
}

// becomes waits for the reason of an object's Ready condition, for its current spec, and returns the message.
func (s *scene) becomes(o client.Object, reason string) (message string) {
	s.Helper()
	s.Eventually(func() (string, error) {
		err := s.plane.Client.Get(s.ctx, client.ObjectKeyFromObject(o), o)
		ready := apimeta.FindStatusCondition(conditionsOf(o), itwinv1alpha1.ReadyCondition)
		if err != nil || ready == nil || ready.ObservedGeneration != o.GetGeneration() {
			return "", err
		}
		message = ready.Message
		return ready.Reason, nil
	}).Should(Equal(reason), "Ready of %s", o.GetName())
	return message
}

func conditionsOf(o client.Object) []metav1.Condition {
	if c, ok := o.(itwinv1alpha1.ConnectionObject); ok {
		return c.ConnectionStatus().Conditions
	}
	return o.(*itwinv1alpha1.Webhook).Status.Conditions
}

// change patches an object as a user does: without regard to what else changed.
func change[T client.Object](s *scene, o T, change func(T)) {
	s.Helper()
	before := o.DeepCopyObject().(T)
	change(o)
	s.Expect(s.plane.Client.Patch(s.ctx, o, client.MergeFrom(before))).To(Succeed())
}

// calls counts the calls to the platform of one kind.
func (s *scene) calls(kind string) int { return s.platform.Requests().Counts[kind] }

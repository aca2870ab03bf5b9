package e2e

import (
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/harness/clustertest"
)

// GitOps tools apply what belongs together in an order of their own, and controllers such as External Secrets add to it
// later. What is only missing so far must not be Failed on the way: Flux with `wait: true` gives up at once then.

// step applies a part of what belongs together.
type step struct {
	name  string
	apply func(*scene)
}

// webhookStep, connectionStep and credentialsStep are the three that every user applies.
var (
	webhookStep     = step{"Webhook", func(s *scene) { s.Create(s.webhook("model-events")) }}
	connectionStep  = step{"Connection", func(s *scene) { s.Create(s.Connection()) }}
	credentialsStep = step{"credentials", func(s *scene) { s.Create(s.Credentials(s.Namespace)) }}
)

// applyInOrder applies steps, and waits after each until the operator has told what it makes of it.
func applyInOrder(t *testing.T, objects int, steps ...step) {
	t.Helper()
	names := make([]string, len(steps))
	for i, step := range steps {
		names[i] = step.name
	}
	t.Run(strings.Join(names, ", "), func(t *testing.T) {
		t.Parallel()
		s := newScene(t)
		w := s.watchAll()
		for _, step := range steps {
			step.apply(s)
			s.observed(s.Ctx)
		}
		w.expectCurrent(objects)
	})
}

func TestAppliedInAnyOrderIsNeverFailed(t *testing.T) {
	t.Parallel()
	a, b, c := webhookStep, connectionStep, credentialsStep
	for _, order := range [][]step{{a, b, c}, {a, c, b}, {b, a, c}, {b, c, a}, {c, a, b}, {c, b, a}} {
		applyInOrder(t, 2, order...)
	}
}

func TestWhatComesLastIsWaitedFor(t *testing.T) {
	t.Parallel()
	steps := []step{
		{"Webhook with secretRef", func(s *scene) {
			s.Create(s.webhook("model-events", func(w *itwinv1alpha1.Webhook) {
				w.Spec.SecretRef = &itwinv1alpha1.SecretKeyReference{Name: "hmac"}
				w.Spec.ConnectionRef = itwinv1alpha1.ConnectionReference{
					Kind: itwinv1alpha1.ConnectionKindCluster, Name: s.Namespace,
				}
			}))
		}},
		{"ClusterConnection with a CA bundle", func(s *scene) { s.Create(s.clusterConnection()) }},
		credentialsStep,
		{"CA bundle", func(s *scene) { s.Create(s.bundle()) }},
		{"label of the namespace", func(s *scene) { s.labelNamespace(s.Namespace) }},
		{"signing Secret", func(s *scene) { s.Create(s.signingSecret("hmac", strings.Repeat("s", 32))) }},
	}
	for last := range steps {
		applyInOrder(t, 2, slices.Concat(steps[:last], steps[last+1:], steps[last:last+1])...)
	}
	backwards := slices.Clone(steps)
	slices.Reverse(backwards)
	applyInOrder(t, 2, backwards...)
}

// clusterConnection serves the namespace of the scene once that has its label. Its Secrets are in the same namespace.
func (s *scene) clusterConnection() *itwinv1alpha1.ClusterConnection {
	spec := s.ConnectionSpec()
	spec.CredentialsSecretRef.Namespace = s.Namespace
	spec.CABundleSecretRef = &itwinv1alpha1.CABundleReference{Name: "bundle"}
	spec.AllowedNamespaces = &metav1.LabelSelector{MatchLabels: map[string]string{"itwin": s.Namespace}}
	return &itwinv1alpha1.ClusterConnection{ObjectMeta: metav1.ObjectMeta{Name: s.Namespace}, Spec: spec}
}

// bundle holds a certificate that nothing here uses.
func (s *scene) bundle() *corev1.Secret {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "bundle"}, Data: map[string][]byte{"ca.crt": text},
	}
}

// What is there, but not in its final form, is waited for as what is missing: a key, a value, a permission.
func TestWhatIsCorrectedIsWaitedFor(t *testing.T) {
	t.Parallel()
	for name, correct := range map[string]struct {
		before, after func(*scene)
		mentioned     string
	}{
		"a key of the credentials": {
			before: func(s *scene) {
				incomplete := s.Credentials(s.Namespace)
				delete(incomplete.StringData, "clientSecret")
				s.Create(incomplete)
				s.Create(s.Connection())
				s.Create(s.webhook("model-events"))
			},
			mentioned: `no key "clientSecret"`,
			after:     func(s *scene) { s.Must(plane.Client.Update(s.Ctx, s.Credentials(s.Namespace))) },
		},
		"a signing secret that is too short": {
			before: func(s *scene) {
				s.Create(s.Credentials(s.Namespace))
				s.Create(s.Connection())
				s.Create(s.signingSecret("hmac", "short"))
				s.Create(s.webhook("model-events", func(w *itwinv1alpha1.Webhook) {
					w.Spec.SecretRef = &itwinv1alpha1.SecretKeyReference{Name: "hmac"}
				}))
			},
			mentioned: "5 characters",
			after: func(s *scene) {
				s.Must(plane.Client.Update(s.Ctx, s.signingSecret("hmac", strings.Repeat("s", 32))))
			},
		},
		"an import that the connection does not allow": {
			before:    importing(itwinv1alpha1.AllowAdoptionNone, nil),
			mentioned: "allowAdoption",
			after: func(s *scene) {
				s.changeConnection(func(spec *itwinv1alpha1.ConnectionSpec) { spec.AllowAdoption = itwinv1alpha1.AllowAdoptionMatching })
			},
		},
		"a callback host that the connection does not allow": {
			before:    importing(itwinv1alpha1.AllowAdoptionMatching, []string{"elsewhere.example.com"}),
			mentioned: "allowedCallbackHosts",
			after: func(s *scene) {
				s.changeConnection(func(spec *itwinv1alpha1.ConnectionSpec) { spec.AllowedCallbackHosts = nil })
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			w := s.watchAll()
			correct.before(s)
			w.expectMentioned(correct.mentioned)
			correct.after(s)
			w.expectCurrent(2)
		})
	}
}

// importing applies a Webhook that imports a remote webhook, through a connection with restrictions.
func importing(adoption itwinv1alpha1.AllowAdoption, hosts []string) func(*scene) {
	return func(s *scene) {
		s.Create(s.Credentials(s.Namespace))
		connection := s.Connection()
		connection.Spec.AllowAdoption, connection.Spec.AllowedCallbackHosts = adoption, hosts
		s.Create(connection)
		id := s.leaveRemote()
		s.Create(s.webhook("model-events", func(w *itwinv1alpha1.Webhook) { w.Spec.WebhookID = id }))
	}
}

// leaveRemote makes a remote webhook of the scene's application that no Webhook owns, with a Connection and a Webhook
// of another namespace, and returns its id.
func (s *scene) leaveRemote() string {
	s.Helper()
	other := &scene{clustertest.NewScene(s.T, plane, "e2e-other")}
	other.Platform = s.Platform
	secret := other.Credentials(other.Namespace)
	secret.StringData["clientId"] = s.Namespace
	other.Create(secret)
	other.Create(other.Connection())
	w := other.ready("leaver", func(w *itwinv1alpha1.Webhook) { w.Spec.DeletionPolicy = itwinv1alpha1.RetainRemote })
	other.delete(w)
	other.gone("leaver")
	return w.Status.WebhookID
}

// changeConnection edits the scene's Connection.
func (s *scene) changeConnection(change func(*itwinv1alpha1.ConnectionSpec)) {
	s.Helper()
	var c itwinv1alpha1.Connection
	s.Must(plane.Client.Get(s.Ctx, client.ObjectKey{Namespace: s.Namespace, Name: "default"}, &c))
	before := c.DeepCopy()
	change(&c.Spec)
	s.Must(plane.Client.Patch(s.Ctx, &c, client.MergeFrom(before)))
}

// A rename in Git is a new object that is applied before the old one is pruned.
func TestImportWaitsForAWebhookThatIsBeingDeleted(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	const hold = "example.com/hold"
	old := s.ready("old", func(w *itwinv1alpha1.Webhook) {
		w.Spec.DeletionPolicy, w.Finalizers = itwinv1alpha1.RetainRemote, []string{hold}
	})
	s.delete(old)
	w := s.watchAll()
	s.Create(s.webhook("new", func(w *itwinv1alpha1.Webhook) {
		w.Spec.WebhookID, w.Spec.CallbackURL = old.Status.WebhookID, old.Spec.CallbackURL
	}))
	w.expectMentioned(fmt.Sprintf("The remote webhook %s still belongs to Webhook %s/old, which is being deleted",
		old.Status.WebhookID, s.Namespace))
	held, err := s.read("old")
	s.Must(err)
	s.change(held, func(w *itwinv1alpha1.Webhook) { w.Finalizers = nil })
	s.gone("old")
	imported := s.becomes("new", isReady)
	s.Expect(imported.Status.WebhookID).To(Equal(old.Status.WebhookID))
	w.expectNone("Failed")
}

package docs

import (
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"webhook-operator.io/itwin/internal/harness/documented"
	"webhook-operator.io/itwin/signature"
)

// TestCommandsOfReceivers rotates as docs/receivers.md shows it. What the receiver accepts meanwhile is what the manifests
// mount: the keys of the Secret as files.
func TestCommandsOfReceivers(t *testing.T) {
	t.Parallel()
	s := connected(t)
	manifests := documented.Texts(t, "docs/receivers.md", "## In a cluster", "yaml", 2)
	rotation := documented.Commands(t, "docs/receivers.md", "## Rotation without loss", 3)

	var deployment appsv1.Deployment
	s.Must(yaml.Unmarshal([]byte(manifests[0]), &deployment)) // its first document
	mounted := deployment.Spec.Template.Spec.Volumes[0].Secret.SecretName
	var pod corev1.Pod
	s.Must(yaml.Unmarshal([]byte(manifests[1]), &pod))
	for _, variable := range pod.Spec.Containers[0].Env {
		s.Expect(variable.ValueFrom.SecretKeyRef.Name).To(Equal(mounted))
	}
	before := s.signs()
	s.Expect(s.accepts(mounted, before)).To(Succeed())

	s.run(rotation[0])
	s.Eventually(s.signs).ShouldNot(Equal(before))
	after := s.signs()
	s.Expect(s.accepts(mounted, before)).To(Succeed(), "the previous secret")
	s.Expect(s.accepts(mounted, after)).To(Succeed())

	const own = "model-events-hmac"
	s.run(documented.Commands(t, "docs/api.md", "### Signing secret", 1)...)
	s.MustKubectl("-n", "digital-twin", "patch", "webhook", "model-events", "--type=merge", "-p",
		`{"spec":{"secretRef":{"name":"`+own+`"}}}`)
	s.Eventually(func() error { return s.accepts(own, s.signs()) }).Should(Succeed())
	before = s.signs()

	s.run(rotation[1])
	s.Expect(s.signs()).To(Equal(before), "the receivers come first")
	next := s.key(own, "next")
	s.Expect(s.accepts(own, next)).To(Succeed())

	s.run(rotation[2])
	s.Eventually(s.signs).Should(Equal(next))
	s.Expect(s.accepts(own, before)).To(Succeed(), "the previous secret")
	s.Expect(s.accepts(own, next)).To(Succeed())
	s.Expect(s.key(own, "next")).To(BeEmpty())

	body := []byte(`{"content":{}}`)
	s.write("secret", next)
	s.write("refused.signature", signature.Sign(next, body))
	s.write("refused.body", string(body))
	s.run(documented.Commands(t, "docs/receivers.md", "## When a signature does not match", 1)...)
}

// signs is the secret that the platform signs events of the Webhook with.
func (s *scene) signs() string {
	s.Helper()
	remotes, err := s.platform.Webhooks(s.Ctx)
	s.Must(err)
	s.Expect(remotes).To(HaveLen(1))
	return remotes[0].Secret
}

func (s *scene) key(secret, key string) string {
	s.Helper()
	var object corev1.Secret
	s.Must(s.Client.Get(s.Ctx, client.ObjectKey{Namespace: "digital-twin", Name: secret}, &object))
	return string(object.Data[key])
}

// accepts verifies an event that is signed with a secret by the keys of a Secret, as receivers do.
func (s *scene) accepts(secret, signedWith string) error {
	s.Helper()
	body := []byte(`{"eventType":"iModels.iModelDeleted.v1"}`)
	return signature.Verify(signature.Sign(signedWith, body), body, s.key(secret, "secret"), s.key(secret, "previous"),
		s.key(secret, "next"))
}

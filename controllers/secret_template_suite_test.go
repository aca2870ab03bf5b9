package controllers_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// withTemplate asks for one label and one annotation of the generated Secret.
func withTemplate(label, annotation string) func(*itwinv1alpha1.WebhookSpec) {
	return func(s *itwinv1alpha1.WebhookSpec) {
		s.SecretTemplate = &itwinv1alpha1.SecretTemplate{
			Labels:      map[string]itwinv1alpha1.LabelValue{label: "here"},
			Annotations: map[string]itwinv1alpha1.AnnotationValue{annotation: "here"},
		}
	}
}

var _ = Describe("The template of a generated Secret", func() {
	const secretName = "own-webhook-secret"
	var (
		w        *simulation
		op       *operator
		platform *listener
		webhook  *itwinv1alpha1.Webhook
	)

	generated := func() *corev1.Secret {
		GinkgoHelper()
		secret := &corev1.Secret{}
		Expect(api.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: secretName}, secret)).To(Succeed())
		return secret
	}
	patch := func(text string) {
		GinkgoHelper()
		Expect(api.Patch(ctx, generated(), mergePatch(text))).To(Succeed())
	}
	quiet := func() {
		platform.forget()
		op.writes.reset()
	}
	writes := func() map[string]int {
		return map[string]int{
			"secrets": op.writes.of("PATCH secrets"), "status": op.writes.of("PATCH webhooks/status"), "all": op.writes.total(),
			"remote": len(platform.of("PATCH", "/webhooks")) + len(platform.of("POST", "/webhooks")),
		}
	}
	once := map[string]int{"secrets": 1, "status": 1, "all": 2, "remote": 0}

	BeforeEach(func() {
		w = newSimulation()
		op = startOperator()
		platform = w.listen(nil)
		w.connect(platform.through)
		webhook = w.apply("own", withTemplate("team", "reload"))
		seen(webhook).Should(beReady())
	})

	It("is there from the creation on, in the same write", func() {
		secret := generated()
		Expect(secret.Labels).To(And(HaveKeyWithValue("team", "here"), HaveLen(2)))
		Expect(secret.Annotations).To(HaveKeyWithValue("reload", "here"))
		Expect(op.writes.of("POST secrets")).To(Equal(1))
		Expect(op.writes.of("PATCH secrets")).To(BeZero())
	})

	It("that is edited costs one write of the Secret, no remote call and no rotation, and leaves what others set", func() {
		patch(`{"metadata":{"labels":{"foreign":"label"},"annotations":{"foreign":"annotation"}}}`)
		seen(webhook).Should(HaveField("Status.SecretVersion", generated().ResourceVersion))
		before := generated()
		quiet()
		change(webhook, func(w *itwinv1alpha1.Webhook) { withTemplate("stage", "share")(&w.Spec) })
		Eventually(func() map[string]string { return generated().Labels }).Should(And(
			HaveKeyWithValue("stage", "here"), HaveKeyWithValue("foreign", "label"), Not(HaveKey("team"))))
		seen(webhook).Should(And(beReady(), HaveField("Status.AppliedGeneration", webhook.Generation)))
		Consistently(writes).Should(Equal(once))
		after := generated()
		Expect(after.Annotations).To(And(
			HaveKeyWithValue("share", "here"), HaveKeyWithValue("foreign", "annotation"), Not(HaveKey("reload"))))
		Expect(after.Data).To(Equal(before.Data))

		quiet()
		change(webhook, func(w *itwinv1alpha1.Webhook) { w.Spec.SecretTemplate = nil })
		Eventually(func() map[string]string { return generated().Labels }).Should(HaveLen(2))
		Expect(generated().Annotations).To(Equal(map[string]string{"foreign": "annotation"}))
		Consistently(writes).Should(Equal(once))
	})

	It("is restored when another client changes or removes what it gave", func() {
		for _, damage := range []string{
			`{"metadata":{"labels":{"team":"theirs"}}}`, `{"metadata":{"labels":{"team":null}}}`,
			`{"metadata":{"annotations":{"reload":null}}}`,
			`{"metadata":{"annotations":{"itwin.webhook-operator.io/secret-template":null}}}`,
		} {
			whole := generated()
			quiet()
			patch(damage)
			Eventually(writes).Should(Equal(once), damage)
			Consistently(writes).Should(Equal(once), damage)
			Expect(generated().Labels).To(Equal(whole.Labels), damage)
			Expect(generated().Annotations).To(Equal(whole.Annotations), damage)
		}
	})

	It("stays through a rotation, which is one write", func() {
		quiet()
		annotate(webhook, itwinv1alpha1.RotateRequestedAtAnnotation, "monday")
		seen(webhook).Should(HaveField("Status.LastHandledRotateAt", "monday"))
		Expect(generated().Labels).To(HaveKeyWithValue("team", "here"))
		Consistently(func() int { return op.writes.of("PATCH secrets") }).Should(Equal(1))
	})
})

package controllers_test

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

func rotate(s *refusalScene) { annotate(s.subject, itwinv1alpha1.RotateRequestedAtAnnotation, "now") }

// edits: an edit of the spec reaches the platform, though the Secret cannot be written.
func edits(s *refusalScene) {
	s.edit(secondEvent)
	s.sent(secondEvent)
	seen(s.subject).Should(HaveField("Status.AppliedGeneration", s.subject.Generation), s.row.name)
	Expect(conditions(s.subject)["Ready"]).To(Equal(s.row.ready))
	// The edit ends the pause of the refused write: it is tried once more.
	Eventually(func() int { return s.changes() }).Should(Equal(s.changesBefore + 1))
}

// rotated: the request is handled, and the platform has the new value.
func rotated(s *refusalScene) {
	seen(s.subject).WithTimeout(time.Minute).Should(
		And(HaveField("Status.LastHandledRotateAt", "now"), beReady()), s.row.name)
	Expect(s.remote(s.subject.Spec.CallbackURL).Secret).To(Equal(s.generated()), s.row.name)
}

func (s *refusalScene) generated() string {
	var secret corev1.Secret
	Expect(api.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: s.subject.SigningSecret().Name}, &secret)).To(Succeed())
	return string(secret.Data[itwinv1alpha1.DefaultSecretKey])
}

func remove(s *refusalScene) { Expect(api.Delete(ctx, s.subject)).To(Succeed()) }

func deletedOnce(s *refusalScene) {
	Expect(s.Webhooks()).To(BeEmpty(), s.row.name)
	Expect(s.count("DELETE /webhooks/{id}")).To(Equal(1), s.row.name)
}

func createdOnce(s *refusalScene) {
	Expect(s.count("POST /webhooks")).To(Equal(1), s.row.name)
	Expect(s.Webhooks()).To(ConsistOf(HaveField("Active", false)), s.row.name)
}

func activeOnce(s *refusalScene) {
	Expect(s.count("POST /webhooks")).To(Equal(1), s.row.name)
	Expect(s.count("PATCH /webhooks/{id}")).To(Equal(1), s.row.name)
	Expect(s.Webhooks()).To(ConsistOf(HaveField("Active", true)), s.row.name)
}

func edited(s *refusalScene) {
	s.edit(secondEvent)
	s.sent(secondEvent)
}

func editedAndReady(s *refusalScene) {
	s.isReady()
	Expect(s.changes()-s.changesBefore).To(Equal(1), "%s: the edit is sent once", s.row.name)
}

// editConnection gives the status of the connection something to say.
func editConnection(s *refusalScene) {
	before := s.connection.DeepCopy()
	s.connection.Spec.PollInterval.Duration = 11 * time.Second
	Expect(api.Patch(ctx, s.connection, client.MergeFrom(before))).To(Succeed())
}

// listed: the account is listed, and Webhooks are created, during the refusal.
func listed(s *refusalScene) {
	before := s.count("GET /webhooks")
	other := s.apply("other")
	seen(other).Should(beReady(), s.row.name)
	Eventually(func() int { return s.count("GET /webhooks") - before }).WithTimeout(15*time.Second).
		Should(BeNumerically(">=", 1), s.row.name)
	s.changesBefore = s.changes()
}

func connectionReady(s *refusalScene) {
	seenConnection(s.connection).WithTimeout(time.Minute).Should(haveReady("True/Connected"), s.row.name)
	seen(s.subject).Should(beReady(), s.row.name)
}

// editCredentials makes the operator read the Secret of the connection once more.
func editCredentials(s *refusalScene) {
	s.put("credentials", map[string]string{"clientSecret": "another-" + clientID})
}

// connectionRefused: the connection reports it, and the account is still listed.
func connectionRefused(s *refusalScene) {
	before := s.count("GET /webhooks")
	seenConnection(s.connection).Should(haveReady(kubernetesRefused), s.row.name)
	Eventually(func() int { return s.count("GET /webhooks") - before }).WithTimeout(15*time.Second).
		Should(BeNumerically(">=", 1), s.row.name)
	Expect(conditions(s.subject)["Ready"]).To(Equal("True/InSync"), s.row.name)
}

// immutable makes the generated Secret immutable; only another one can replace it.
func immutable(s *refusalScene) func() {
	secret := &corev1.Secret{ObjectMeta: objectMeta(s.namespace, s.subject.SigningSecret().Name)}
	Expect(api.Patch(ctx, secret, mergePatch(`{"immutable":true}`))).To(Succeed())
	return func() { Expect(api.Delete(ctx, secret)).To(Succeed()) }
}

// takenSecret puts a Secret of another controller where the generated one goes.
func takenSecret(s *refusalScene) func() {
	owner := metav1.OwnerReference{APIVersion: "v1", Kind: "ConfigMap", Name: "other", UID: "other", Controller: new(true)}
	secret := &corev1.Secret{
		ObjectMeta: objectMeta(s.namespace, "subject"+itwinv1alpha1.GeneratedSecretSuffix),
		StringData: map[string]string{itwinv1alpha1.DefaultSecretKey: "0123456789abcdef0123456789abcdef-of-another"},
	}
	secret.OwnerReferences = []metav1.OwnerReference{owner}
	Expect(api.Create(ctx, secret)).To(Succeed())
	return func() { Expect(api.Delete(ctx, secret)).To(Succeed()) }
}

// terminating begins the deletion of the namespace, which no controller completes here.
func terminating(s *refusalScene) func() {
	Expect(api.Delete(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.namespace}})).To(Succeed())
	Eventually(func() error { return api.Create(ctx, s.probeSecret(), client.DryRunAll) }).
		Should(MatchError(ContainSubstring("being terminated")))
	return func() {}
}

func loseSecret(s *refusalScene) {
	Expect(api.Delete(ctx, &corev1.Secret{ObjectMeta: objectMeta(s.namespace, s.subject.SigningSecret().Name)})).To(Succeed())
}

// ownSecret names a Secret of the namespace, whose value has to be read.
func ownSecret(s *refusalScene) {
	s.secret("signing", map[string]string{itwinv1alpha1.DefaultSecretKey: "signing-secret-0123456789abcdef0123456789"})
	change(s.subject, func(w *itwinv1alpha1.Webhook) {
		w.Spec.SecretRef = &itwinv1alpha1.SecretKeyReference{Name: "signing", Key: itwinv1alpha1.DefaultSecretKey}
	})
}

// turnsOff: what needs no secret goes on.
func turnsOff(s *refusalScene) {
	change(s.subject, func(w *itwinv1alpha1.Webhook) { w.Spec.Active = new(false) })
	Eventually(s.Webhooks).Should(ConsistOf(HaveField("Active", false)), s.row.name)
}

func turnsOn(s *refusalScene) {
	change(s.subject, func(w *itwinv1alpha1.Webhook) { w.Spec.Active = new(true) })
	s.isReady()
	Expect(s.Webhooks()[0].Secret).To(HavePrefix("signing-secret"))
}

// rewritten is a client that changes an annotation of the object as fast as it can.
func rewritten(s *refusalScene) func() {
	loop, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer GinkgoRecover()
		defer close(done)
		w := &itwinv1alpha1.Webhook{ObjectMeta: objectMeta(s.namespace, "subject")}
		for i := 0; loop.Err() == nil; i++ {
			_ = api.Patch(ctx, w, mergePatch(fmt.Sprintf(`{"metadata":{"annotations":{"example.com/count":"%d"}}}`, i)))
		}
	}()
	return func() {
		stop()
		<-done
	}
}

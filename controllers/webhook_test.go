package controllers_test

import (
	"context"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	. "github.com/onsi/gomega/gstruct"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/simulator"
)

var ctx = context.Background()

var _ = Describe("A Webhook", func() {
	var w *simulation
	var op *operator

	BeforeEach(func() {
		w = newSimulation()
		op = startOperator()
	})

	It("is created, activated and reported within its budget of requests", func() {
		connection := w.connect()
		Eventually(func() map[string]string {
			Expect(api.Get(ctx, client.ObjectKeyFromObject(connection), connection)).To(Succeed())
			return conditions(connection)
		}).Should(Equal(map[string]string{"Ready": "True/Connected"}))
		op.writes.reset()

		webhook := w.apply("model-events")
		Expect(webhook.Status.ObservedGeneration).To(BeEquivalentTo(-1))
		seen(webhook).Should(beReady())

		remote := w.remote(webhook.Spec.CallbackURL)
		Expect(remote).To(MatchFields(IgnoreExtras, Fields{
			"Active": BeTrue(), "Scope": Equal("iTwin"), "ScopeID": Equal(iTwinID),
			"EventTypes": Equal(webhook.Spec.EventTypes),
		}))
		Expect(webhook.Status.WebhookID).To(Equal(remote.ID))
		Expect(webhook.Annotations).To(HaveKeyWithValue(itwinv1alpha1.WebhookIDAnnotation, remote.ID))
		Expect(webhook.Finalizers).To(ConsistOf(itwinv1alpha1.WebhookFinalizer))
		Expect(*webhook.Status.Active).To(BeTrue())
		Expect(webhook.Status.ScopeID).To(Equal(iTwinID))
		Expect(webhook.Status.Created.Time).To(BeTemporally("==", remote.Created.Time))

		var secret corev1.Secret
		key := client.ObjectKey{Namespace: w.namespace, Name: "model-events-webhook-secret"}
		Expect(api.Get(ctx, key, &secret)).To(Succeed())
		Expect(string(secret.Data["secret"])).To(And(Equal(remote.Secret), MatchRegexp("^[0-9a-f]{64}$")))
		Expect(secret.OwnerReferences).To(HaveLen(1))
		Expect(webhook.Status.SecretName).To(Equal(secret.Name))
		Expect(webhook.Status.SecretVersion).To(Equal(secret.ResourceVersion))

		Eventually(eventsOf(webhook)).Should(Equal([]string{"Created"}))
		Consistently(eventsOf(webhook)).Should(Equal([]string{"Created"}))
		Expect(w.Requests().Total).To(BeNumerically("<=", 2*1+3))
		Expect(op.writes.of("PATCH webhooks") + op.writes.of("PATCH webhooks/status")).To(Equal(3))
		Expect(op.writes.of("POST events")).To(Equal(1))
	})

	It("of Account scope learns the account's id", func() {
		w.connect()
		webhook := w.apply("account", func(s *itwinv1alpha1.WebhookSpec) {
			s.Scope, s.ScopeID = itwinv1alpha1.AccountScope, ""
		})
		seen(webhook).Should(beReady())
		Expect(webhook.Status.ScopeID).To(Equal(w.remote(webhook.Spec.CallbackURL).ScopeID))
	})

	It("waits for its connection and reports it", func() {
		webhook := w.apply("early")
		seen(webhook).Should(haveConditions(map[string]string{"Ready": "False/ConnectionNotFound"}))
		Expect(webhook.Finalizers).To(BeEmpty())
		w.connect()
		seen(webhook).Should(beReady())
	})

	It("waits for the credentials of its connection", func() {
		connection := w.connect()
		Expect(api.Delete(ctx, &corev1.Secret{ObjectMeta: objectMeta(w.namespace, "credentials")})).To(Succeed())
		Eventually(func() map[string]string {
			Expect(api.Get(ctx, client.ObjectKeyFromObject(connection), connection)).To(Succeed())
			return conditions(connection)
		}).Should(HaveKeyWithValue("Ready", "False/SecretNotFound"))
		webhook := w.apply("early")
		seen(webhook).Should(haveConditions(map[string]string{"Ready": "False/ConnectionNotReady"}))
		w.credentials("credentials", clientID)
		seen(webhook).Should(beReady())
	})

	It("is updated with one call, however many fields change", func() {
		w.connect()
		webhook := w.apply("edited")
		seen(webhook).Should(beReady())
		w.ResetRequests()
		op.writes.reset()
		off := false
		change(webhook, func(o *itwinv1alpha1.Webhook) {
			o.Spec.CallbackURL = "https://other.example.com/"
			o.Spec.EventTypes = []string{"iTwins.iTwinCreated.v1", "iTwins.iTwinDeleted.v1"}
			o.Spec.Active = &off
		})
		seen(webhook).Should(haveConditions(map[string]string{"Ready": "True/InSync", "Active": "False/Inactive"}))
		Expect(w.changes()).To(Equal(1))
		Expect(op.writes.of("PATCH webhooks/status")).To(Equal(1))
		Expect(op.writes.of("PATCH webhooks")).To(BeZero())
		Expect(w.remote("https://other.example.com/").Active).To(BeFalse())
		Eventually(eventsOf(webhook)).Should(ConsistOf("Created", "Updated"))

		change(webhook, func(o *itwinv1alpha1.Webhook) { o.Spec.Active = nil })
		seen(webhook).Should(beReady())
		Eventually(eventsOf(webhook)).Should(ConsistOf("Created", "Updated", "Activated"))
		Expect(webhook.Status.Deactivations).To(BeZero())
	})

	It("sends nothing when nothing differs", func() {
		w.connect()
		webhook := w.apply("quiet", func(s *itwinv1alpha1.WebhookSpec) {
			s.EventTypes = []string{"iTwins.iTwinCreated.v1", "iTwins.iTwinDeleted.v1"}
		})
		seen(webhook).Should(beReady())
		w.ResetRequests()
		op.writes.reset()
		change(webhook, func(o *itwinv1alpha1.Webhook) {
			o.Spec.EventTypes = []string{"iTwins.iTwinDeleted.v1", "iTwins.iTwinCreated.v1"}
		})
		seen(webhook).Should(beReady())
		Expect(w.changes()).To(BeZero())
		Expect(op.writes.total()).To(Equal(1))
	})

	It("deletes its remote webhook when it is deleted", func() {
		w.connect()
		webhook := w.apply("doomed")
		seen(webhook).Should(beReady())
		w.ResetRequests()
		Expect(api.Delete(ctx, webhook)).To(Succeed())
		gone(webhook).Should(Satisfy(apierrors.IsNotFound))
		Expect(w.Webhooks()).To(BeEmpty())
		Expect(w.count("DELETE /webhooks/{id}")).To(Equal(1))
		Expect(w.changes()).To(Equal(1))
	})

	It("keeps its remote webhook when deletionPolicy is Retain", func() {
		w.connect()
		webhook := w.apply("kept", func(s *itwinv1alpha1.WebhookSpec) { s.DeletionPolicy = itwinv1alpha1.RetainRemote })
		seen(webhook).Should(beReady())
		w.ResetRequests()
		Expect(api.Delete(ctx, webhook)).To(Succeed())
		gone(webhook).Should(Satisfy(apierrors.IsNotFound))
		Expect(w.remote(webhook.Spec.CallbackURL).Active).To(BeTrue())
		Expect(w.changes()).To(BeZero())
	})

	It("is deleted through a connection that was deleted before", func() {
		connection := w.connect()
		webhook := w.apply("last")
		seen(webhook).Should(beReady())
		Expect(api.Delete(ctx, &corev1.Secret{ObjectMeta: objectMeta(w.namespace, "credentials")})).To(Succeed())
		Expect(api.Delete(ctx, connection)).To(Succeed())
		seen(webhook).Should(haveReady("False/ConnectionNotFound"))
		Expect(api.Delete(ctx, webhook)).To(Succeed())
		gone(webhook).Should(Satisfy(apierrors.IsNotFound))
		Expect(w.Webhooks()).To(BeEmpty())
	})

	It("does nothing while it is suspended", func() {
		w.connect()
		webhook := w.apply("paused", func(s *itwinv1alpha1.WebhookSpec) { s.Suspend = true })
		seen(webhook).Should(haveConditions(map[string]string{"Suspended": "True/Suspended"}))
		written := webhook.ResourceVersion
		still(webhook).Should(HaveField("ResourceVersion", written))
		Expect(w.changes()).To(BeZero())
		change(webhook, func(o *itwinv1alpha1.Webhook) { o.Spec.Suspend = false })
		seen(webhook).Should(beReady())
	})

	It("waits for the Secret of secretRef and continues when that Secret is created", func() {
		w.connect()
		webhook := w.apply("signed", func(s *itwinv1alpha1.WebhookSpec) {
			s.SecretRef = &itwinv1alpha1.SecretKeyReference{Name: "hmac"}
		})
		seen(webhook).Should(haveConditions(map[string]string{"Ready": "False/SecretNotFound"}))
		secret := w.secret("hmac", map[string]string{"secret": "short"})
		seen(webhook).Should(haveConditions(map[string]string{"Ready": "False/SecretInvalid"}))
		Expect(readyMessage(webhook)).To(ContainSubstring("5 characters"))
		Expect(w.changes()).To(BeZero())

		value := strings.Repeat("s", 32)
		secret.StringData = map[string]string{"secret": value}
		Expect(api.Update(ctx, secret)).To(Succeed())
		seen(webhook).Should(beReady())
		Expect(w.remote(webhook.Spec.CallbackURL).Secret).To(Equal(value))

		By("changing the Secret")
		w.ResetRequests()
		value = strings.Repeat("r", 40)
		secret.StringData = map[string]string{"secret": value}
		Expect(api.Update(ctx, secret)).To(Succeed())
		Eventually(func() string { return w.remote(webhook.Spec.CallbackURL).Secret }).Should(Equal(value))
		seen(webhook).Should(WithTransform(func(o *itwinv1alpha1.Webhook) string { return o.Status.SecretVersion },
			Equal(secret.ResourceVersion)))
		Expect(w.changes()).To(Equal(1))
		Eventually(eventsOf(webhook)).Should(ConsistOf("Created", "SecretRotated"))
	})

	It("reports what the platform refuses and does not send it again", func() {
		w.connect()
		Expect(w.AddFault(simulator.Fault{
			Match: simulator.Match{Method: "POST", Path: "/webhooks"}, Times: simulator.Forever, Action: "status:422",
		})).To(Succeed())
		webhook := w.apply("refused")
		seen(webhook).Should(haveConditions(map[string]string{"Ready": "False/Refused", "Stalled": "True/Refused"}))
		Expect(readyMessage(webhook)).To(ContainSubstring("InvalidCreateWebhookRequest"))
		Expect(w.count("POST /webhooks")).To(Equal(1))
		annotate(webhook, itwinv1alpha1.WebhookIDAnnotation, "")
		Consistently(func() int { return w.count("POST /webhooks") }).Should(Equal(1))
		w.ClearFaults()
		change(webhook, func(o *itwinv1alpha1.Webhook) { o.Spec.CallbackURL = "https://better.example.com/" })
		seen(webhook).Should(beReady())
	})

	It("waits until an unavailable platform answers again", func() {
		w.connect()
		first := w.apply("first")
		seen(first).Should(beReady())
		Expect(w.AddFault(simulator.Fault{Times: simulator.Forever, Action: "status:503"})).To(Succeed())
		second := w.apply("second")
		seen(second).Should(haveConditions(map[string]string{
			"Ready": "False/PlatformUnavailable", "Reconciling": "True/PlatformUnavailable",
		}))
		still(first).Should(beReady())
		w.ClearFaults()
		seen(second).Should(beReady())
		Expect(w.Webhooks()).To(HaveLen(2))
	})

	It("waits as long as Retry-After asks, without delay for other connections", func() {
		w.connect()
		Eventually(func() int { return w.count("GET /webhooks") }).Should(BeNumerically(">", 0))
		Expect(w.AddFault(simulator.Fault{
			Match: simulator.Match{Method: "POST"}, Action: "status:429;retry-after=2",
		})).To(Succeed())
		webhook := w.apply("limited")
		seen(webhook).Should(haveConditions(map[string]string{
			"Ready": "False/RateLimited", "Reconciling": "True/RateLimited",
		}))
		waiting := w.apply("waiting")
		seen(waiting).Should(haveConditions(map[string]string{
			"Ready": "False/RateLimited", "Reconciling": "True/RateLimited",
		}))
		Expect(waiting.Finalizers).To(BeEmpty(), "nothing is prepared for what cannot be sent")
		other := newSimulation()
		other.connect()
		free := other.apply("free")
		seen(free).Should(beReady())
		seen(webhook).Should(beReady())
		seen(waiting).Should(beReady())
		Expect(w.Webhooks()).To(HaveLen(2))
	})
})

var _ = Describe("After a lost response", func() {
	DescribeTable("there is exactly one remote webhook", func(action string) {
		w := newSimulation()
		startOperator()
		w.connect()
		Expect(w.AddFault(simulator.Fault{
			Match: simulator.Match{Method: "POST", Path: "/webhooks"}, Action: action,
		})).To(Succeed())
		webhook := w.apply("unlucky")
		seen(webhook).WithTimeout(time.Minute).Should(beReady())
		remote := w.remote(webhook.Spec.CallbackURL)
		var secret corev1.Secret
		key := client.ObjectKey{Namespace: w.namespace, Name: webhook.SigningSecret().Name}
		Expect(api.Get(ctx, key, &secret)).To(Succeed())
		Expect(remote.Secret).To(Equal(string(secret.Data["secret"])))
	},
		Entry("to a create that was carried out", "drop-response"),
		Entry("to a create that was not carried out", "drop-request"),
		Entry("replaced by a proxy's page", "html:502"),
		Entry("that is garbage", "garbage"),
		Entry("that breaks off", "truncate"),
	)
})

var _ = Describe("A Webhook whose requests always fail", func() {
	It("is retried with backoff, without delay for other Webhooks of its connection", func() {
		w := newSimulation()
		startOperator()
		w.connect()
		poisoned := w.apply("poisoned")
		seen(poisoned).Should(beReady())
		Expect(w.AddFault(simulator.Fault{
			Match:  simulator.Match{Method: "PATCH", Path: "/webhooks/" + poisoned.Status.WebhookID},
			Times:  simulator.Forever,
			Action: "status:500",
		})).To(Succeed())
		w.ResetRequests()
		change(poisoned, func(o *itwinv1alpha1.Webhook) { o.Spec.EventTypes = []string{"iTwins.iTwinCreated.v1"} })
		Eventually(func() int { return w.count("PATCH /webhooks/{id}") }).Should(Equal(4))
		// 1, 2 and 4 seconds lie between the four; without the rests there would be a list and a call every second.
		lists := w.count("GET /webhooks")
		Expect(lists).To(BeNumerically("<=", 6))
		for _, name := range []string{"a", "b", "c"} {
			seen(w.apply(name)).Should(beReady())
		}
		w.ClearFaults()
		change(poisoned, func(o *itwinv1alpha1.Webhook) { o.Spec.EventTypes = []string{"iTwins.iTwinDeleted.v1"} })
		seen(poisoned).Should(beReady())
	})
})

package controllers_test

import (
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/simulator"
)

var _ = Describe("An existing remote webhook", func() {
	const callback = "https://old.example.com/itwin"
	var w *simulation
	var id string

	create := func(callback string) string {
		GinkgoHelper()
		return w.call(w.token(), "POST", "/webhooks", fmt.Sprintf(
			`{"callbackUrl":%q,"scope":"iTwin","scopeId":%q,"eventTypes":["iTwins.iTwinCreated.v1"]}`, callback, iTwinID))
	}

	BeforeEach(func() {
		w = newSimulation()
		startOperator()
		id = create(callback)
	})

	It("is counted and never changed when no Webhook claims it", func() {
		connection := w.connect()
		webhook := w.apply("mine")
		seen(webhook).Should(beReady())
		look(webhook, "1")
		seenConnection(connection).Should(And(
			HaveField("Status.Webhooks", HaveValue(BeEquivalentTo(1))),
			HaveField("Status.UnmanagedWebhooks", HaveValue(BeEquivalentTo(1)))))
		Expect(w.remote(callback).Active).To(BeFalse())
	})

	It("is imported by its id and made equal to the spec", func() {
		w.connect()
		webhook := w.apply("imported", func(s *itwinv1alpha1.WebhookSpec) { s.WebhookID = id })
		seen(webhook).Should(beReady())
		Expect(w.Webhooks()).To(HaveLen(1))
		remote := w.remote(webhook.Spec.CallbackURL)
		Expect(remote.ID).To(Equal(id))
		Expect(remote.EventTypes).To(Equal(webhook.Spec.EventTypes))
		Eventually(eventsOf(webhook)).Should(ConsistOf("Adopted"))
		Expect(webhook.Status.Deactivations).To(BeZero())
	})

	It("that does not exist cannot be imported", func() {
		w.connect()
		webhook := w.apply("absent", func(s *itwinv1alpha1.WebhookSpec) {
			s.WebhookID = "e6989b43-53ab-45e2-a610-560c6f7e879e"
		})
		seen(webhook).Should(haveConditions(map[string]string{"Ready": "False/NotFound", "Stalled": "True/NotFound"}))
		Expect(w.count("POST /webhooks")).To(Equal(1), "the one that made the other webhook")
		Expect(api.Delete(ctx, webhook)).To(Succeed())
		gone(webhook).Should(Satisfy(apierrors.IsNotFound))
	})

	It("is adopted when its callback matches and adoptionPolicy is Matching", func() {
		w.connect()
		webhook := w.apply("adopting", func(s *itwinv1alpha1.WebhookSpec) {
			s.CallbackURL, s.AdoptionPolicy = callback, itwinv1alpha1.AdoptMatching
		})
		seen(webhook).Should(beReady())
		Expect(webhook.Status.WebhookID).To(Equal(id))
		Expect(w.Webhooks()).To(HaveLen(1))
		Eventually(eventsOf(webhook)).Should(ConsistOf("Adopted"))
	})

	It("is not adopted when adoptionPolicy is not Matching", func() {
		w.connect()
		webhook := w.apply("second", func(s *itwinv1alpha1.WebhookSpec) { s.CallbackURL = callback })
		seen(webhook).Should(beReady())
		Expect(webhook.Status.WebhookID).NotTo(Equal(id))
		Expect(w.remotes(callback)).To(HaveLen(2))
	})

	It("is owned by the older of two Webhooks that import it, until the older one is deleted", func() {
		w.connect()
		older := w.apply("older", func(s *itwinv1alpha1.WebhookSpec) { s.WebhookID, s.DeletionPolicy = id, itwinv1alpha1.RetainRemote })
		seen(older).Should(beReady())
		younger := w.apply("younger", func(s *itwinv1alpha1.WebhookSpec) { s.WebhookID = id })
		claimed := map[string]string{"Ready": "False/AlreadyClaimed", "Stalled": "True/AlreadyClaimed"}
		seen(younger).Should(haveConditions(claimed))
		Expect(readyMessage(younger)).To(ContainSubstring(w.namespace + "/older"))
		Expect(api.Delete(ctx, older)).To(Succeed())
		seen(younger).Should(beReady())
		Expect(w.remote(younger.Spec.CallbackURL).ID).To(Equal(id))
	})
})

var _ = Describe("Two connections of different accounts", func() {
	It("never see each other's webhooks, not even when the credentials change to another account", func() {
		w := newSimulation()
		startOperator()
		connection := w.connect()
		webhook := w.apply("moving")
		seen(webhook).Should(beReady())
		old := webhook.Status.WebhookID

		var credentials corev1.Secret
		key := client.ObjectKey{Namespace: w.namespace, Name: "credentials"}
		Expect(api.Get(ctx, key, &credentials)).To(Succeed())
		credentials.StringData = map[string]string{"clientId": "another-account"}
		Expect(api.Update(ctx, &credentials)).To(Succeed())
		seen(webhook).Should(HaveField("Status.WebhookID", Not(Equal(old))))
		seen(webhook).Should(haveConditions(map[string]string{
			"Ready": "True/InSync", "Active": "True/Active", "LeftBehind": "True/LeftBehind",
		}))
		look(webhook, "1")
		seenConnection(connection).Should(HaveField("Status.UnmanagedWebhooks", HaveValue(BeEquivalentTo(0))))
		Expect(w.remotes(webhook.Spec.CallbackURL)).To(HaveLen(2))
	})
})

var _ = Describe("A ClusterConnection", func() {
	It("serves only the namespaces and hosts that it allows, and turns off what it no longer allows", func() {
		w := newSimulation()
		startOperator()
		w.credentials("credentials", clientID)
		connection := &itwinv1alpha1.ClusterConnection{
			ObjectMeta: metav1.ObjectMeta{GenerateName: "shared-"}, Spec: w.connectionSpec(),
		}
		connection.Spec.CredentialsSecretRef.Namespace = w.namespace
		connection.Spec.AllowedCallbackHosts = []string{"*.example.com"}
		Expect(api.Create(ctx, connection)).To(Succeed())
		DeferCleanup(func() { Expect(api.Delete(ctx, connection)).To(Succeed()) })
		through := func(s *itwinv1alpha1.WebhookSpec) {
			s.ConnectionRef = itwinv1alpha1.ConnectionReference{
				Kind: itwinv1alpha1.ConnectionKindCluster, Name: connection.Name,
			}
		}
		forbidden := haveReady("False/ConnectionNotAllowed")
		webhook := w.apply("tenant", through)
		seen(webhook).Should(forbidden)
		Expect(w.changes()).To(BeZero())

		By("labelling the namespace")
		before := connection.DeepCopy()
		connection.Spec.AllowedNamespaces = &metav1.LabelSelector{MatchLabels: map[string]string{"tenant": "yes"}}
		Expect(api.Patch(ctx, connection, client.MergeFrom(before))).To(Succeed())
		still(webhook).Should(forbidden)
		w.label(map[string]string{"tenant": "yes"})
		seen(webhook).Should(beReady())

		By("taking the label away")
		w.label(map[string]string{"tenant": "no"})
		seen(webhook).Should(haveConditions(map[string]string{
			"Ready": "False/ConnectionNotAllowed", "Active": "False/Inactive",
		}))
		Expect(w.remote(webhook.Spec.CallbackURL).Active).To(BeFalse())
		w.label(map[string]string{"tenant": "yes"})
		seen(webhook).Should(And(beReady(), haveDeactivations(0)))

		By("forbidding the host")
		before = connection.DeepCopy()
		connection.Spec.AllowedCallbackHosts = []string{"other.example.com"}
		Expect(api.Patch(ctx, connection, client.MergeFrom(before))).To(Succeed())
		seen(webhook).Should(forbidden)
		Expect(w.remote(webhook.Spec.CallbackURL).Active).To(BeFalse())

		By("importing the forbidden webhook, which has no effect")
		thief := w.webhook("thief", through, func(s *itwinv1alpha1.WebhookSpec) { s.WebhookID = webhook.Status.WebhookID })
		thief.Finalizers = []string{itwinv1alpha1.WebhookFinalizer}
		Expect(api.Create(ctx, thief)).To(Succeed())
		seen(thief).Should(forbidden)
		changes := w.changes()
		Expect(api.Delete(ctx, thief)).To(Succeed())
		gone(thief).Should(Satisfy(apierrors.IsNotFound))
		Expect(w.changes()).To(Equal(changes))
		still(webhook).Should(forbidden)

		By("deleting the Webhook, which is still possible")
		Expect(api.Delete(ctx, webhook)).To(Succeed())
		gone(webhook).Should(Satisfy(apierrors.IsNotFound))
		Expect(w.Webhooks()).To(BeEmpty())
	})
})

var _ = Describe("Two shards of one account", func() {
	It("hand a Webhook over in the middle of a create without making two", func() {
		w := newSimulation()
		startOperator(withSelector("shard=north"))
		startOperator(withSelector("shard=south"))
		connection := w.connect()
		seenConnection(connection).Should(haveReady("True/Connected"))
		Expect(w.AddFault(simulator.Fault{
			Match: simulator.Match{Method: "POST", Path: "/webhooks"}, Action: "drop-response",
		})).To(Succeed())
		webhook := w.webhook("moving")
		webhook.Labels = map[string]string{"shard": "north"}
		Expect(api.Create(ctx, webhook)).To(Succeed())
		Eventually(func() int { return w.count("POST /webhooks") }).Should(Equal(1))
		seen(webhook).Should(HaveField("Finalizers", Not(BeEmpty())))
		change(webhook, func(o *itwinv1alpha1.Webhook) { o.Labels["shard"] = "south" })
		seen(webhook).WithTimeout(time.Minute).Should(beReady())
		Expect(w.remotes(webhook.Spec.CallbackURL)).To(HaveLen(1))
	})

	It("leave each other's webhooks alone and count all of them", func() {
		w := newSimulation()
		north := startOperator(withSelector("shard=north"))
		south := startOperator(withSelector("shard=south"))
		connection := w.connect()
		var webhooks []*itwinv1alpha1.Webhook
		for _, shard := range []string{"north", "south"} {
			webhook := w.webhook(shard)
			webhook.Labels = map[string]string{"shard": shard}
			Expect(api.Create(ctx, webhook)).To(Succeed())
			webhooks = append(webhooks, webhook)
		}
		stray := w.apply("stray")
		for _, webhook := range webhooks {
			seen(webhook).Should(beReady())
		}
		Expect(w.count("POST /webhooks")).To(Equal(2))
		Expect(w.count("PATCH /webhooks/{id}")).To(Equal(2))
		Expect(north.writes.of("POST secrets")).To(Equal(1))
		Expect(south.writes.of("POST secrets")).To(Equal(1))
		for _, webhook := range webhooks {
			look(webhook, "1")
		}
		seenConnection(connection).Should(And(
			HaveField("Status.Webhooks", HaveValue(BeEquivalentTo(3))),
			HaveField("Status.UnmanagedWebhooks", HaveValue(BeEquivalentTo(0)))))
		still(stray).Should(HaveField("Status.ObservedGeneration", BeEquivalentTo(-1)))
	})
})

var _ = Describe("A connection in trouble", func() {
	It("does not slow another's new Webhook down", func() {
		startOperator()
		dead := newSimulation()
		connection := dead.connect()
		first := dead.apply("first")
		seen(first).Should(beReady())
		Expect(dead.AddFault(simulator.Fault{
			Match: simulator.Match{Path: "/webhooks"}, Times: simulator.Forever, Action: "delay:1m",
		})).To(Succeed())
		for i := range 50 {
			dead.apply(fmt.Sprintf("waiting-%d", i))
		}
		Eventually(func() int { return dead.count("POST /webhooks") }).Should(BeNumerically(">", 1))
		alive := newSimulation()
		alive.connect()
		for i := range 5 {
			seen(alive.apply(fmt.Sprintf("free-%d", i))).WithTimeout(8 * time.Second).Should(beReady())
		}
		seenConnection(connection).Should(haveReady("False/PlatformUnavailable"))
		Expect(dead.count("POST /webhooks")).To(BeNumerically("<=", 9), "no more than the calls in flight at once")
		dead.ClearFaults()
	})

	It("reports refused credentials and recovers when the credentials change", func() {
		w := newSimulation()
		op := startOperator()
		Expect(w.AddFault(simulator.Fault{
			Match: simulator.Match{Path: "/connect/token"}, Times: simulator.Forever, Action: "status:401",
		})).To(Succeed())
		connection := w.connect()
		webhook := w.apply("early")
		seenConnection(connection).Should(haveConditions(map[string]string{
			"Ready": "False/Unauthorized", "Stalled": "True/Unauthorized",
		}))
		seen(webhook).Should(haveReady("False/ConnectionNotReady"))
		op.writes.reset()
		Consistently(op.writes.total).Should(BeZero())
		w.ClearFaults()
		var credentials corev1.Secret
		Expect(api.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: "credentials"}, &credentials)).To(Succeed())
		credentials.StringData = map[string]string{"clientSecret": "right"}
		Expect(api.Update(ctx, &credentials)).To(Succeed())
		seen(webhook).Should(beReady())
		seenConnection(connection).Should(haveConditions(map[string]string{"Ready": "True/Connected"}))
	})
})

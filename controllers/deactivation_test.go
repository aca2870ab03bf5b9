package controllers_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/simulator"
)

var _ = Describe("A webhook that the platform deactivated", func() {
	var w *simulation
	var op *operator

	BeforeEach(func() {
		w = newSimulation()
		op = startOperator()
		w.connect()
	})

	deactivate := func(webhook *itwinv1alpha1.Webhook) {
		GinkgoHelper()
		_, err := w.Deactivate(webhook.Status.WebhookID)
		Expect(err).NotTo(HaveOccurred())
	}

	It("is noticed by the next poll, counted and turned on again", func() {
		webhook := w.apply("flaky")
		neighbour := w.apply("neighbour")
		seen(webhook).Should(beReady())
		seen(neighbour).Should(beReady())
		before := neighbour.ResourceVersion
		w.ResetRequests()
		op.writes.reset()
		deactivate(webhook)
		seen(webhook).Should(And(beReady(), haveDeactivations(1)))
		Expect(w.remote(webhook.Spec.CallbackURL).Active).To(BeTrue())
		Expect(webhook.Status.LastDeactivationTime).NotTo(BeNil())
		Expect(webhook.Status.LastReactivationTime).NotTo(BeNil())
		Eventually(eventsOf(webhook)).Should(ConsistOf("Created", "Deactivated", "Reactivated"))
		Expect(w.changes()).To(Equal(1))
		Expect(w.count("GET /webhooks/{id}")).To(BeZero())
		Expect(op.writes.of("PATCH webhooks/status")).To(Equal(2))
		seen(neighbour).Should(HaveField("ResourceVersion", before))
	})

	It("is turned on again after growing pauses when the platform deactivates it repeatedly", func() {
		webhook := w.apply("fight")
		seen(webhook).Should(beReady())
		deactivate(webhook)
		look(webhook, "1")
		seen(webhook).Should(And(beReady(), haveDeactivations(1)))
		deactivate(webhook)
		look(webhook, "2")
		seen(webhook).Should(And(haveDeactivations(2), haveConditions(map[string]string{
			"Ready": "False/Deactivated", "Reconciling": "True/Deactivated", "Active": "False/Deactivated",
		})))
		pause := webhook.Status.NextReactivationTime.Sub(webhook.Status.LastDeactivationTime.Time)
		Expect(pause).To(BeNumerically(">=", 10*time.Second))
		Expect(w.remote(webhook.Spec.CallbackURL).Active).To(BeFalse())

		By("requesting a reactivation")
		annotate(webhook, itwinv1alpha1.ReactivateRequestedAtAnnotation, "now")
		seen(webhook).Should(beReady())
		Expect(webhook.Status.LastHandledReactivateAt).To(Equal("now"))
		Expect(webhook.Status.NextReactivationTime).To(BeNil())
	})

	Context("with the policy OnRequest", func() {
		var webhook *itwinv1alpha1.Webhook
		off := map[string]string{
			"Ready": "False/Deactivated", "Stalled": "True/Deactivated", "Active": "False/Deactivated",
		}

		BeforeEach(func() {
			webhook = w.apply("careful", func(s *itwinv1alpha1.WebhookSpec) {
				s.ReactivationPolicy = itwinv1alpha1.ReactivateOnRequest
			})
			seen(webhook).Should(beReady())
			deactivate(webhook)
			look(webhook, "1")
			seen(webhook).Should(And(haveConditions(off), haveDeactivations(1)))
			w.ResetRequests()
		})

		It("stays off until the annotation requests a reactivation", func() {
			look(webhook, "2")
			still(webhook).Should(haveConditions(off))
			Expect(w.changes()).To(BeZero())
			annotate(webhook, itwinv1alpha1.ReactivateRequestedAtAnnotation, "2026-01-01")
			seen(webhook).Should(And(beReady(), haveDeactivations(1)))
			Eventually(eventsOf(webhook)).Should(ConsistOf("Created", "Deactivated", "Reactivated"))

			By("deactivating it again after the request was handled")
			deactivate(webhook)
			look(webhook, "3")
			seen(webhook).Should(And(haveConditions(off), haveDeactivations(2)))
		})

		It("is turned on by a change of the spec", func() {
			change(webhook, func(o *itwinv1alpha1.Webhook) { o.Spec.EventTypes = []string{"iTwins.iTwinCreated.v1"} })
			seen(webhook).Should(And(beReady(), haveDeactivations(1)))
			Expect(w.changes()).To(Equal(1))
		})

		It("stays off after a restart of the operator", func() {
			op.stop()
			startOperator()
			look(webhook, "2")
			still(webhook).Should(haveConditions(off))
			Expect(w.changes()).To(BeZero())
		})
	})

	It("while no operator ran is turned on again by the next operator", func() {
		webhook := w.apply("unattended")
		seen(webhook).Should(beReady())
		op.stop()
		deactivate(webhook)
		startOperator()
		seen(webhook).Should(And(beReady(), haveDeactivations(1)))
	})

	It("is not reported when the spec keeps the webhook off", func() {
		off := false
		webhook := w.apply("dark", func(s *itwinv1alpha1.WebhookSpec) { s.Active = &off })
		dark := map[string]string{"Ready": "True/InSync", "Active": "False/Inactive"}
		seen(webhook).Should(haveConditions(dark))
		look(webhook, "1")
		still(webhook).Should(And(haveConditions(dark), haveDeactivations(0)))
	})
})

var _ = Describe("A webhook that another client changed on the platform", func() {
	It("is corrected with one call, and the drift is reported", func() {
		w := newSimulation()
		startOperator()
		w.connect()
		webhook := w.apply("drifting")
		seen(webhook).Should(beReady())
		token := w.token()
		w.call(token, "PATCH", "/webhooks/"+webhook.Status.WebhookID,
			`{"callbackUrl":"https://elsewhere.example.com/","eventTypes":["iTwins.iTwinDeleted.v1"]}`)
		w.ResetRequests()
		look(webhook, "1")
		Eventually(func() []simulator.Webhook { return w.remotes(webhook.Spec.CallbackURL) }).Should(HaveLen(1))
		Expect(w.remote(webhook.Spec.CallbackURL).EventTypes).To(Equal(webhook.Spec.EventTypes))
		Expect(w.changes()).To(Equal(1))
		Eventually(notesOf(webhook, "Drifted")).Should(ConsistOf(And(
			ContainSubstring("elsewhere.example.com"), ContainSubstring("iTwins.iTwinDeleted.v1"))))
	})

	It("is recreated when another client deleted it", func() {
		w := newSimulation()
		startOperator()
		w.connect()
		webhook := w.apply("lost")
		seen(webhook).Should(beReady())
		old := webhook.Status.WebhookID
		w.call(w.token(), "DELETE", "/webhooks/"+old, "")
		w.ResetRequests()
		look(webhook, "1")
		seen(webhook).Should(HaveField("Status.WebhookID", Not(Equal(old))))
		seen(webhook).Should(And(beReady(), haveDeactivations(0)))
		Expect(w.remote(webhook.Spec.CallbackURL).ID).To(Equal(webhook.Annotations[itwinv1alpha1.WebhookIDAnnotation]))
		Expect(w.count("GET /webhooks/{id}")).To(Equal(1))
		Expect(w.changes()).To(Equal(2))
		Eventually(eventsOf(webhook)).Should(ContainElement("Drifted"))
	})

	It("is not changed when a list lacks it but a read finds it", func() {
		w := newSimulation()
		startOperator()
		w.connect()
		webhook := w.apply("unlisted")
		seen(webhook).Should(beReady())
		Expect(w.AddFault(simulator.Fault{
			Match: simulator.Match{Method: "GET", Path: "/webhooks"}, Times: simulator.Forever, Action: "empty-list",
		})).To(Succeed())
		w.ResetRequests()
		look(webhook, "1")
		Eventually(func() int { return w.count("GET /webhooks/{id}") }).Should(Equal(1))
		still(webhook).Should(beReady())
		Expect(w.changes()).To(BeZero())
	})

	It("is not changed when a list is garbage", func() {
		w := newSimulation()
		startOperator()
		connection := w.connect()
		webhook := w.apply("unread")
		seen(webhook).Should(beReady())
		for _, action := range []string{"garbage", "truncate", "html:200"} {
			Expect(w.AddFault(simulator.Fault{
				Match: simulator.Match{Method: "GET", Path: "/webhooks"}, Times: 2, Action: action,
			})).To(Succeed())
		}
		w.ResetRequests()
		annotate(webhook, itwinv1alpha1.ReconcileRequestedAtAnnotation, "1")
		seenConnection(connection).Should(haveReady("False/PlatformUnavailable"))
		Eventually(func() int { return len(w.Faults()) }).Should(BeZero())
		seenConnection(connection).Should(haveReady("True/Connected"))
		still(webhook).Should(beReady())
		Expect(w.changes()).To(BeZero())
		Expect(w.count("GET /webhooks/{id}")).To(BeZero())
	})
})

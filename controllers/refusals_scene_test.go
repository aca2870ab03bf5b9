package controllers_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// refusal is one way in which the API server says no: what it does, and what the operator says and does about it.
type refusal struct {
	name string
	// fresh: the Webhook is made after the refusal begins. Otherwise it is ready before.
	fresh bool
	// refuse begins the refusal; lift ends it.
	refuse func(*refusalScene) (lift func())
	// trigger makes the operator send what is refused; nil when a fresh Webhook does.
	trigger func(*refusalScene)
	// ready is the Ready condition, and words what its message has; "" for a condition that cannot be written.
	ready, words string
	// event has these words when the status cannot be written: it, the log and the metric report the refusal instead.
	event, metric string
	// retried is the request that is tried again.
	retried string
	// meanwhile is what is not delayed.
	meanwhile func(*refusalScene)
	// recovered is what holds in the end; nil: the Webhook is ready, and has one active remote webhook.
	recovered func(*refusalScene)
}

// refusalScene is the simulation of one refusal.
type refusalScene struct {
	*simulation
	row refusal
	// unbind takes the shipped role away.
	unbind     func()
	server     *apiServer
	connection *itwinv1alpha1.Connection
	subject    *itwinv1alpha1.Webhook
	// began is when the refusal did, reported when the operator had reported it.
	began, reported time.Time
	// changesBefore is how many changes of the remote side came before.
	changesBefore int
}

// play begins the refusal, waits until it is reported, ends it, and waits until what it held up is done.
func (s *refusalScene) play() {
	defer GinkgoRecover()
	if !s.row.fresh {
		s.subject = s.apply("subject")
		seen(s.subject).Should(beReady(), s.row.name)
	}
	lift := s.row.refuse(s)
	s.began, s.changesBefore = time.Now(), s.changes()
	if s.row.fresh {
		s.subject = s.apply("subject")
	}
	if s.row.trigger != nil {
		s.row.trigger(s)
	}
	s.isReported()
	s.reported = time.Now()
	if s.row.meanwhile != nil {
		s.row.meanwhile(s)
	}
	s.quiet()
	lift()
	lifted := time.Now()
	if s.row.recovered != nil {
		s.row.recovered(s)
	} else {
		s.isReady()
	}
	s.keepsSecrets()
	fmt.Fprintf(GinkgoWriter, "%-60s reported after %4.1f s, recovered after %4.1f s, %d writes, %d remote changes\n",
		s.row.name, s.reported.Sub(s.began).Seconds(), time.Since(lifted).Seconds(),
		s.server.since(s.namespace, "", s.began), s.changes()-s.changesBefore)
}

// isReported waits, no longer than 30 s, until the refusal is reported.
func (s *refusalScene) isReported() {
	if s.row.ready != "" {
		Eventually(func(g Gomega) {
			g.Expect(api.Get(ctx, client.ObjectKeyFromObject(s.subject), s.subject)).To(Succeed())
			ready := apimeta.FindStatusCondition(s.subject.Status.Conditions, itwinv1alpha1.ReadyCondition)
			g.Expect(ready).NotTo(BeNil())
			g.Expect(string(ready.Status) + "/" + ready.Reason).To(Equal(s.row.ready))
			g.Expect(ready.Message).To(ContainSubstring(s.row.words))
		}).WithTimeout(30*time.Second).Should(Succeed(), s.row.name)
	}
	if s.row.event != "" {
		about := client.Object(s.subject)
		if strings.Contains(s.row.metric, "connection") {
			about = s.connection
		}
		Eventually(notesOf(about, itwinv1alpha1.KubernetesRefusedReason)).WithTimeout(30*time.Second).
			Should(ConsistOf(ContainSubstring(s.row.event)), s.row.name)
		Eventually(s.server.logged).WithArguments(s.namespace).
			Should(ContainElement(And(ContainSubstring("refused to write the status"), ContainSubstring(s.row.event))), s.row.name)
		Expect(counted(s.row.metric, s.namespace)).To(BeNumerically(">=", 1), s.row.name)
	}
}

// quiet counts what is tried again while the refusal lasts: twice a minute, and nothing else.
func (s *refusalScene) quiet() {
	const window = 5 * time.Second
	from, remote := time.Now(), s.changes()
	time.Sleep(window)
	Expect(s.changes()).To(Equal(remote), "%s: changes of the remote side", s.row.name)
	Expect(s.server.since(s.namespace, "", from)).To(BeNumerically("<=", 3), "%s: writes", s.row.name)
	if s.row.retried != "" {
		Expect(s.server.since(s.namespace, s.row.retried, s.began)).To(BeNumerically(">=", 1), s.row.name)
		Expect(s.server.since(s.namespace, s.row.retried, from)).To(BeNumerically("<=", 2), s.row.name)
	}
}

// isReady waits, no longer than a minute, until the Webhook is what it would be without the refusal.
func (s *refusalScene) isReady() {
	seen(s.subject).WithTimeout(time.Minute).Should(beReady(), s.row.name)
	Expect(s.Webhooks()).To(HaveLen(1), s.row.name)
	Expect(s.Webhooks()[0].Active).To(BeTrue(), s.row.name)
	Expect(s.count("POST /webhooks")).To(Equal(1), s.row.name)
}

// isGone waits until the Webhook, and its remote webhook, are gone.
func (s *refusalScene) isGone() {
	gone(s.subject).WithTimeout(time.Minute).ShouldNot(Succeed(), s.row.name)
	Expect(s.Webhooks()).To(BeEmpty(), s.row.name)
	Expect(s.count("DELETE /webhooks/{id}")).To(Equal(1), s.row.name)
}

// keepsSecrets: nothing that is reported has a value of a Secret in it.
func (s *refusalScene) keepsSecrets() {
	var secrets corev1.SecretList
	Expect(api.List(ctx, &secrets, client.InNamespace(s.namespace))).To(Succeed())
	text := strings.Join(append(s.messages(), s.server.logged(s.namespace)...), "\n")
	for _, secret := range secrets.Items {
		for key, value := range secret.Data {
			if key == "clientId" {
				continue
			}
			Expect(text).NotTo(ContainSubstring(string(value)), "%s: %s of %s", s.row.name, key, secret.Name)
			Expect(text).NotTo(ContainSubstring(base64.StdEncoding.EncodeToString(value)), s.row.name)
		}
	}
}

// sent waits for a change of the remote side by its spec.
func (s *refusalScene) sent(eventTypes ...string) {
	Eventually(func() []string { return s.remote(s.subject.Spec.CallbackURL).EventTypes }).
		Should(ConsistOf(eventTypes), s.row.name)
}

// edit changes the event types of the Webhook.
func (s *refusalScene) edit(eventTypes ...string) {
	change(s.subject, func(w *itwinv1alpha1.Webhook) { w.Spec.EventTypes = eventTypes })
}

// policy denies what matches in the namespace of the scene.
type policy struct {
	group, resource, expression string
	operations                  []admissionv1.OperationType
	// message is CEL; "" for plain words.
	message string
	// probe sends a request that the policy denies.
	probe func(*refusalScene) error
}

const denied = "denied by the policy of this test"

// deny puts a policy into force.
func deny(p policy) func(*refusalScene) func() {
	return func(s *refusalScene) func() {
		validation := admissionv1.Validation{Expression: p.expression, Message: denied, MessageExpression: p.message}
		object := &admissionv1.ValidatingAdmissionPolicy{
			ObjectMeta: metav1.ObjectMeta{Name: s.namespace},
			Spec: admissionv1.ValidatingAdmissionPolicySpec{
				MatchConstraints: &admissionv1.MatchResources{
					NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: s.namespace}},
					ResourceRules: []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
						Operations: p.operations, Rule: admissionv1.Rule{
							APIGroups: []string{p.group}, APIVersions: []string{"*"}, Resources: []string{p.resource},
						},
					}}},
				},
				Validations: []admissionv1.Validation{validation},
			},
		}
		binding := &admissionv1.ValidatingAdmissionPolicyBinding{
			ObjectMeta: metav1.ObjectMeta{Name: s.namespace},
			Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
				PolicyName: s.namespace, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
			},
		}
		Expect(api.Create(ctx, object)).To(Succeed())
		Expect(api.Create(ctx, binding)).To(Succeed())
		Eventually(func() error { return p.probe(s) }).Should(MatchError(ContainSubstring(denied)), s.row.name)
		return func() {
			Expect(api.Delete(ctx, binding)).To(Succeed())
			Expect(api.Delete(ctx, object)).To(Succeed())
			Eventually(func() error { return p.probe(s) }).Should(Succeed(), s.row.name)
		}
	}
}

// quota lets no more Secrets be created. No controller counts them here: the status says what one would.
func quota(s *refusalScene) func() {
	limit := corev1.ResourceList{"count/secrets": resource.MustParse("1")}
	q := &corev1.ResourceQuota{ObjectMeta: objectMeta(s.namespace, "secrets"), Spec: corev1.ResourceQuotaSpec{Hard: limit}}
	Expect(api.Create(ctx, q)).To(Succeed())
	q.Status = corev1.ResourceQuotaStatus{Hard: limit, Used: limit}
	Expect(api.Status().Update(ctx, q)).To(Succeed())
	Eventually(func() error { return api.Create(ctx, s.probeSecret(), client.DryRunAll) }).
		Should(MatchError(ContainSubstring("exceeded quota")))
	return func() { Expect(api.Delete(ctx, q)).To(Succeed()) }
}

func (s *refusalScene) probeSecret() *corev1.Secret {
	return &corev1.Secret{ObjectMeta: objectMeta(s.namespace, "probe")}
}

// lacking takes verbs of a resource away from the operator.
func lacking(resource string, verbs ...string) func(*refusalScene) func() {
	return func(s *refusalScene) func() {
		role := strings.ReplaceAll(s.namespace+"-without-"+resource, "/", "-")
		makeRole(role, shippedRules(resource, verbs...))
		s.bind(role)
		s.unbind()
		return func() { s.unbind = s.bind(fullRole) }
	}
}

package security

import (
	"net/http"
	"strings"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/simulator"
)

// scenario is something that users ask of the operator, and what it needs of the API server for that.
type scenario struct {
	name string
	// needs are grants that are of use in the scenario; clusterNeeds only where the whole cluster is served.
	needs, clusterNeeds []string
	// clusterWide scenarios are about what exists only there.
	clusterWide bool
	run         func(*scene)
}

// scenarios together need every grant of the operator, and no other.
var scenarios = []scenario{
	{
		name: "starts",
		needs: []string{
			"get leases.coordination.k8s.io", "create leases.coordination.k8s.io", "update leases.coordination.k8s.io",
			"create events",
			"list webhooks." + ours, "watch webhooks." + ours,
			"list connections." + ours, "watch connections." + ours,
			"list secrets", "watch secrets",
		},
		clusterNeeds: []string{
			"list namespaces", "watch namespaces", "list clusterconnections." + ours, "watch clusterconnections." + ours,
		},
		run: answersItsProbes,
	},
	{
		name: "creates a webhook with a Secret of its own",
		needs: []string{
			"get secrets", "create secrets", updateFinalizers, "patch webhooks." + ours,
			"patch webhooks." + ours + "/status", "patch connections." + ours + "/status", "create events.events.k8s.io",
		},
		run: createsAndDeletes,
	},
	{
		name:  "rotates a generated Secret, and sends a changed Secret of a user",
		needs: []string{"get secrets", "patch secrets"},
		run:   rotates,
	},
	{
		name:  "records an id although the object has changed meanwhile",
		needs: []string{"get webhooks." + ours},
		run:   recordsThroughAChange,
	},
	{
		name:  "repeats in an Event what its status could not report",
		needs: []string{"patch events.events.k8s.io"},
		run:   repeatsAnEvent,
	},
	{
		name:         "serves other namespaces through a ClusterConnection",
		clusterNeeds: []string{"patch clusterconnections." + ours + "/status"},
		clusterWide:  true,
		run:          servesTenants,
	},
	{
		name: "serves its metrics to authorized readers",
		clusterNeeds: []string{
			"create tokenreviews.authentication.k8s.io", "create subjectaccessreviews.authorization.k8s.io",
		},
		clusterWide: true,
		run:         showsMetrics,
	},
	{name: "is alive but not ready while it may not read", clusterWide: true, run: isNotReadyWithoutRights},
	{name: "reports a platform's message without secrets", run: quotesWithoutSecrets},
	{name: "reports a login's message without secrets", run: quotesLoginWithoutSecrets},
	{name: "follows no redirect", run: followsNoRedirect},
	{name: "refuses a certificate of an unknown CA", run: refusesUnknownCA},
	{name: "refuses servers below TLS 1.2", run: refusesOldTLS},
}

func createsAndDeletes(s *scene) {
	s.connect()
	w := s.apply("plain")
	s.becomes(w, itwinv1alpha1.InSyncReason)
	s.Expect(s.plane.Client.Delete(s.ctx, w)).To(Succeed())
	s.Eventually(s.platform.Webhooks).Should(BeEmpty())
}

func rotates(s *scene) {
	s.connect()
	mine := s.secret("mine", map[string]string{"secret": "first-signing-secret-" + strings.Repeat("x", 32)})
	s.add(mine)
	own, others := s.apply("own"), s.apply("others", withSecret(mine.Name))
	s.becomes(own, itwinv1alpha1.InSyncReason)
	s.becomes(others, itwinv1alpha1.InSyncReason)

	change(s, own, func(w *itwinv1alpha1.Webhook) {
		metav1.SetMetaDataAnnotation(&w.ObjectMeta, itwinv1alpha1.RotateRequestedAtAnnotation, "now")
	})
	change(s, mine, func(secret *corev1.Secret) {
		secret.StringData = map[string]string{"secret": "second-signing-secret-" + strings.Repeat("y", 32)}
	})
	s.Eventually(s.platform.secrets).Should(ContainElement(HavePrefix("second-signing-secret-")))
	var generated corev1.Secret
	key := client.ObjectKey{Namespace: s.namespace, Name: own.Name + itwinv1alpha1.GeneratedSecretSuffix}
	s.Eventually(func() (map[string][]byte, error) {
		return generated.Data, s.plane.Client.Get(s.ctx, key, &generated)
	}).Should(HaveKey("previous"))
	s.Eventually(s.platform.secrets).Should(ContainElement(string(generated.Data["secret"])))
}

func withSecret(name string) func(*itwinv1alpha1.WebhookSpec) {
	return func(spec *itwinv1alpha1.WebhookSpec) { spec.SecretRef = &itwinv1alpha1.SecretKeyReference{Name: name} }
}

func recordsThroughAChange(s *scene) {
	s.connect()
	s.Expect(s.platform.AddFault(simulator.Fault{
		Match: simulator.Match{Method: http.MethodPost, Path: "/webhooks"}, Action: "delay-response:1s",
	})).To(Succeed())
	w := s.apply("touched")
	s.Eventually(func() int { return s.calls("POST /webhooks") }).Should(Equal(1))
	change(s, w, func(w *itwinv1alpha1.Webhook) { metav1.SetMetaDataLabel(&w.ObjectMeta, "touched", "yes") })
	s.becomes(w, itwinv1alpha1.InSyncReason)
	s.Expect(s.platform.Webhooks()).To(HaveLen(1))
}

func repeatsAnEvent(s *scene) {
	s.connect()
	w := s.apply("unspeakable")
	s.becomes(w, itwinv1alpha1.InSyncReason)
	policy := s.forbidStatus(w)
	s.Expect(s.platform.AddFault(simulator.Fault{
		Match: simulator.Match{Method: http.MethodPatch}, Times: simulator.Forever, Action: "status:422",
	})).To(Succeed())
	change(s, w, func(w *itwinv1alpha1.Webhook) { w.Spec.CallbackURL = "https://refused.example.com/" })
	s.Eventually(func() (*eventsv1.EventSeries, error) {
		var events eventsv1.EventList
		err := s.plane.Client.List(s.ctx, &events, client.InNamespace(s.namespace))
		for _, e := range events.Items {
			if e.Regarding.Name == w.Name && e.Series != nil {
				return e.Series, nil
			}
		}
		return nil, err
	}).ShouldNot(BeNil())
	s.Expect(s.plane.Client.Delete(s.ctx, policy)).To(Succeed())
	s.becomes(w, itwinv1alpha1.RefusedReason)
}

func servesTenants(s *scene) {
	c := &itwinv1alpha1.ClusterConnection{ObjectMeta: metav1.ObjectMeta{Name: s.name}, Spec: s.connectionSpec()}
	c.Spec.CredentialsSecretRef.Namespace = s.namespace
	c.Spec.AllowedNamespaces = &metav1.LabelSelector{MatchLabels: map[string]string{"tenant": s.name}}
	s.add(s.credentials(), c)
	s.retire(c)
	w := s.apply("tenant", func(spec *itwinv1alpha1.WebhookSpec) {
		spec.ConnectionRef = itwinv1alpha1.ConnectionReference{Kind: itwinv1alpha1.ConnectionKindCluster, Name: c.Name}
	})
	s.becomes(w, itwinv1alpha1.ConnectionNotAllowedReason)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.namespace}}
	change(s, namespace, func(n *corev1.Namespace) { n.Labels = map[string]string{"tenant": s.name} })
	s.becomes(w, itwinv1alpha1.InSyncReason)
}

func quotesWithoutSecrets(s *scene) {
	s.connect()
	mine := s.secret("mine", map[string]string{"secret": "told-signing-secret-" + strings.Repeat("z", 32)})
	s.add(mine)
	s.platform.turn(http.HandlerFunc(s.platform.talkative))
	w := s.apply("quoted", withSecret(mine.Name))
	s.Expect(s.becomes(w, itwinv1alpha1.RefusedReason)).To(
		ContainSubstring("you said *** and ***"), "the platform is quoted, without what it may not say")
}

func quotesLoginWithoutSecrets(s *scene) {
	s.platform.turn(http.HandlerFunc(s.platform.indiscreet))
	c := s.connect()
	s.Expect(s.becomes(c, itwinv1alpha1.UnauthorizedReason)).To(ContainSubstring("not ***"))
	s.platform.turn(nil)
	before := s.calls("POST /connect/token")
	credentials := &corev1.Secret{ObjectMeta: s.meta("credentials")}
	change(s, credentials, func(secret *corev1.Secret) {
		secret.StringData = map[string]string{"clientSecret": "new-client-secret-of-" + s.name}
	})
	s.becomes(c, itwinv1alpha1.ConnectedReason)
	s.Expect(s.calls("POST /connect/token")).To(Equal(before+1), "one token, as soon as the Secret changed")
}

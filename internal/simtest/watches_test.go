package simtest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// watchCase is what one watch is needed for.
type watchCase struct {
	change string
	// before makes what is there, and act the change that the watch tells of.
	before, act func(claimScene)
	// followed reports whether the operator has done what follows from it.
	followed func(claimScene) bool
}

const teamLabel = "team"

// noticedWithin is how long the operator takes to follow a change that it is told of; nothing else makes it look so
// soon.
const noticedWithin = 5 * time.Second

// watchCases has a case for each watch of each controller, in the order of their tables.
func watchCases() map[string][]watchCase {
	return map[string][]watchCase{
		webhookController: {
			{"the spec of a Webhook is edited", nothing, func(s claimScene) { s.cluster.edit(subject, changeSpec) },
				func(s claimScene) bool { return s.remotes()[0].CallbackURL == callbackOf("elsewhere") }},
			{"a Webhook that owns what another one imports is deleted", importTwice,
				func(s claimScene) { s.cluster.remove(s.cluster.webhook("older")) },
				func(s claimScene) bool { return s.reason("younger") == itwinv1alpha1.InSyncReason }},
			{
				"another Webhook has the same callback",
				nothing,
				func(s claimScene) { s.cluster.add(newWebhook(other, likeSubject)) },
				func(s claimScene) bool { return strings.Contains(s.message(subject), "for Webhook "+other) },
			},
			{"a Secret gets another value", referToSecret, func(s claimScene) { keepSecret(nextHMAC)(s.simulation) },
				func(s claimScene) bool { return s.remotes()[1].Secret == nextHMAC }},
			{"a Connection forbids the callback", nothing, func(s claimScene) { s.editConnection(crashConnection, forbidding) },
				func(s claimScene) bool { return s.reason(subject) != itwinv1alpha1.InSyncReason }},
			{"a ClusterConnection forbids the callback", share, func(s claimScene) { s.editShared(forbidding) },
				func(s claimScene) bool { return s.reason(other) != itwinv1alpha1.InSyncReason }},
			{"a Namespace gets another label", share, func(s claimScene) { s.labelNamespace("others") },
				func(s claimScene) bool { return s.reason(other) != itwinv1alpha1.InSyncReason }},
		},
		connectionController: {
			{"a Connection is made", nothing, func(s claimScene) { s.connect(otherConnection, otherClientID) },
				func(s claimScene) bool { return s.connected(kindConnection, keyed(otherConnection)) }},
			{"the Secret of a Connection is made", func(s claimScene) {
				s.connect(otherConnection, otherClientID)
				s.cluster.remove(s.cluster.read(ref{kindSecret, keyed(otherConnection)}))
			}, func(s claimScene) { s.credentials(otherConnection, otherClientID, "pair") },
				func(s claimScene) bool { return s.connected(kindConnection, keyed(otherConnection)) }},
		},
		clusterConnectionController: {
			{"a ClusterConnection is made", nothing, func(s claimScene) { s.addShared() },
				func(s claimScene) bool { return s.connected(kindClusterConnection, client.ObjectKey{Name: "shared"}) }},
			{"the Secret of a ClusterConnection is made", func(s claimScene) {
				s.addShared()
				s.cluster.remove(s.cluster.read(ref{kindSecret, keyed("shared")}))
			}, func(s claimScene) { s.credentials("shared", sharedClientID, "pair") },
				func(s claimScene) bool { return s.connected(kindClusterConnection, client.ObjectKey{Name: "shared"}) }},
		},
	}
}

// TestWithoutAnyOneWatchAChangeIsMissed proves of each watch that without it the operator does not notice a change, and
// with all of them it does.
func TestWithoutAnyOneWatchAChangeIsMissed(t *testing.T) {
	for controller, cases := range watchCases() {
		for i, c := range cases {
			for _, missing := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s: %s, missing %t", controller, c.change, missing), func(t *testing.T) {
					inSimulation(t, func(w *simulation) { c.play(claimScene{w, NewWithT(t)}, watchNumber{controller, i}, missing) })
				})
			}
		}
	}
}

func (c watchCase) play(s claimScene, watch watchNumber, missing bool) {
	s.clusterWide = true
	s.cluster.add(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: crashNamespace, Labels: map[string]string{teamLabel: "models"},
	}})
	p := s.start()
	tables := map[string]int{
		webhookController: len(p.webhooks.Watches()), connectionController: len(p.connections.Watches()),
		clusterConnectionController: len(p.clusterConnections.Watches()),
	}
	s.Expect(watchCases()[watch.controller]).To(HaveLen(tables[watch.controller]), "each watch has a case")
	s.apply(subject)
	c.before(s)
	s.run(settleFor)
	s.Expect(c.followed(s)).To(BeFalse(), "before the change")
	if missing {
		s.leftOut = watch
	}
	c.act(s)
	s.run(noticedWithin)
	s.Expect(c.followed(s)).To(Equal(!missing))
}

func nothing(claimScene) {}

func importTwice(s claimScene) {
	id := s.createRemote(callbackOf("old"), "iModels.iModelDeleted.v1")
	s.apply("older", importing(id), retaining)
	s.apply("younger", importing(id))
}

func referToSecret(s claimScene) {
	keepSecret(firstHMAC)(s.simulation)
	s.apply("signed", referring(hmac))
}

// share makes a ClusterConnection that serves a Webhook.
func share(s claimScene) {
	s.addShared()
	s.apply(other, through("shared"))
}

func (s claimScene) addShared() {
	s.credentials("shared", sharedClientID, "pair")
	spec := s.connection(crashConnection).Spec
	shared := &itwinv1alpha1.ClusterConnection{ObjectMeta: metav1.ObjectMeta{Name: "shared"}}
	shared.Status.ObservedGeneration = -1
	shared.Spec = spec
	shared.Spec.CredentialsSecretRef = itwinv1alpha1.CredentialsReference{Namespace: crashNamespace, Name: "shared"}
	shared.Spec.AllowedNamespaces = &metav1.LabelSelector{MatchLabels: map[string]string{teamLabel: "models"}}
	s.cluster.add(shared)
}

func (s claimScene) shared() *itwinv1alpha1.ClusterConnection {
	return s.cluster.read(ref{kindClusterConnection, client.ObjectKey{Name: "shared"}}).(*itwinv1alpha1.ClusterConnection)
}

func (s claimScene) editShared(change func(*itwinv1alpha1.ConnectionSpec)) {
	c := s.shared()
	change(c.ConnectionSpec())
	c.Generation++
	s.cluster.store(c)
}

func (s claimScene) labelNamespace(team string) {
	n := s.cluster.read(ref{kindNamespace, client.ObjectKey{Name: crashNamespace}}).(*corev1.Namespace)
	n.Labels[teamLabel] = team
	s.cluster.store(n)
}

// connected reports whether a connection is there, and Ready.
func (s claimScene) connected(kind string, key client.ObjectKey) bool {
	c, exists := s.cluster.read(ref{kind, key}).(itwinv1alpha1.ConnectionObject)
	return exists && apimeta.IsStatusConditionTrue(c.ConnectionStatus().Conditions, itwinv1alpha1.ReadyCondition)
}

package bench

import (
	"crypto/rand"
	"encoding/hex"
	"slices"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/harness"
	"webhook-operator.io/itwin/internal/proof"
	"webhook-operator.io/itwin/simulator"
)

// TestSeededFleetIsInSync checks what fleets begin with that are too large to be created.
func TestSeededFleetIsInSync(t *testing.T) {
	t.Parallel()
	if seeded(slices.Max(sizes)) {
		return // TestBudgets seeds one
	}
	const n = 20
	s := newScene(t, n, nil, "")
	f := s.newFleet()
	f.connect(seldom, unlimited)
	st := &story{fleet: f, names: names("webhook", n), operator: s.startOperator("--watch-namespace=" + f.namespace)}
	st.seeding()
	f.change(st.names[n-1:], func(w *itwinv1alpha1.Webhook) { w.Spec.CallbackURL += "/moved" })
	f.awaitCalls(updates, 1)
	f.awaitReady(n)
}

const (
	// seedBatch is how many remote webhooks are seeded by one request.
	seedBatch = 1000
	// keySecret holds the operator key, as docs/security.md says.
	keySecret = "itwin-webhook-operator-key"
	keyField  = "key"
)

// pattern is a Webhook that the operator has made. Those that are seeded are like it.
type pattern struct {
	webhook itwinv1alpha1.Webhook
	secret  corev1.Secret
	key     proof.Key
}

// seeding: N Webhooks in sync, of which the operator makes the first. The others are written as it would leave them.
func (s *story) seeding() {
	s.apply(s.names[:1], nil)
	s.awaitReady(1)
	s.quiet(s.operator)
	s.must(s.operator.Stop())
	like := s.pattern(s.names[0])
	for batch := range slices.Chunk(s.names[1:], seedBatch) {
		remotes := s.seedRemotes(batch)
		s.each(batch, func(name string) error { return s.seed(like, name, remotes[name]) })
	}
	s.awaitReady(len(s.names))

	s.reset(s.operator)
	s.start(s.operator)
	s.compared()
	s.Expect(total(s.calls())).To(Equal(2), "a list and a token")
	s.Expect(s.operator.perWebhook()).To(BeEmpty(), "what was seeded is in sync")
	s.Expect(s.operator.writes("secrets")).To(BeZero())
}

// pattern reads a Webhook and what belongs to it.
func (s *story) pattern(name string) (p pattern) {
	s.Helper()
	s.must(s.plane.Client.Get(s.ctx, client.ObjectKey{Namespace: s.namespace, Name: name}, &p.webhook))
	secret := client.ObjectKey{Namespace: s.namespace, Name: p.webhook.Status.SecretName}
	s.must(s.plane.Client.Get(s.ctx, secret, &p.secret))
	var key corev1.Secret
	s.must(s.plane.Client.Get(s.ctx, client.ObjectKey{Namespace: harness.Namespace, Name: keySecret}, &key))
	p.key = proof.NewKey(key.Data[keyField])
	return p
}

// seedRemotes makes the remote webhooks of Webhooks.
func (s *story) seedRemotes(names []string) map[string]simulator.Webhook {
	s.Helper()
	seeds := make([]simulator.Seed, len(names))
	for i, name := range names {
		spec, secret := s.webhook(name, nil).Spec, make([]byte, 32)
		_, _ = rand.Read(secret) // never fails (crypto/rand)
		seeds[i] = simulator.Seed{
			ClientID: s.namespace, Scope: string(spec.Scope), ScopeID: spec.ScopeID, CallbackURL: spec.CallbackURL,
			EventTypes: spec.EventTypes, Secret: hex.EncodeToString(secret), Active: true,
		}
	}
	made, err := s.platform.AddWebhooks(s.ctx, seeds)
	s.must(err)
	remotes := map[string]simulator.Webhook{}
	for i, name := range names {
		remotes[name] = made[i]
	}
	return remotes
}

// seed writes a Webhook that has a remote webhook already, with its Secret and its status.
func (s *story) seed(like pattern, name string, remote simulator.Webhook) error {
	w := s.webhook(name, nil)
	w.Finalizers = like.webhook.Finalizers
	account := like.webhook.Status.Account
	w.Annotations = map[string]string{
		itwinv1alpha1.WebhookIDAnnotation: remote.ID,
		itwinv1alpha1.OwnerAnnotation: like.key.Owner(
			proof.Object{Namespace: w.Namespace, Name: w.Name}, proof.Remote{Account: account, ID: remote.ID}),
	}
	if err := s.plane.Client.Create(s.ctx, w); err != nil {
		return err
	}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: w.Namespace, Name: name + itwinv1alpha1.GeneratedSecretSuffix, Labels: like.secret.Labels,
			OwnerReferences: slices.Clone(like.secret.OwnerReferences),
		},
		Type: like.secret.Type, Data: map[string][]byte{itwinv1alpha1.DefaultSecretKey: []byte(remote.Secret)},
	}
	secret.OwnerReferences[0].Name, secret.OwnerReferences[0].UID = w.Name, w.UID
	if err := s.plane.Client.Create(s.ctx, secret); err != nil {
		return err
	}
	like.webhook.Status.DeepCopyInto(&w.Status)
	w.Status.WebhookID, w.Status.CallbackURL = remote.ID, remote.CallbackURL
	w.Status.Created = &metav1.MicroTime{Time: remote.Created.Time}
	w.Status.Modified = &metav1.MicroTime{Time: remote.Modified.Time}
	w.Status.SecretName, w.Status.SecretVersion = secret.Name, secret.ResourceVersion
	w.Status.SecretFingerprint = like.key.Fingerprint(remote.Secret)
	return s.plane.Client.Status().Update(s.ctx, w)
}

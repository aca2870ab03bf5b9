package cli

import (
	"fmt"
	"strings"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/harness"
	"webhook-operator.io/itwin/simulator"
)

const (
	writesByPatch, writesByPost = "PATCH /webhooks/{id}", "POST /webhooks"
	deletes, lists              = "DELETE /webhooks/{id}", "GET /webhooks"
)

// foreign are webhooks that scripts made, whose receivers have their secrets.
type foreign struct {
	*scene
	receiver *harness.Receiver
	webhooks []simulator.Webhook
	// off is the one that is turned off.
	off simulator.Webhook
}

// newForeign makes some webhooks by hand; the last one is off.
func newForeign(s *scene, n int) *foreign {
	s.Helper()
	receiver, err := harness.StartReceiver(nil)
	s.Must(err)
	s.Cleanup(func() { _ = receiver.Close() })
	f := &foreign{scene: s, receiver: receiver}
	seeds := make([]simulator.Seed, n)
	for i := range seeds {
		seeds[i] = simulator.Seed{
			ClientID: s.Namespace, Scope: "iTwin", ScopeID: iTwin, EventTypes: []string{eventType},
			CallbackURL: fmt.Sprintf("%s/itwin/line-%02d", receiver.URL, i), Active: i < n-1,
			Secret: fmt.Sprintf("the-secret-that-receiver-%02d-was-given", i),
		}
	}
	f.webhooks, err = s.Platform.AddWebhooks(s.Ctx, seeds)
	s.Must(err)
	f.off = f.webhooks[n-1]
	secrets := map[string]string{}
	for _, w := range f.webhooks {
		secrets[strings.TrimPrefix(w.CallbackURL, receiver.URL)] = w.Secret
	}
	receiver.Trust(func(path string) []string { return []string{secrets[path]} })
	s.Must(s.Platform.ResetRequests(s.Ctx))
	return f
}

// unmanagedBecomes waits for what the connection counts.
func (f *foreign) unmanagedBecomes(n int) {
	f.Helper()
	f.Eventually(func() *int32 {
		var c itwinv1alpha1.Connection
		f.Must(plane.Client.Get(f.Ctx, client.ObjectKey{Namespace: f.Namespace, Name: "default"}, &c))
		return c.Status.UnmanagedWebhooks
	}).Should(HaveValue(BeEquivalentTo(n)))
}

// apply applies manifests.
func (f *foreign) apply(manifests string) {
	f.Helper()
	_, err := plane.KubectlWith(f.Ctx, manifests, "apply", "-f", "-")
	f.Must(err)
}

// parsed reads manifests in YAML.
func (f *foreign) parsed(manifests string) (webhooks []itwinv1alpha1.Webhook) {
	f.Helper()
	for text := range strings.SplitSeq(manifests, "---\n") {
		var w itwinv1alpha1.Webhook
		f.Must(yaml.UnmarshalStrict([]byte(text), &w))
		if w.Name != "" {
			webhooks = append(webhooks, w)
		}
	}
	return webhooks
}

// resume ends the suspension of all.
func (f *foreign) resume(webhooks []itwinv1alpha1.Webhook) {
	f.Helper()
	for i := range webhooks {
		_, err := plane.Kubectl(f.Ctx, "patch", "webhook", webhooks[i].Name, "-n", f.Namespace, "--type=merge",
			`-p={"spec":{"suspend":false}}`)
		f.Must(err)
	}
}

// areReady waits until all are in sync.
func (f *foreign) areReady(webhooks []itwinv1alpha1.Webhook) {
	f.Helper()
	for i := range webhooks {
		f.becomes(webhooks[i].Name, itwinv1alpha1.ReadyCondition, itwinv1alpha1.InSyncReason)
	}
}

// calls counts the calls of a route.
func (f *foreign) calls(route string) int {
	f.Helper()
	counts, err := f.Platform.Requests(f.Ctx)
	f.Must(err)
	return counts.Counts[route]
}

// verify publishes an event, and waits until each receiver whose webhook is on has verified it.
func (f *foreign) verify() {
	f.Helper()
	before := len(f.receiver.Deliveries())
	_, err := f.Platform.Publish(f.Ctx, simulator.Event{ClientID: f.Namespace, EventType: eventType, ITwinID: iTwin})
	f.Must(err)
	f.Eventually(func() int { return len(f.receiver.Deliveries()) - before }).Should(Equal(len(f.webhooks) - 1))
	for _, d := range f.receiver.Deliveries()[before:] {
		f.Expect(d.Taken()).To(BeTrue(), "%+v", d)
		f.Expect(d.WebhookID).NotTo(Equal(f.off.ID))
	}
}

// unchanged expects the remote webhooks to be as they were, but for their times.
func (f *foreign) unchanged() {
	f.Helper()
	now, err := f.Platform.Webhooks(f.Ctx)
	f.Must(err)
	f.Expect(now).To(HaveLen(len(f.webhooks)))
	for i, w := range now {
		w.Modified = f.webhooks[i].Modified
		f.Expect(w).To(Equal(f.webhooks[i]))
	}
}

// userWith makes a user with rights in the namespace of the scene, and returns the user's kubeconfig.
func (s *scene) userWith(verbs, resources string) (kubeconfig string) {
	s.Helper()
	role := fmt.Sprintf("user-%d", strings.Count(resources, ","))
	user := role + "-of-" + s.Namespace
	for _, args := range [][]string{
		{"create", "role", role, "-n", s.Namespace, "--verb=" + verbs, "--resource=" + resources},
		{"create", "rolebinding", role, "-n", s.Namespace, "--role=" + role, "--user=" + user},
	} {
		_, err := plane.Kubectl(s.Ctx, args...)
		s.Must(err)
	}
	kubeconfig, err := plane.KubeconfigOf(user)
	s.Must(err)
	return kubeconfig
}

// staysOff lets the platform turn one off whose secret is not known: turning it on again would replace the secret.
func (f *foreign) staysOff(name string) {
	f.Helper()
	f.Must(f.Platform.Deactivate(f.Ctx, f.read(name).Spec.WebhookID))
	f.becomes(name, itwinv1alpha1.ReadyCondition, itwinv1alpha1.DeactivatedReason)
	f.Expect(f.calls(writesByPatch)).To(BeZero())
}

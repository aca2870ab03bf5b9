package itwintest_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/itwintest"
	"webhook-operator.io/itwin/simulator"
)

const namespace = "default"

func startAPIServer(t *testing.T) *rest.Config {
	environment := &envtest.Environment{CRDs: itwintest.CRDs()}
	config, err := environment.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = environment.Stop() })
	return config
}

func newWebhook(name, connection string, more ...map[string]string) *itwinv1alpha1.Webhook {
	w := &itwinv1alpha1.Webhook{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: itwinv1alpha1.WebhookSpec{
			CallbackURL: "https://hooks.example.com/" + name, Scope: "Account", EventTypes: []string{"iModels.iModelDeleted.v1"},
			ConnectionRef: itwinv1alpha1.ConnectionReference{Name: connection},
		},
	}
	for _, l := range more {
		w.Labels = l
	}
	return w
}

func TestCRDsAreCopiesOfEachKind(t *testing.T) {
	g := NewWithT(t)
	var kinds []string
	for _, crd := range itwintest.CRDs() {
		kinds = append(kinds, crd.Spec.Names.Kind)
		crd.Spec.Group = "changed"
	}
	g.Expect(kinds).To(ConsistOf("Webhook", "Connection", "ClusterConnection"))
	g.Expect(itwintest.CRDs()[0].Spec.Group).To(Equal(itwinv1alpha1.GroupVersion.Group))
}

func TestOperatorInATest(t *testing.T) {
	config := startAPIServer(t)
	t.Run("A restart changes nothing", func(t *testing.T) {
		g := NewWithT(t)
		o := itwintest.Start(t, config, itwintest.Options{})
		o.Connect(namespace, "restarted")
		w := newWebhook("restarted", "restarted")
		g.Expect(o.Client.Create(t.Context(), w)).To(Succeed())
		o.AwaitReady(w)
		before := w.DeepCopy()
		o.Platform.ResetRequests()

		o.Restart()
		o.RequestReconcile(w)
		o.Await(w, "reconciled", func() bool { return w.Status.LastHandledReconcileAt != "" })

		g.Expect(w.Status.WebhookID).To(Equal(before.Status.WebhookID))
		for call, count := range o.Platform.Requests().Counts {
			if count > 0 {
				g.Expect(call).To(Or(HavePrefix("GET "), ContainSubstring("/connect/token")))
			}
		}
		t.Cleanup(func() {
			o.Delete(w)
			g.Expect(o.Platform.Webhooks()).To(BeEmpty())
		})
	})
	t.Run("Operators with different labels share a namespace", func(t *testing.T) {
		g := NewWithT(t)
		shards := map[string]*itwintest.Operator{}
		for _, shard := range []string{"a", "b"} {
			shards[shard] = itwintest.Start(t, config, itwintest.Options{
				Namespaces: []string{namespace}, Selector: labels.SelectorFromSet(labels.Set{"shard": shard}),
			})
		}
		shards["a"].Connect(namespace, "shared")
		w := newWebhook("shard-b", "shared", map[string]string{"shard": "b"})
		g.Expect(shards["b"].Client.Create(t.Context(), w)).To(Succeed())
		shards["b"].AwaitReady(w)
		g.Expect(shards["a"].Platform.Webhooks()).To(HaveLen(1))
		shards["a"].Stop()
		shards["b"].Delete(w)
	})
	t.Run("A wait that fails shows the conditions", func(t *testing.T) {
		g := NewWithT(t)
		ctx, cancel := context.WithCancel(t.Context())
		r := &recorder{TB: t, ctx: ctx}
		o := itwintest.Start(r, config, itwintest.Options{})
		o.Connect(namespace, "refused")
		g.Expect(o.Platform.AddFault(simulator.Fault{
			Match: simulator.Match{Method: "POST", Path: "/webhooks"}, Times: simulator.Forever, Action: "status:422",
		})).To(Succeed())
		w := newWebhook("refused", "refused")
		g.Expect(o.Client.Create(ctx, w)).To(Succeed())
		o.AwaitReason(w, itwinv1alpha1.RefusedReason)

		failure := r.failureOf(func() {
			o.Await(w, "Ready", func() bool {
				cancel()
				return false
			})
		})
		g.Expect(failure).To(And(
			ContainSubstring("*v1alpha1.Webhook default/refused has not become Ready"), ContainSubstring("Ready=False Refused: ")))
		r.ctx = t.Context()
		o.Platform.ClearFaults()
		o.Delete(w)
	})
}

// recorder is a test whose failure is kept.
type recorder struct {
	testing.TB
	ctx     context.Context
	failure strings.Builder
}

func (r *recorder) Context() context.Context { return r.ctx }

func (r *recorder) Fatalf(format string, args ...any) {
	fmt.Fprintf(&r.failure, format, args...)
	runtime.Goexit()
}

// failureOf returns the words with which a step fails the test.
func (r *recorder) failureOf(step func()) string {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		step()
	}()
	<-ended
	return r.failure.String()
}

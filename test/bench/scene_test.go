package bench

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/figures"
	"webhook-operator.io/itwin/internal/harness"
	"webhook-operator.io/itwin/simulator"
)

const (
	credentials = "itwin-service-app"
	iTwin       = "5c9d64cf-d22f-4149-ad08-c24ff395c3a0"
	// writers is how many requests the benchmark sends to the API server at the same time.
	writers = 16
	// unlimited is a requestsPerMinute that nothing here reaches.
	unlimited = 1_000_000
)

// Routes of the platform, as the simulator counts them.
const (
	tokens  = "POST /connect/token"
	creates = "POST /webhooks"
	lists   = "GET /webhooks"
	gets    = "GET /webhooks/{id}"
	updates = "PATCH /webhooks/{id}"
	deletes = "DELETE /webhooks/{id}"
)

// scene is what one test has to itself.
type scene struct {
	*testing.T
	*WithT
	ctx   context.Context
	plane *harness.ControlPlane
	// table and column are where figures go.
	table  *figures.Table
	column string
}

// newScene is one of n Webhooks on the shared control plane.
func newScene(t *testing.T, n int, table *figures.Table, column string) *scene {
	t.Helper()
	s := &scene{T: t, WithT: NewWithT(t), ctx: t.Context(), plane: sharedPlane, table: table, column: column}
	// A bound on failures, for any N; nothing that works comes near to it.
	s.SetDefaultEventuallyTimeout(harness.Timeout + time.Duration(n)*100*time.Millisecond + 10**interval)
	s.SetDefaultEventuallyPollingInterval(20 * time.Millisecond)
	return s
}

// ownPlane gives the scene a control plane of its own, where no Webhook of another test is.
func (s *scene) ownPlane() {
	s.Helper()
	dir, err := os.MkdirTemp("", "itwin-bench-")
	s.must(err)
	s.plane, err = harness.StartControlPlane(dir)
	s.must(err)
	s.Cleanup(func() {
		if err := s.plane.Stop(); err != nil {
			s.Error(err)
		}
		if s.Failed() {
			s.Logf("what the control plane wrote is in %s", dir)
			return
		}
		_ = os.RemoveAll(dir)
	})
	s.must(s.plane.Install(s.ctx))
}

func (s *scene) must(err error) {
	s.Helper()
	s.Expect(err).NotTo(HaveOccurred())
}

// fleet is a namespace with a connection to a platform of its own, and what is seen of the Webhooks in it.
type fleet struct {
	*scene
	namespace string
	platform  *harness.Simulator
	seen      *observer
}

// newFleet makes one without Webhooks.
func (s *scene) newFleet(flags ...string) *fleet {
	s.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "bench-"}}
	s.must(s.plane.Client.Create(s.ctx, namespace))
	platform, err := harness.StartSimulator(s.ctx, s.TempDir(), flags...)
	s.must(err)
	f := &fleet{scene: s, namespace: namespace.Name, platform: platform}
	s.Cleanup(func() {
		if s.Failed() {
			f.describe()
		}
		if err := platform.Kill(); err != nil {
			s.Error(err)
		}
	})
	f.seen = s.observe(f.namespace)
	s.must(s.plane.Client.Create(s.ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: credentials},
		StringData: map[string]string{"clientId": f.namespace, "clientSecret": "test-secret"},
	}))
	return f
}

// describe logs what a user would look at after a failure.
func (f *fleet) describe() {
	ctx, cancel := context.WithTimeout(context.Background(), harness.Timeout)
	defer cancel()
	counts, err := f.platform.Requests(ctx)
	f.Logf("the calls to the platform (%v): %v", err, counts)
	connections, err := f.plane.Kubectl(ctx, "get", "connections", "-n", f.namespace, "-o", "yaml")
	f.Logf("the connections (%v):\n%s", err, connections)
	var all itwinv1alpha1.WebhookList
	err = f.plane.Client.List(ctx, &all, client.InNamespace(f.namespace))
	f.Logf("%d Webhooks (%v), of which %d were seen to be ready", len(all.Items), err, f.seen.count(isReady))
	told := 0
	for _, w := range all.Items {
		if !isReady(w) && told < 3 {
			told++
			f.Logf("not ready: %s, finalizers %q, annotations %q, status %+v", w.Name, w.Finalizers, w.Annotations, w.Status)
		}
	}
}

// connect makes the Connection that the Webhooks use.
func (f *fleet) connect(pollInterval time.Duration, perMinute int32) {
	f.Helper()
	f.must(f.plane.Client.Create(f.ctx, &itwinv1alpha1.Connection{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "default"},
		Spec: itwinv1alpha1.ConnectionSpec{
			APIURL: f.platform.URL, TokenURL: f.platform.TokenURL(),
			CredentialsSecretRef: itwinv1alpha1.CredentialsReference{Name: credentials},
			PollInterval:         metav1.Duration{Duration: pollInterval},
			RateLimit:            itwinv1alpha1.RateLimit{RequestsPerMinute: perMinute},
		},
	}))
}

// connection reads the Connection.
func (f *fleet) connection() *itwinv1alpha1.Connection {
	f.Helper()
	var c itwinv1alpha1.Connection
	f.must(f.plane.Client.Get(f.ctx, client.ObjectKey{Namespace: f.namespace, Name: "default"}, &c))
	return &c
}

// pollEvery changes the interval and waits until that was acted on.
func (f *fleet) pollEvery(d time.Duration) {
	f.Helper()
	c := f.connection()
	before := c.DeepCopy()
	c.Spec.PollInterval.Duration = d
	f.must(f.plane.Client.Patch(f.ctx, c, client.MergeFrom(before)))
	f.Eventually(func() int64 { return f.connection().Status.ObservedGeneration }).Should(Equal(c.Generation))
}

// webhook is one that is not created yet.
func (f *fleet) webhook(name string, labels map[string]string) *itwinv1alpha1.Webhook {
	return &itwinv1alpha1.Webhook{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name, Labels: labels},
		Spec: itwinv1alpha1.WebhookSpec{
			CallbackURL: "https://hooks.example.com/itwin/" + name, Scope: itwinv1alpha1.ITwinScope, ScopeID: iTwin,
			EventTypes: []string{"iModels.iModelDeleted.v1", "iModels.namedVersionCreated.v1"},
		},
	}
}

// names of n Webhooks.
func names(prefix string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("%s-%05d", prefix, i)
	}
	return all
}

// each does something for all names, several at a time.
func (f *fleet) each(names []string, do func(name string) error) {
	f.Helper()
	queue, problems := make(chan string), make(chan error, writers)
	var working sync.WaitGroup
	for range writers {
		working.Go(func() {
			for name := range queue {
				if err := do(name); err != nil {
					select {
					case problems <- err:
					default:
					}
				}
			}
		})
	}
	for _, name := range names {
		queue <- name
	}
	close(queue)
	working.Wait()
	close(problems)
	f.must(<-problems)
}

// apply creates Webhooks.
func (f *fleet) apply(names []string, labels func(name string) map[string]string) {
	f.Helper()
	f.each(names, func(name string) error {
		var of map[string]string
		if labels != nil {
			of = labels(name)
		}
		return f.plane.Client.Create(f.ctx, f.webhook(name, of))
	})
}

// change patches Webhooks as a user does: without regard to what else changed.
func (f *fleet) change(names []string, change func(*itwinv1alpha1.Webhook)) {
	f.Helper()
	f.each(names, func(name string) error {
		var w itwinv1alpha1.Webhook
		if err := f.plane.Client.Get(f.ctx, client.ObjectKey{Namespace: f.namespace, Name: name}, &w); err != nil {
			return err
		}
		before := w.DeepCopy()
		change(&w)
		return f.plane.Client.Patch(f.ctx, &w, client.MergeFrom(before))
	})
}

// awaitReady waits until so many Webhooks of the fleet are ready.
func (f *fleet) awaitReady(n int) {
	f.Helper()
	f.Eventually(func() int { return f.seen.count(isReady) }).WithPolling(100 * time.Millisecond).Should(Equal(n))
}

// calls are those to the platform since the last reset.
func (f *fleet) calls() map[string]int {
	f.Helper()
	counts, err := f.platform.Requests(f.ctx)
	f.must(err)
	return counts.Counts
}

// total adds up calls.
func total(calls map[string]int) (n int) {
	for _, times := range calls {
		n += times
	}
	return n
}

// awaitCalls waits until there were so many calls of one kind.
func (f *fleet) awaitCalls(kind string, n int) {
	f.Helper()
	f.Eventually(func() int { return f.calls()[kind] }).Should(BeNumerically(">=", n), kind)
}

// reset starts the counts at zero, on both sides.
func (f *fleet) reset(operators ...*operator) {
	f.Helper()
	f.must(f.platform.ResetRequests(f.ctx))
	for _, o := range operators {
		o.reset()
	}
}

// fault lets calls of one method go wrong until the faults are cleared; of every method when it is "".
func (f *fleet) fault(method, action string) {
	f.Helper()
	match := simulator.Match{Method: method}
	if method != "" {
		match.Path = "/webhooks"
	}
	f.must(f.platform.Fault(f.ctx, simulator.Fault{Match: match, Times: simulator.Forever, Action: action}))
}

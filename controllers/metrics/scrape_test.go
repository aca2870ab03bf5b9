package metrics

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// cache is a cache that holds these objects.
type cache struct {
	client.Reader
	webhooks    []*itwinv1alpha1.Webhook
	connections []itwinv1alpha1.Connection
	clusterwide []itwinv1alpha1.ClusterConnection
}

func (c *cache) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	switch l := list.(type) {
	case *itwinv1alpha1.WebhookList:
		l.Items = c.webhooks
	case *itwinv1alpha1.ConnectionList:
		l.Items = c.connections
	case *itwinv1alpha1.ClusterConnectionList:
		l.Items = c.clusterwide
	default:
		return fmt.Errorf("%T is not cached", list)
	}
	return nil
}

// collecting returns a collector of a cache, whose process started at noon, and its clock.
func collecting(c *cache) (*Collector, *clocktesting.FakePassiveClock) {
	clock := clocktesting.NewFakePassiveClock(noon)
	collector := &Collector{
		Reader: c, Fleets: fleet.NewRegistry(clock), Clock: clock, Cluster: true,
		Serves: func(w *itwinv1alpha1.Webhook) bool { return w.Labels["shard"] == "" },
	}
	started := noon
	collector.started.Store(&started)
	return collector, clock
}

// scraped is what a scrape of a collector answers.
func scraped(t testing.TB, c *Collector) string {
	t.Helper()
	g := NewWithT(t)
	registry := prometheus.NewPedanticRegistry()
	g.Expect(registry.Register(c)).To(Succeed())
	answer := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	g.Expect(answer.Code).To(Equal(http.StatusOK), answer.Body.String())
	return answer.Body.String()
}

// webhook is one that is in sync.
func webhook(namespace, name string) *itwinv1alpha1.Webhook {
	w := &itwinv1alpha1.Webhook{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	w.Spec.ConnectionRef = itwinv1alpha1.ConnectionReference{Kind: itwinv1alpha1.ConnectionKindNamespaced, Name: "default"}
	on := true
	w.Status.Active = &on
	status.SetOnWebhook(&w.Status, 1, status.ConditionsOf(status.InSync)...)
	return w
}

func setActive(w *itwinv1alpha1.Webhook, reason string) {
	status.SetOnWebhook(&w.Status, 1, metav1.Condition{
		Type: itwinv1alpha1.ActiveCondition, Status: metav1.ConditionFalse, Reason: reason,
	})
}

func TestEveryWebhookHasItsCountersFromZeroUntilItIsGone(t *testing.T) {
	g := NewWithT(t)
	counted := webhook("a", "counted")
	counted.Status.Deactivations = 3
	elsewhere := webhook("b", "elsewhere")
	elsewhere.Labels = map[string]string{"shard": "2"}
	held := &cache{webhooks: []*itwinv1alpha1.Webhook{webhook("a", "quiet"), counted, elsewhere}}
	c, _ := collecting(held)
	name := types.NamespacedName{Namespace: "a", Name: "counted"}
	Reactivations.Inc(name)
	RefusedStatusWrites.Inc("a")
	t.Cleanup(func() { ForgetWebhook(name); RefusedStatusWrites.forget("a") })

	text := scraped(t, c)
	for _, series := range []string{
		`itwin_webhook_deactivations_total{name="quiet",namespace="a"} 0`,
		`itwin_webhook_reactivations_total{name="quiet",namespace="a"} 0`,
		`itwin_webhook_deactivations_total{name="counted",namespace="a"} 3`,
		`itwin_webhook_reactivations_total{name="counted",namespace="a"} 1`,
		`itwin_webhook_status_writes_refused_total{namespace="a"} 1`,
		`itwin_webhooks{active="true",connection="a/default",ready="true"} 2`,
	} {
		g.Expect(text).To(ContainSubstring(series + "\n"))
	}
	g.Expect(text).NotTo(ContainSubstring("elsewhere"), "another process serves it")

	held.webhooks = nil
	g.Expect(scraped(t, c)).NotTo(ContainSubstring("itwin_webhook"))
}

func TestAWebhookThatIsOffHasATimeWhileItIs(t *testing.T) {
	const series = `itwin_webhook_deactivated_timestamp_seconds{connection="a/default",name="w",namespace="a"} `
	since := metav1.NewMicroTime(time.Unix(1772366400, 250_000_000))
	for name, test := range map[string]struct {
		is   func(*itwinv1alpha1.Webhook)
		want string
	}{
		"on":                    {func(*itwinv1alpha1.Webhook) {}, ""},
		"off because of a spec": {func(w *itwinv1alpha1.Webhook) { setActive(w, itwinv1alpha1.InactiveReason) }, ""},
		"on again":              {func(w *itwinv1alpha1.Webhook) { w.Status.LastDeactivationTime = &since }, ""},
		"turned off on the platform": {func(w *itwinv1alpha1.Webhook) {
			w.Status.LastDeactivationTime = &since
			setActive(w, itwinv1alpha1.DeactivatedReason)
		}, "1.77236640025e+09"},
		"turned off, without a time": {func(w *itwinv1alpha1.Webhook) {
			setActive(w, itwinv1alpha1.DeactivatedReason)
			w.Status.Conditions[1].LastTransitionTime = metav1.Unix(1772366400, 0)
		}, "1.7723664e+09"},
		"turned off, suspended": {func(w *itwinv1alpha1.Webhook) {
			w.Status.LastDeactivationTime = &since
			setActive(w, itwinv1alpha1.DeactivatedReason)
			status.SetSuspended(&w.Status, 1, true)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := webhook("a", "w")
			test.is(w)
			c, _ := collecting(&cache{webhooks: []*itwinv1alpha1.Webhook{w}})
			if test.want == "" {
				NewWithT(t).Expect(scraped(t, c)).NotTo(ContainSubstring(series))
				return
			}
			NewWithT(t).Expect(scraped(t, c)).To(ContainSubstring(series + test.want + "\n"))
		})
	}
}

func TestAWebhookThatIsNotReadyHasItsReasonAndTimeWhileItIsNot(t *testing.T) {
	g := NewWithT(t)
	w, unread := webhook("a", "w"), webhook("a", "unread")
	unread.Status = itwinv1alpha1.WebhookStatus{}
	held := &cache{webhooks: []*itwinv1alpha1.Webhook{w, unread}}
	c, _ := collecting(held)
	g.Expect(scraped(t, c)).NotTo(ContainSubstring("itwin_webhook_not_ready"))

	status.SetOnWebhook(&held.webhooks[0].Status, 1,
		status.ConditionsOf(status.Blocked(itwinv1alpha1.SecretInvalidReason, "why"))...)
	status.ReadyOf(held.webhooks[0]).LastTransitionTime = metav1.Unix(1772366400, 0)
	g.Expect(scraped(t, c)).To(ContainSubstring(`itwin_webhook_not_ready_timestamp_seconds{connection="a/default",name="w",` +
		`namespace="a",reason="SecretInvalid"} 1.7723664e+09` + "\n"))
	status.SetSuspended(&held.webhooks[0].Status, 1, true)
	g.Expect(scraped(t, c)).NotTo(ContainSubstring("itwin_webhook_not_ready"), "no alert is about what is suspended")
}

func TestAWebhookThatWasNotReadyIsInDeletionSinceItWasDeleted(t *testing.T) {
	w, deleted := webhook("a", "w"), metav1.Unix(1772366400, 0)
	w.DeletionTimestamp = &deleted
	status.SetOnWebhook(&w.Status, 1, status.ConditionsOf(status.Waiting(itwinv1alpha1.DeletingReason, "why"))...)
	for transition, want := range map[int64]string{1772366000: "1.7723664e+09", 1772366500: "1.7723665e+09"} {
		status.ReadyOf(w).LastTransitionTime = metav1.Unix(transition, 0)
		c, _ := collecting(&cache{webhooks: []*itwinv1alpha1.Webhook{w}})
		NewWithT(t).Expect(scraped(t, c)).To(ContainSubstring(`reason="Deleting"} ` + want + "\n"))
	}
}

func TestEveryConnectionTellsWhetherItIsReady(t *testing.T) {
	g := NewWithT(t)
	set := func(o itwinv1alpha1.ConnectionObject, outcome status.Outcome) {
		status.Set(&o.ConnectionStatus().Conditions, 1, status.ConditionsOf(outcome)...)
	}
	up := itwinv1alpha1.Connection{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "up"}}
	set(&up, status.Connected)
	down := itwinv1alpha1.ClusterConnection{ObjectMeta: metav1.ObjectMeta{Name: "down"}}
	set(&down, status.Stalled(itwinv1alpha1.UnauthorizedReason, "why"))
	unread := itwinv1alpha1.Connection{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "unread"}}
	c, _ := collecting(&cache{
		connections: []itwinv1alpha1.Connection{up, unread}, clusterwide: []itwinv1alpha1.ClusterConnection{down},
	})
	g.Expect(scraped(t, c)).To(And(
		ContainSubstring(`itwin_connection_ready{connection="a/up",reason="Connected"} 1`+"\n"),
		ContainSubstring(`itwin_connection_ready{connection="/down",reason="Unauthorized"} 0`+"\n"),
		ContainSubstring(`itwin_connection_ready{connection="a/unread",reason="Unknown"} 0`+"\n"),
	))
}

func TestPollAgeCountsBeforeTheFirstList(t *testing.T) {
	g := NewWithT(t)
	connection := func(name string, age time.Duration) itwinv1alpha1.Connection {
		return itwinv1alpha1.Connection{
			ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: name, CreationTimestamp: metav1.NewTime(noon.Add(-age))},
			Spec:       itwinv1alpha1.ConnectionSpec{PollInterval: metav1.Duration{Duration: time.Minute}},
		}
	}
	c, clock := collecting(&cache{connections: []itwinv1alpha1.Connection{
		connection("old", time.Hour), connection("new", -30*time.Second), connection("ahead", -time.Hour),
		connection("joined", time.Hour),
	}})
	clock.SetTime(noon.Add(50 * time.Second))
	c.Fleets.Share("account", "a/joined", platform.Limits{PerMinute: 600})
	c.Fleets.Join("account", "a/joined", nil, fleet.Cadence{Interval: 90 * time.Second}, func() {})
	clock.SetTime(noon.Add(time.Minute))
	g.Expect(scraped(t, c)).To(And(
		ContainSubstring(`itwin_poll_age_seconds{connection="a/old"} 60`+"\n"),    // since the start
		ContainSubstring(`itwin_poll_age_seconds{connection="a/new"} 30`+"\n"),    // since it was created
		ContainSubstring(`itwin_poll_age_seconds{connection="a/ahead"} 0`+"\n"),   // its clock is ahead
		ContainSubstring(`itwin_poll_age_seconds{connection="a/joined"} 10`+"\n"), // since it reached its account
		ContainSubstring(`itwin_poll_interval_seconds{connection="a/old"} 60`+"\n"),
		ContainSubstring(`itwin_poll_interval_seconds{connection="a/joined"} 90`+"\n"),
		ContainSubstring(`itwin_api_rate_limit{connection="a/joined",period="minute"} 600`+"\n"),
		MatchRegexp(`itwin_api_rate_limit_remaining\{connection="a/joined",period="minute"\} [1-9][0-9]*\n`),
		Not(ContainSubstring(`period="hour"`)),
		Not(ContainSubstring(`itwin_api_rate_limit{connection="a/old"`)),
	))
}

// BenchmarkScrape is what docs/metrics.md tells of: 10,000 Webhooks at rest.
func BenchmarkScrape(b *testing.B) {
	held := &cache{}
	for i := range 10_000 {
		held.webhooks = append(held.webhooks, webhook(fmt.Sprint("namespace-", i%100), fmt.Sprint("webhook-", i)))
	}
	c, _ := collecting(held)
	registry := prometheus.NewRegistry()
	registry.MustRegister(c)
	handler := promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	for _, encoding := range []string{"identity", "gzip"} {
		b.Run(encoding, func(b *testing.B) {
			b.ReportAllocs()
			request := httptest.NewRequest(http.MethodGet, "/metrics", nil)
			request.Header.Set("Accept-Encoding", encoding)
			answer := &sink{header: http.Header{}}
			for b.Loop() {
				answer.bytes, answer.series = 0, 0
				handler.ServeHTTP(answer, request)
			}
			b.ReportMetric(float64(answer.bytes), "answer-bytes")
			if encoding == "identity" {
				b.ReportMetric(float64(answer.series), "series")
			}
		})
	}
}

// sink counts an answer and drops it.
type sink struct {
	header        http.Header
	bytes, series int
}

func (s *sink) Header() http.Header { return s.header }
func (s *sink) WriteHeader(int)     {}
func (s *sink) Write(p []byte) (int, error) {
	s.bytes += len(p)
	s.series += bytes.Count(p, []byte("\n")) - bytes.Count(p, []byte("# "))
	return len(p), nil
}

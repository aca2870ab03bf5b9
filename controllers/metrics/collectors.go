package metrics

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/kube"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

var (
	requests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "itwin_api_requests_total",
		Help: "HTTP requests to the platform, by operation and status code (0: no answer).",
	}, []string{"connection", "operation", "code"})
	requestDuration = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "itwin_api_request_duration_seconds",
		Help:    "How long HTTP requests to the platform took.",
		Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"connection", "operation"})
	throttled = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "itwin_api_throttled_seconds_total",
		Help: "Seconds that requests were told to wait for a slot within the rate limit.",
	}, []string{"connection"})
	// Deactivations counts what the platform, or another client, turned off.
	Deactivations = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "itwin_webhook_deactivations_total",
		Help: "How often the platform turned a webhook off by itself.",
	}, []string{"namespace", "name"})
	// Reactivations counts what the operator turned on again.
	Reactivations = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "itwin_webhook_reactivations_total",
		Help: "How often the operator turned a webhook on again that the platform had turned off.",
	}, []string{"namespace", "name"})
	// RefusedStatusWrites counts the writes of Webhook statuses that the API server refused.
	RefusedStatusWrites = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "itwin_webhook_status_writes_refused_total",
		Help: "How often the Kubernetes API server refused to write a Webhook's status.",
	}, []string{"namespace", "name"})
	// RefusedConnectionWrites counts the same of connections.
	RefusedConnectionWrites = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "itwin_connection_status_writes_refused_total",
		Help: "How often the Kubernetes API server refused to write a connection's status.",
	}, []string{"connection"})

	webhooksDesc = prometheus.NewDesc("itwin_webhooks",
		"Webhooks by connection, by what the platform said last and by their Ready condition.",
		[]string{"connection", "active", "ready"}, nil)
	pollAgeDesc = prometheus.NewDesc("itwin_poll_age_seconds",
		"Seconds since the last successful list of a connection's remote webhooks began.",
		[]string{"connection"}, nil)
)

// vector is a metric with labels.
type vector interface {
	prometheus.Collector
	DeletePartialMatch(labels prometheus.Labels) int
	DeleteLabelValues(values ...string) bool
}

var (
	// ofConnections have the label connection; their series are dropped with it.
	ofConnections = []vector{requests, requestDuration, throttled, RefusedConnectionWrites}
	// ofWebhooks have the labels namespace and name; their series are dropped with the Webhook.
	ofWebhooks = []vector{Deactivations, Reactivations, RefusedStatusWrites}
)

func init() {
	for _, metric := range slices.Concat(ofConnections, ofWebhooks) {
		ctrlmetrics.Registry.MustRegister(metric)
	}
}

// Instrument makes a connection's client count its requests.
func Instrument(connection string, o *platform.Options) {
	o.Observe = func(c platform.Call) {
		requests.WithLabelValues(connection, c.Operation, strconv.Itoa(c.Status)).Inc()
		requestDuration.WithLabelValues(connection, c.Operation).Observe(c.Duration.Seconds())
	}
	o.Throttled = func(d time.Duration) { throttled.WithLabelValues(connection).Add(d.Seconds()) }
}

// ForgetConnection drops the series of a connection that is gone.
func ForgetConnection(connection string) {
	for _, metric := range ofConnections {
		metric.DeletePartialMatch(prometheus.Labels{"connection": connection})
	}
}

// ForgetWebhook drops the series of a Webhook that is gone.
func ForgetWebhook(namespace, name string) {
	for _, metric := range ofWebhooks {
		metric.DeleteLabelValues(namespace, name)
	}
}

// Collector counts, at each scrape, what the cache and the fleets hold.
type Collector struct {
	Reader client.Reader
	Fleets *fleet.Registry
	// Serves tells which Webhooks are this process's; of others the cache holds no status.
	Serves func(*itwinv1alpha1.Webhook) bool
}

// Start serves the counts while the manager runs.
func (c *Collector) Start(ctx context.Context) error {
	err := ctrlmetrics.Registry.Register(c)
	if _, twice := errors.AsType[prometheus.AlreadyRegisteredError](err); twice {
		// Another manager of this process serves the counts.
		return nil
	}
	if err != nil {
		return err
	}
	defer ctrlmetrics.Registry.Unregister(c)
	<-ctx.Done()
	return nil
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	ch <- webhooksDesc
	ch <- pollAgeDesc
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	c.Fleets.EachMember(func(m *fleet.Member) {
		if age := m.Fleet().Age(); age >= 0 {
			ch <- prometheus.MustNewConstMetric(pollAgeDesc, prometheus.GaugeValue, age.Seconds(), m.Name())
		}
	})
	var webhooks itwinv1alpha1.WebhookList
	if err := c.Reader.List(context.Background(), &webhooks, client.UnsafeDisableDeepCopy); err != nil {
		ch <- prometheus.NewInvalidMetric(webhooksDesc, err)
		return
	}
	counts := map[[3]string]int{}
	for _, w := range webhooks.Items {
		if !c.Serves(w) {
			continue
		}
		active := w.Status.Active != nil && *w.Status.Active
		ready := apimeta.IsStatusConditionTrue(w.Status.Conditions, itwinv1alpha1.ReadyCondition)
		counts[[3]string{kube.ConnectionOf(w), strconv.FormatBool(active), strconv.FormatBool(ready)}]++
	}
	for l, n := range counts {
		ch <- prometheus.MustNewConstMetric(webhooksDesc, prometheus.GaugeValue, float64(n), l[0], l[1], l[2])
	}
}

package metrics

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/fleet"
)

// Collector tells, at each scrape, what the cache and the fleets hold. The series of an object end with it.
type Collector struct {
	Reader client.Reader
	Fleets *fleet.Registry
	Clock  clock.PassiveClock
	// Serves tells which Webhooks are this process's; of others the cache holds no status.
	Serves func(*itwinv1alpha1.Webhook) bool
	// Cluster is false in a namespaced installation, which knows no ClusterConnections.
	Cluster bool

	// started is when Start began: before, this process polled nothing.
	started atomic.Pointer[time.Time]
}

// Start serves the counts while the manager runs.
func (c *Collector) Start(ctx context.Context) error {
	now := c.Clock.Now()
	c.started.Store(&now)
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
	for _, desc := range []*prometheus.Desc{
		webhooksDesc, deactivationsDesc, reactivationsDesc, deactivatedSinceDesc, notReadySinceDesc, refusedWritesDesc,
		connectionReadyDesc, pollAgeDesc, pollIntervalDesc, rateLimitDesc, rateLimitRemainingDesc,
	} {
		ch <- desc
	}
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	c.collectConnections(ch)
	c.collectWebhooks(ch)
}

package metrics

import (
	"cmp"
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/kube"
)

var (
	connectionReadyDesc = prometheus.NewDesc("itwin_connection_ready",
		"1 while the Ready condition of a connection is True, 0 otherwise; the reason is that of the condition.",
		[]string{"connection", "reason"}, nil)
	pollAgeDesc = prometheus.NewDesc("itwin_poll_age_seconds",
		"Seconds since the last successful list of a connection's remote webhooks began; before the first, since the "+
			"connection reached its account, or was there to be connected.",
		[]string{"connection"}, nil)
	rateLimitDesc = prometheus.NewDesc("itwin_api_rate_limit",
		"How many calls a connection may make in any period of this length, minute or hour; not there without a limit.",
		[]string{"connection", "period"}, nil)
	rateLimitRemainingDesc = prometheus.NewDesc("itwin_api_rate_limit_remaining",
		"How many calls may begin now before a connection, or its account, reaches the limit of the period.",
		[]string{"connection", "period"}, nil)
	pollIntervalDesc = prometheus.NewDesc("itwin_poll_interval_seconds",
		"Seconds between two lists of a connection's remote webhooks while all goes well.",
		[]string{"connection"}, nil)
)

// unknownReason stands for that of a connection that has no Ready condition yet.
const unknownReason = "Unknown"

func (c *Collector) collectConnections(ch chan<- prometheus.Metric) {
	lists := []client.ObjectList{&itwinv1alpha1.ConnectionList{}}
	if c.Cluster {
		lists = append(lists, &itwinv1alpha1.ClusterConnectionList{})
	}
	for _, list := range lists {
		if err := c.Reader.List(context.Background(), list, client.UnsafeDisableDeepCopy); err != nil {
			ch <- prometheus.NewInvalidMetric(connectionReadyDesc, err)
			return
		}
		_ = apimeta.EachListItem(list, func(o runtime.Object) error {
			c.collectConnection(ch, o.(itwinv1alpha1.ConnectionObject))
			return nil
		})
	}
}

func (c *Collector) collectConnection(ch chan<- prometheus.Metric, o itwinv1alpha1.ConnectionObject) {
	key, up, reason := kube.KeyOf(o), 0.0, unknownReason
	if ready := apimeta.FindStatusCondition(o.ConnectionStatus().Conditions, itwinv1alpha1.ReadyCondition); ready != nil {
		reason = cmp.Or(ready.Reason, unknownReason)
		if ready.Status == metav1.ConditionTrue {
			up = 1
		}
	}
	ch <- prometheus.MustNewConstMetric(connectionReadyDesc, prometheus.GaugeValue, up, key, reason)
	age, interval := c.neverPolled(o), o.ConnectionSpec().PollInterval.Duration
	if member := c.Fleets.Member(key); member != nil {
		age, interval = member.PollAge(), member.PollInterval()
		force := member.InForce()
		collectLimit(ch, key, "minute", force.PerMinute, force.MinuteLeft)
		collectLimit(ch, key, "hour", force.PerHour, force.HourLeft)
	}
	ch <- prometheus.MustNewConstMetric(pollAgeDesc, prometheus.GaugeValue, age.Seconds(), key)
	ch <- prometheus.MustNewConstMetric(pollIntervalDesc, prometheus.GaugeValue, interval.Seconds(), key)
}

// collectLimit tells the limit of a period and what is left of it. Without a limit there is no series.
func collectLimit(ch chan<- prometheus.Metric, connection, period string, limit, left int) {
	if limit <= 0 {
		return
	}
	ch <- prometheus.MustNewConstMetric(rateLimitDesc, prometheus.GaugeValue, float64(limit), connection, period)
	left = max(left, 0)
	ch <- prometheus.MustNewConstMetric(rateLimitRemainingDesc, prometheus.GaugeValue, float64(left), connection, period)
}

// neverPolled is for how long this process has known a connection that has not reached its account yet.
func (c *Collector) neverPolled(o itwinv1alpha1.ConnectionObject) time.Duration {
	since := o.GetCreationTimestamp().Time
	if started := c.started.Load(); started != nil && started.After(since) {
		since = *started
	}
	return max(c.Clock.Since(since), 0)
}

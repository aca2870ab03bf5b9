package metrics

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/kube"
	"webhook-operator.io/itwin/controllers/status"
)

var (
	webhooksDesc = prometheus.NewDesc("itwin_webhooks",
		"Webhooks by connection, by what the platform said last and by their Ready condition.",
		[]string{"connection", "active", "ready"}, nil)
	deactivationsDesc = prometheus.NewDesc("itwin_webhook_deactivations_total",
		"How often a webhook was turned off on the platform, as status.deactivations counts it.",
		[]string{"namespace", "name"}, nil)
	reactivationsDesc = prometheus.NewDesc("itwin_webhook_reactivations_total",
		"How often the operator turned a webhook on again that had been turned off on the platform.",
		[]string{"namespace", "name"}, nil)
	deactivatedSinceDesc = prometheus.NewDesc("itwin_webhook_deactivated_timestamp_seconds",
		"When the operator noticed that a webhook was turned off on the platform; there only while it is, and not suspended.",
		[]string{"namespace", "name", "connection"}, nil)
	notReadySinceDesc = prometheus.NewDesc("itwin_webhook_not_ready_timestamp_seconds",
		"Since when the Ready condition of a Webhook is not True, with its reason; only while it is not, nor suspended.",
		[]string{"namespace", "name", "connection", "reason"}, nil)
	refusedWritesDesc = prometheus.NewDesc("itwin_webhook_status_writes_refused_total",
		"How often the Kubernetes API server refused to write the status of a Webhook of the namespace.",
		[]string{"namespace"}, nil)
)

// webhookGroup are the Webhooks that itwin_webhooks counts as one.
type webhookGroup struct {
	connection    string
	active, ready bool
}

func (c *Collector) collectWebhooks(ch chan<- prometheus.Metric) {
	var webhooks itwinv1alpha1.WebhookList
	if err := c.Reader.List(context.Background(), &webhooks, client.UnsafeDisableDeepCopy); err != nil {
		ch <- prometheus.NewInvalidMetric(webhooksDesc, err)
		return
	}
	groups, namespaces := map[webhookGroup]int{}, map[string]bool{}
	for _, w := range webhooks.Items {
		if !c.Serves(w) {
			continue
		}
		groups[webhookGroup{
			connection: kube.ConnectionOf(w), active: w.Status.Active != nil && *w.Status.Active,
			ready: apimeta.IsStatusConditionTrue(w.Status.Conditions, itwinv1alpha1.ReadyCondition),
		}]++
		namespaces[w.Namespace] = true
		collectWebhook(ch, w)
	}
	for g, n := range groups {
		ch <- prometheus.MustNewConstMetric(webhooksDesc, prometheus.GaugeValue, float64(n),
			g.connection, strconv.FormatBool(g.active), strconv.FormatBool(g.ready))
	}
	for namespace := range namespaces {
		ch <- prometheus.MustNewConstMetric(refusedWritesDesc, prometheus.CounterValue,
			float64(RefusedStatusWrites.count(namespace)), namespace)
	}
}

// collectWebhook tells the series of one Webhook. What its status counts is told from there: it survives a restart.
func collectWebhook(ch chan<- prometheus.Metric, w *itwinv1alpha1.Webhook) {
	labels := []*dto.LabelPair{pair(nameLabel, w.Name), pair(namespaceLabel, w.Namespace)}
	ch <- &sample{desc: deactivationsDesc, counter: true, value: float64(w.Status.Deactivations), labels: labels}
	reactivations := float64(Reactivations.count(client.ObjectKeyFromObject(w)))
	ch <- &sample{desc: reactivationsDesc, counter: true, value: reactivations, labels: labels}
	since, off := deactivatedSince(w)
	ready := status.ReadyOf(w)
	notReady := ready != nil && ready.Status != metav1.ConditionTrue
	suspended := apimeta.IsStatusConditionTrue(w.Status.Conditions, itwinv1alpha1.SuspendedCondition)
	if suspended || !off && !notReady {
		return
	}
	labels = append([]*dto.LabelPair{pair(connectionLabel, kube.ConnectionOf(w))}, labels...)
	if off {
		ch <- &sample{desc: deactivatedSinceDesc, value: timestamp(since), labels: labels}
	}
	if notReady {
		ch <- &sample{
			desc: notReadySinceDesc, value: timestamp(notReadySince(w, ready)),
			labels: append(slices.Clip(labels), pair(reasonLabel, ready.Reason)),
		}
	}
}

// notReadySince is since when a Webhook is not ready: one that was not ready before it was deleted is in deletion only
// since then.
func notReadySince(w *itwinv1alpha1.Webhook, ready *metav1.Condition) time.Time {
	deleted := w.DeletionTimestamp
	if ready.Reason == itwinv1alpha1.DeletingReason && deleted != nil && deleted.After(ready.LastTransitionTime.Time) {
		return deleted.Time
	}
	return ready.LastTransitionTime.Time
}

// timestamp is a time as metrics have it: in seconds since 1970.
func timestamp(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

// deactivatedSince is when it was noticed that a webhook was turned off on the platform; off is false while it is on,
// or off for another reason.
func deactivatedSince(w *itwinv1alpha1.Webhook) (since time.Time, off bool) {
	active := status.ActiveOf(&w.Status)
	switch {
	case active == nil || active.Reason != itwinv1alpha1.DeactivatedReason:
		return time.Time{}, false
	case w.Status.LastDeactivationTime == nil:
		return active.LastTransitionTime.Time, true
	}
	return w.Status.LastDeactivationTime.Time, true
}

package main

import (
	"testing"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"
)

func TestChartOfAShardIsScrapedByItsOwnMonitor(t *testing.T) {
	g := NewWithT(t)
	values := parse(t, `
shard: {name: b, webhooks: shard=b}
fullnameOverride: shard-b
metrics:
  serviceMonitor: {enabled: true, labels: {release: prometheus}}
  prometheusRule: {enabled: true, labels: {release: prometheus}}
  dashboard: {enabled: true, labels: {dashboards: "1"}}`)

	made := objects(t, template(t, values))

	g.Expect(made).To(HaveKeyWithValue("ServiceMonitor shard-b-controller-manager-metrics-monitor", And(
		haveIn("metadata", "labels", HaveKeyWithValue("release", "prometheus")),
		haveIn("spec", "selector", HaveKeyWithValue("matchLabels",
			HaveKeyWithValue("itwin.webhook-operator.io/shard", "b"))),
	)))
	g.Expect(made).To(HaveKeyWithValue("ClusterRoleBinding shard-b-metrics-scraper",
		HaveKeyWithValue("roleRef", HaveKeyWithValue("name", "shard-b-metrics-reader"))))
	g.Expect(made).To(HaveKeyWithValue("PrometheusRule shard-b-rules",
		haveIn("metadata", "labels", HaveKeyWithValue("release", "prometheus"))))
	g.Expect(made).To(HaveKeyWithValue("ConfigMap shard-b-dashboard",
		haveIn("metadata", "labels", HaveKeyWithValue("dashboards", "1"))))
}

func TestMonitoringWithoutMetricsIsRefused(t *testing.T) {
	for _, values := range []string{
		"metrics: {enabled: false, serviceMonitor: {enabled: true}}",
		"{scope: namespace, metrics: {prometheusRule: {enabled: true}}}",
		"{scope: namespaced-admin, metrics: {dashboard: {enabled: true}}}",
	} {
		_, err := tryTemplate(parse(t, values))
		NewWithT(t).Expect(err).To(MatchError(ContainSubstring("metrics.serviceMonitor")), values)
	}
}

// haveIn matches an object whose field of a field, as decoded from YAML, matches.
func haveIn(outer, inner string, matches any) types.GomegaMatcher {
	return HaveKeyWithValue(outer, HaveKeyWithValue(inner, matches))
}

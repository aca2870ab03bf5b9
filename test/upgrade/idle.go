package upgrade

import (
	"context"
	"fmt"
	"net/http"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"webhook-operator.io/itwin/internal/harness"
)

// sound are the connections whose account can be listed.
const sound = 5

// MetricsFlags let an operator show its metrics to Idle, at an address.
func MetricsFlags(address string) []string {
	return []string{"--metrics-bind-address=" + address, "--metrics-secure=false"}
}

// Idle waits until the operator that shows its metrics at an address has listed what can be listed, has looked at every
// Webhook, and has nothing to do for the moment.
func (i *Installation) Idle(ctx context.Context, address string) error {
	webhooks := 0
	for _, o := range i.objects {
		if o.GetKind() == "Webhook" {
			webhooks++
		}
	}
	return harness.Until(ctx, "the operator is idle", func(ctx context.Context) error {
		families, err := scrape(ctx, "http://"+address+"/metrics")
		if err != nil {
			return err
		}
		lists := sum(families["itwin_api_requests_total"], map[string]string{"operation": "list", "code": "200"})
		looks := sum(families["controller_runtime_reconcile_total"], map[string]string{"controller": "webhook"})
		busy := sum(families["workqueue_depth"], nil) + sum(families["controller_runtime_active_workers"], nil)
		if int(lists) < sound || int(looks) < webhooks+int(lists) || busy > 0 {
			return fmt.Errorf("%v lists, %v looks at %d Webhooks, %v in work", lists, looks, webhooks, busy)
		}
		return nil
	})
}

func scrape(ctx context.Context, url string) (map[string]*dto.MetricFamily, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return parser.TextToMetricFamilies(response.Body)
}

// sum adds up the values with some labels.
func sum(family *dto.MetricFamily, labels map[string]string) (total float64) {
	for _, metric := range family.GetMetric() {
		matching := 0
		for _, label := range metric.GetLabel() {
			if labels[label.GetName()] == label.GetValue() {
				matching++
			}
		}
		if matching == len(labels) {
			total += metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
		}
	}
	return total
}

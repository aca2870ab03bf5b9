package harness

import (
	"context"
	"fmt"
	"net/http"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// MetricsFlags let an operator show its metrics without TLS and without asking who reads them, at an address.
func MetricsFlags(address string) []string {
	return []string{"--metrics-bind-address=" + address, "--metrics-secure=false"}
}

// Metrics are what an operator showed at one time, by the names of the metrics.
type Metrics map[string]*dto.MetricFamily

// ReadMetrics reads what an operator with MetricsFlags shows at an address.
func ReadMetrics(ctx context.Context, address string) (Metrics, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", request.URL, response.Status)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return parser.TextToMetricFamilies(response.Body)
}

// Labels are some that series must have.
type Labels map[string]string

// Sum adds up the series of a counter or gauge that have certain labels; 0 when there are none.
func (m Metrics) Sum(name string, labels Labels) (total float64) {
	for _, metric := range m[name].GetMetric() {
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

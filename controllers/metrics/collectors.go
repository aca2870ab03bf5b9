package metrics

import (
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"webhook-operator.io/itwin/internal/buildinfo"
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
	// RefusedConnectionWrites counts the writes of connections' statuses that the API server refused.
	RefusedConnectionWrites = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "itwin_connection_status_writes_refused_total",
		Help: "How often the Kubernetes API server refused to write a connection's status.",
	}, []string{"connection"})
	build = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "itwin_build_info",
		Help: "Always 1; the labels tell what the operator was built from.",
	}, []string{"version", "revision", "go_version"})
)

// vector is a metric with labels.
type vector interface {
	prometheus.Collector
	DeletePartialMatch(labels prometheus.Labels) int
}

// ofConnections have the label connection; their series are dropped with it.
var ofConnections = []vector{requests, requestDuration, throttled, RefusedConnectionWrites}

func init() {
	for _, metric := range slices.Concat(ofConnections, []vector{build}) {
		ctrlmetrics.Registry.MustRegister(metric)
	}
}

// SetBuild tells what the operator was built from.
func SetBuild(i buildinfo.Info) {
	build.Reset()
	build.WithLabelValues(i.Version, i.Revision, i.Go).Set(1)
}

// successes are the platform's operations, each with the code that it documents for success.
var successes = map[string]string{
	"token": "200", "list": "200", "get": "200", "create": "201", "update": "200", "delete": "204",
}

// SeeConnection begins the counters of a connection at 0, so that an increase shows their first step. Requests begin
// with the code of success of each operation; another code begins with its first answer.
func SeeConnection(connection string) {
	throttled.WithLabelValues(connection)
	RefusedConnectionWrites.WithLabelValues(connection)
	for operation, code := range successes {
		requests.WithLabelValues(connection, operation, code)
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

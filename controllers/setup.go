package controllers

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"

	"webhook-operator.io/itwin/controllers/connection"
	"webhook-operator.io/itwin/controllers/identity"
	"webhook-operator.io/itwin/controllers/kube"
	"webhook-operator.io/itwin/controllers/metrics"
	"webhook-operator.io/itwin/controllers/tenancy"
	"webhook-operator.io/itwin/controllers/webhook"
	"webhook-operator.io/itwin/controllers/webhook/plan"
	"webhook-operator.io/itwin/internal/buildinfo"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/proof"
)

// Options of a manager's controllers.
type Options struct {
	// Selector bounds the Webhooks that this process serves; nil serves all.
	Selector labels.Selector
	// Namespaces that the cache is bound to; none is all.
	Namespaces []string
	// Cluster is false in a namespaced installation.
	Cluster bool
	// Workers is how many Webhooks are worked on at the same time.
	Workers int
	// Build is what the program was built from; its version goes into the User-Agent.
	Build buildinfo.Info
	// GracePeriod overrides the constant of the same name when not 0.
	GracePeriod time.Duration
	// Key is the operator key, which proves ownership.
	Key proof.Key
	// AllowedAPIHosts bound the hosts of apiUrl, tokenUrl and of links between pages: each exact, or with one leading
	// "*.". AllowLoopback allows loopback hosts beside them.
	AllowedAPIHosts []string
	AllowLoopback   bool
}

// Add registers all controllers, their indexes and metrics.
func Add(ctx context.Context, mgr ctrl.Manager, o Options) error {
	if err := kube.AddIndexes(ctx, mgr, o.Cluster, identity.ClaimKeysBy(o.Key), plan.DeliveryKey); err != nil {
		return err
	}
	fleets := fleet.NewRegistry(clock.RealClock{})
	fleets.Bound(o.Workers)
	webhooks := &webhook.Reconciler{
		Kube: mgr.GetClient(), Live: mgr.GetAPIReader(), Recorder: mgr.GetEventRecorder("webhook-controller"),
		Fleets: fleets.View(), Clock: clock.RealClock{}, Key: o.Key, Selector: o.Selector, Cluster: o.Cluster,
		Namespaces: o.Namespaces, GracePeriod: o.GracePeriod,
	}
	if err := webhooks.SetupWithManager(mgr, o.Workers); err != nil {
		return err
	}
	kinds := []connection.Kind{connection.Namespaced}
	if o.Cluster {
		kinds = append(kinds, connection.Cluster)
	}
	for _, kind := range kinds {
		connections := &connection.Reconciler{
			Kube: mgr.GetClient(), Live: mgr.GetAPIReader(), Recorder: mgr.GetEventRecorder("connection-controller"),
			Fleets: fleets, Clock: clock.RealClock{}, Webhooks: &webhooks.Enqueuer, Key: o.Key, Kind: kind,
			UserAgent: "itwin-webhook-operator/" + o.Build.Version,
			AllowHost: tenancy.AllowHosts(o.AllowedAPIHosts, o.AllowLoopback),
		}
		if err := connections.SetupWithManager(mgr); err != nil {
			return err
		}
	}
	metrics.SetBuild(o.Build)
	return mgr.Add(&metrics.Collector{
		Reader: mgr.GetClient(), Fleets: fleets, Clock: clock.RealClock{}, Serves: webhooks.Serves, Cluster: o.Cluster,
	})
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers"
	"webhook-operator.io/itwin/internal/buildinfo"
	"webhook-operator.io/itwin/internal/scheme"
)

func run(ctx context.Context, o options, build buildinfo.Info) error {
	if err := o.check(podNamespaceFile); err != nil {
		return err
	}
	config, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	// The API server's own priority and fairness is the better limit.
	config.QPS = -1
	config.UserAgent = program + "/" + build.Version
	// Not the manager's client: that one has no cache to read from before the manager starts.
	api, err := client.New(config, client.Options{Scheme: scheme.New()})
	if err != nil {
		return err
	}
	cluster, err := servesCluster(ctx, api, o)
	if err != nil {
		return err
	}
	key, err := operatorKey(ctx, api, o)
	if err != nil {
		return err
	}
	served := controllers.Options{
		Selector: o.selector, Namespaces: o.namespaces, Cluster: cluster, Workers: o.workers, Build: build,
		Key: key, AllowedAPIHosts: o.allowedHosts.patterns, AllowLoopback: o.allowLoopback,
	}
	mgr, err := ctrl.NewManager(config, managerOptions(served.Cache(), o))
	if err != nil {
		return err
	}
	if err := controllers.Add(ctx, mgr, served); err != nil {
		return err
	}
	if err := addChecks(mgr); err != nil {
		return err
	}
	if err := addWatchdogs(mgr, o); err != nil {
		return err
	}
	return mgr.Start(ctx)
}

func managerOptions(cached cache.Options, o options) ctrl.Options {
	return ctrl.Options{
		Scheme:                        scheme.New(),
		Cache:                         cached,
		Metrics:                       metricsOptions(o),
		HealthProbeBindAddress:        o.probeAddress,
		LeaderElection:                o.leaderElect,
		LeaderElectionID:              o.lease(),
		LeaderElectionNamespace:       o.leaseNamespace,
		LeaderElectionReleaseOnCancel: true,
		LeaseDuration:                 new(leaseDuration),
		RenewDeadline:                 new(renewDeadline),
	}
}

func metricsOptions(o options) metricsserver.Options {
	options := metricsserver.Options{BindAddress: o.metricsAddress, SecureServing: o.metricsSecure}
	if o.metricsSecure {
		options.FilterProvider = filters.WithAuthenticationAndAuthorization
	}
	return options
}

// addWatchdogs adds what ends the process when what it knows can no longer be relied on: it starts again with nothing.
func addWatchdogs(mgr ctrl.Manager, o options) error {
	err := mgr.Add(&rollbackWatchdog{
		version: latestVersion(mgr.GetAPIReader(), o.namespaces), ticks: time.Tick(rollbackCheckPeriod),
		end: endRolledBack,
	})
	if err != nil || !o.leaderElect {
		return err
	}
	return mgr.Add(&watchdog{now: time.Now, beat: time.Tick(beat), end: func() {
		fmt.Fprintln(os.Stderr, "itwin-webhook-operator: was stopped for so long that another may lead")
		os.Exit(1)
	}})
}

// addChecks makes readiness mean that the caches have synced.
func addChecks(mgr ctrl.Manager) error {
	synced := make(chan struct{})
	err := mgr.Add(unelected(func(ctx context.Context) error {
		if mgr.GetCache().WaitForCacheSync(ctx) {
			close(synced)
		}
		return nil
	}))
	return errors.Join(err, mgr.AddHealthzCheck("ping", healthz.Ping),
		mgr.AddReadyzCheck("caches", func(*http.Request) error {
			select {
			case <-synced:
				return nil
			default:
				return errors.New("the caches have not synced yet")
			}
		}))
}

// unelected runs on a standby too: it is ready when it could take over.
type unelected func(context.Context) error

func (u unelected) Start(ctx context.Context) error { return u(ctx) }
func (u unelected) NeedLeaderElection() bool        { return false }

// servesCluster reports whether this installation may serve ClusterConnections. One that is bound to namespaces by a
// Role may not, and goes without.
func servesCluster(ctx context.Context, api client.Client, o options) (bool, error) {
	if len(o.namespaces) == 0 {
		return true, nil
	}
	for _, resource := range []authorizationv1.ResourceAttributes{
		{Verb: "watch", Group: itwinv1alpha1.GroupVersion.Group, Resource: "clusterconnections"},
		{Verb: "watch", Resource: "namespaces"},
	} {
		review := authorizationv1.SelfSubjectAccessReview{
			Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &resource},
		}
		if err := api.Create(ctx, &review); err != nil {
			return false, fmt.Errorf("cannot find out what this account may do: %w", err)
		}
		if !review.Status.Allowed {
			return false, nil
		}
	}
	return true, nil
}

package main

import (
	"context"
	"errors"
	"os"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

const (
	// rollbackCheckPeriod is how often the API server is asked for its resourceVersion, and rollbackCheckTimeout how long
	// one answer may take.
	rollbackCheckPeriod  = 15 * time.Second
	rollbackCheckTimeout = 10 * time.Second
)

var errRolledBack = errors.New("the API server's resourceVersion is lower than before: " +
	"its etcd was restored from an older snapshot")

// rollbackWatchdog ends a process whose API server went back to an older state, as it does when its etcd is restored
// from a snapshot. Watches are not told: they wait for a resourceVersion that is yet to come, for minutes or hours, and
// the caches show what no longer exists until then.
type rollbackWatchdog struct {
	// version reads the current resourceVersion past the cache.
	version func(context.Context) (string, error)
	ticks   <-chan time.Time
	// end is told the highest version that was read, and the lower one that was read after it.
	end func(highest, now string)
}

// Start checks at once and at each tick, until ctx is done or the process is to end. A read that fails is left out: the
// API server may be down.
func (w *rollbackWatchdog) Start(ctx context.Context) error {
	for highest := ""; ; {
		if now, err := w.version(ctx); err == nil {
			if isOlder(now, highest) {
				w.end(highest, now)
				return nil
			}
			highest = now
		}
		select {
		case <-ctx.Done():
			return nil
		case <-w.ticks:
		}
	}
}

// endRolledBack ends the process at once: what it would still do might be wrong.
func endRolledBack(highest, now string) {
	ctrl.Log.WithName("watchdog").Error(errRolledBack, "Ending this process, to start again with fresh caches",
		"resourceVersion", now, "highestResourceVersion", highest)
	os.Exit(1)
}

// NeedLeaderElection is false: the caches of a standby must be right when it takes over.
func (w *rollbackWatchdog) NeedLeaderElection() bool { return false }

// isOlder reports whether a resourceVersion is lower than another one of the same resource. Versions that are not
// numbers, and a missing one, cannot be compared.
func isOlder(a, b string) bool {
	order, err := resourceversion.CompareResourceVersion(a, b)
	return err == nil && order < 0
}

// latestVersion returns a read of the resourceVersion of Webhooks: a list of at most one object's metadata, in the
// first of these namespaces or in all when there are none.
func latestVersion(api client.Reader, namespaces []string) func(context.Context) (string, error) {
	options := []client.ListOption{client.Limit(1)}
	if len(namespaces) > 0 {
		options = append(options, client.InNamespace(namespaces[0]))
	}
	return func(ctx context.Context) (string, error) {
		ctx, cancel := context.WithTimeout(ctx, rollbackCheckTimeout)
		defer cancel()
		var list metav1.PartialObjectMetadataList
		list.SetGroupVersionKind(itwinv1alpha1.GroupVersion.WithKind("WebhookList"))
		err := api.List(ctx, &list, options...)
		return list.ResourceVersion, err
	}
}

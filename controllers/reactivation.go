package controllers

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"webhook-operator.io/itwin/api/v1alpha1"
)

const (
	// steadyUptime is how long a reactivated webhook must have stayed on for the next deactivation to count as a new
	// one. The platform itself gives up only after 3 days of failed deliveries.
	steadyUptime = time.Hour
	// firstPause follows the second deactivation in a row; each further one doubles it, up to longestPause.
	firstPause   = 10 * time.Second
	longestPause = time.Hour
)

// nextReactivation is when a webhook that was found turned off at now may be turned on again; nil means at once. The
// pause is derived from the times in the status, so that it survives a restart: it doubles the one before, unless the
// webhook has stayed on for long enough.
func nextReactivation(w *v1alpha1.Webhook, now time.Time) *metav1.MicroTime {
	off, on := w.Status.LastDeactivationTime, w.Status.LastReactivationTime
	if off == nil || on == nil || now.Sub(on.Time) >= steadyUptime {
		return nil
	}
	last := on.Sub(off.Time)
	next := metav1.NewMicroTime(now.Add(min(max(2*last, firstPause), longestPause)))
	return &next
}

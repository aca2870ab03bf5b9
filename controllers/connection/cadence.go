package connection

import (
	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/fleet"
)

// cadenceOf is how often the remote side is listed: as pollInterval says, or before its time when something waits for a
// list, but never so often that the lists alone use more than half of the rate limit.
func cadenceOf(spec *itwinv1alpha1.ConnectionSpec) fleet.Cadence {
	limits := limitsOf(spec)
	return fleet.Cadence{Interval: limits.ListEvery, Pause: limits.HalfPace()}
}

package connection

import (
	"cmp"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/fleet"
)

// cadenceOf is how often the remote side is listed: as pollInterval says, or before its time when something waits for a
// list, but never so often that the lists alone use more than half of the rate limit.
func cadenceOf(spec *itwinv1alpha1.ConnectionSpec) fleet.Cadence {
	pace := limitsOf(spec).HalfPace()
	wanted := cmp.Or(spec.PollInterval.Duration, defaultPollInterval)
	return fleet.Cadence{Interval: max(wanted, pace), Pause: pace}
}

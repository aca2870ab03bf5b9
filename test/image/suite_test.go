// Package image runs the image of the operator by a container engine, as a kubelet would run the pod: with the
// environment, the mounted token and the limits of a pod, against a real control plane.
package image

import (
	"context"
	"testing"

	"webhook-operator.io/itwin/internal/harness"
)

var plane *harness.ControlPlane

func TestMain(m *testing.M) {
	harness.Main(m, harness.Suite{
		Name:  "image",
		Start: func(_ context.Context, p *harness.ControlPlane) error { plane = p; return nil },
	})
}

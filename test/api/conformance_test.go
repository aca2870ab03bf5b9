package api

import (
	"testing"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"webhook-operator.io/itwin/internal/scheme"
	"webhook-operator.io/itwin/internal/simtest/conformance"
)

// TestARealAPIServerDoesWhatTheSimulatedOneDoes runs the table that the crash simulation's API server is held to.
func TestARealAPIServerDoesWhatTheSimulatedOneDoes(t *testing.T) {
	g := NewWithT(t)
	server, err := client.New(plane.Config, client.Options{Scheme: scheme.New()})
	g.Expect(err).NotTo(HaveOccurred())
	conformance.Run(t, "default", func(t *testing.T, test func(*testing.T, conformance.Client)) { test(t, server) })
}

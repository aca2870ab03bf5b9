package api

import (
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/simtest/conformance"
)

// TestARealAPIServerDoesWhatTheSimulatedOneDoes runs the table that the crash simulation's API server is held to.
func TestARealAPIServerDoesWhatTheSimulatedOneDoes(t *testing.T) {
	g := NewWithT(t)
	scheme := runtime.NewScheme()
	g.Expect(clientgoscheme.AddToScheme(scheme)).To(Succeed())
	g.Expect(itwinv1alpha1.AddToScheme(scheme)).To(Succeed())
	server, err := client.New(plane.Config, client.Options{Scheme: scheme})
	g.Expect(err).NotTo(HaveOccurred())
	conformance.Run(t, "default", func(t *testing.T, test func(*testing.T, conformance.Client)) { test(t, server) })
}

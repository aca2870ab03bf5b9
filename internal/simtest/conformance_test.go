package simtest

import (
	"context"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"webhook-operator.io/itwin/internal/simtest/conformance"
)

// The same table runs against a real API server in test/api.
func TestTheSimulatedAPIServerDoesWhatARealOneDoes(t *testing.T) {
	conformance.Run(t, crashNamespace, func(t *testing.T, test func(*testing.T, conformance.Client)) {
		inSimulation(t, func(w *simulation) { test(w.t, apiClient{cluster: w.cluster}) })
	})
}

// apiClient is a client of the cluster, without latency. It reads past every cache.
type apiClient struct{ cluster *cluster }

func (a apiClient) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	return a.cluster.get(key, into)
}

func (a apiClient) Create(_ context.Context, o client.Object, _ ...client.CreateOption) error {
	return a.cluster.request(o)
}

func (a apiClient) Delete(_ context.Context, o client.Object, _ ...client.DeleteOption) error {
	r := refOf(o)
	stored := a.cluster.read(r)
	if stored == nil {
		return apierrors.NewNotFound(r.resource(), r.key.Name)
	}
	a.cluster.remove(stored)
	return nil
}

func (a apiClient) Patch(_ context.Context, o client.Object, patch client.Patch, _ ...client.PatchOption) error {
	return a.cluster.patch(o, patch, false)
}

func (a apiClient) Status() client.SubResourceWriter { return apiStatus{cluster: a.cluster} }

// apiStatus writes the status subresource.
type apiStatus struct {
	client.SubResourceWriter
	cluster *cluster
}

func (a apiStatus) Patch(
	_ context.Context,
	o client.Object,
	patch client.Patch,
	_ ...client.SubResourcePatchOption,
) error {
	return a.cluster.patch(o, patch, true)
}

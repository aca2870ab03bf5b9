// Package api holds the tests of the API itself, on a real API server: what it refuses and how it says so, what it
// fills in, and that every manifest of config is accepted.
package api

import (
	"context"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"webhook-operator.io/itwin/internal/harness"
)

const root = "../.."

var (
	plane *harness.ControlPlane
	// k8s refuses unknown fields, as kubectl does.
	k8s client.Client
)

func TestMain(m *testing.M) {
	harness.Main(m, harness.Suite{
		Name: "api", Install: []string{"crd"},
		Start: func(_ context.Context, p *harness.ControlPlane) error {
			plane = p
			plain, err := client.New(plane.Config, client.Options{})
			if err == nil {
				k8s = client.WithFieldValidation(plain, "Strict")
			}
			return err
		},
	})
}

// The smallest valid object of each kind; the tests change one thing about them.
const (
	webhook = `
apiVersion: itwin.webhook-operator.io/v1alpha1
kind: Webhook
metadata: {name: example, namespace: default}
spec:
  callbackUrl: https://hooks.example.com/itwin
  scope: Account
  eventTypes: [iModels.iModelDeleted.v1]
`
	connection = `
apiVersion: itwin.webhook-operator.io/v1alpha1
kind: Connection
metadata: {name: example, namespace: default}
spec:
  credentialsSecretRef: {name: itwin-service-app}
`
	clusterConnection = `
apiVersion: itwin.webhook-operator.io/v1alpha1
kind: ClusterConnection
metadata: {name: example}
spec:
  credentialsSecretRef: {name: itwin-service-app, namespace: default}
`
)

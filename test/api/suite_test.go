// Package api holds the tests of the API itself, on a real API server: what it refuses and how it says so, what it
// fills in, and that every manifest of config is accepted.
package api

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

const root = "../.."

var (
	environment *envtest.Environment
	config      *rest.Config
	// k8s refuses unknown fields, as kubectl does.
	k8s client.Client
)

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if _, err := os.Stat(filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kube-apiserver")); err != nil {
		fmt.Fprintln(os.Stderr, "These tests need a real API server: set KUBEBUILDER_ASSETS to a directory with "+
			"kube-apiserver, etcd and kubectl, or run `make test`, which finds or builds them.")
		return 1
	}
	environment = &envtest.Environment{
		CRDDirectoryPaths:     []string{filepath.Join(root, "config", "crd", "bases")},
		ErrorIfCRDPathMissing: true,
	}
	var err error
	if config, err = environment.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "start the API server:", err)
		return 1
	}
	defer func() {
		if err := environment.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stop the API server:", err)
		}
	}()
	plain, err := client.New(config, client.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, "make a client:", err)
		return 1
	}
	k8s = client.WithFieldValidation(plain, "Strict")
	return m.Run()
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

package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"

	"sigs.k8s.io/yaml"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/harness"
)

// What is in config/samples.
const (
	namespace = "digital-twin"
	// The Webhook of the whole account, and that of one iTwin.
	accountWebhook, accountPath = "itwin-lifecycle", "/itwin/lifecycle"
	modelsWebhook, modelsPath   = "model-events", "/itwin/models"
	// signsModels is the Secret that holds what the events of models are signed with.
	signsModels = "model-events-hmac"
)

// pollInterval is the shortest that is allowed, so that the demo is quick.
const pollInterval = "10s"

// overlay is a kustomization that changes the samples.
type overlay struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Resources  []string `json:"resources"`
	Patches    []patch  `json:"patches"`
}

type patch struct {
	Target *target `json:"target,omitempty"`
	Patch  string  `json:"patch"`
}

type target struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
}

// set changes properties of an object, given as JSON pointers with their values.
func (o *overlay) set(kind, name string, properties map[string]any) {
	type operation struct {
		Op    string `json:"op"`
		Path  string `json:"path"`
		Value any    `json:"value"`
	}
	operations := make([]operation, 0, len(properties))
	for path, value := range properties {
		operations = append(operations, operation{"add", path, value})
	}
	o.Patches = append(o.Patches, patch{Target: &target{kind, name}, Patch: encode(operations)})
}

// drop leaves a Webhook out.
func (o *overlay) drop(name string) {
	o.Patches = append(o.Patches, patch{Patch: encode(map[string]any{
		"$patch": "delete", "apiVersion": itwinv1alpha1.GroupVersion.String(), "kind": "Webhook",
		"metadata": map[string]string{"name": name, "namespace": namespace},
	})})
}

func encode(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain values always marshal
	}
	return string(data)
}

// applySamples applies config/samples with the addresses and credentials of this demo.
func (d *demo) applySamples(ctx context.Context) error {
	dir, err := filepath.EvalSymlinks(d.dir)
	if err != nil {
		return err
	}
	root, err := harness.Root()
	if err != nil {
		return err
	}
	samples, err := filepath.Rel(filepath.Join(dir, "samples"), filepath.Join(root, "config", "samples"))
	if err != nil {
		return err
	}
	o := &overlay{APIVersion: "kustomize.config.k8s.io/v1beta1", Kind: "Kustomization", Resources: []string{samples}}
	if d.simulated() {
		o.useSimulator(d.platform.URL, d.platform.TokenURL(), d.receiver.URL)
	} else {
		o.useAccount(d.settings.account)
	}
	data, err := yaml.Marshal(o)
	if err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(dir, "samples"), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "samples", "kustomization.yaml"), data, 0o600); err != nil {
		return err
	}
	d.applied = true
	_, err = d.plane.Kubectl(ctx, "apply", "-k", filepath.Join(dir, "samples"))
	return err
}

func (o *overlay) useSimulator(apiURL, tokenURL, receiver string) {
	o.connect(apiURL, tokenURL)
	o.set("Webhook", accountWebhook, map[string]any{"/spec/callbackUrl": receiver + accountPath})
	o.set("Webhook", modelsWebhook, map[string]any{"/spec/callbackUrl": receiver + modelsPath})
}

func (o *overlay) connect(apiURL, tokenURL string) {
	o.set("Connection", "default", map[string]any{
		"/spec/apiUrl": apiURL, "/spec/tokenUrl": tokenURL, "/spec/pollInterval": pollInterval,
	})
}

// useAccount asks for the events of an iTwin when one is named, which needs the lesser permission. Without a callback
// of one's own, nothing is to be delivered.
func (o *overlay) useAccount(a *account) {
	o.connect(a.apiURL, a.tokenURL)
	o.set("Secret", "itwin-service-app", map[string]any{
		"/stringData/clientId": a.clientID, "/stringData/clientSecret": a.clientSecret,
	})
	o.set("Secret", signsModels, map[string]any{"/stringData/secret": rand.Text() + rand.Text()})
	properties := map[string]any{"/spec/active": false}
	if a.callbackURL != "" {
		properties = map[string]any{"/spec/callbackUrl": a.callbackURL}
	}
	if a.iTwinID != "" {
		properties["/spec/scopeId"] = a.iTwinID
		o.drop(accountWebhook)
	} else {
		o.drop(modelsWebhook)
	}
	o.set("Webhook", a.webhook(), properties)
}

// webhook is the name of the one that is applied.
func (a *account) webhook() string {
	if a.iTwinID != "" {
		return modelsWebhook
	}
	return accountWebhook
}
